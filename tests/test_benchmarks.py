"""Every benchmark starts in the environment that its docstring names, and is in the table of benchmarks/README.md."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.deployment import ROOT
from pipelines.local import environments

BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


def command(benchmark: Path) -> tuple[str, str, str]:
    """The command of a benchmark's docstring without options, its PYTHONPATH, and the stage whose environment it names, if one."""
    doc = ast.get_docstring(ast.parse(benchmark.read_text(encoding="utf-8"))) or ""
    found = re.search(rf"^    (PYTHONPATH=(\S+) \.venvs?(?:/(\w+))?/bin/python benchmarks/{benchmark.name})\b", doc, re.MULTILINE)
    assert found, f"expected a command in the docstring of {benchmark.name}, found none"
    return found[1], found[2], found[3] or ""


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_starts_in_its_environment(benchmark: Path) -> None:
    _, path, stage = command(benchmark)
    python, environment = environments.ensure(stage) if stage else sys.executable, os.environ | {"PYTHONPATH": path}
    done = subprocess.run([python, f"benchmarks/{benchmark.name}", "--help"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"benchmarks/{benchmark.name}" in done.stdout and "options:" in done.stdout


def test_the_readme_lists_every_benchmark_with_its_command() -> None:
    lines = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").splitlines()
    table = [[cell.strip(" `") for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| `")]
    assert [(row[0], row[3]) for row in table] == [(b.name, command(b)[0]) for b in BENCHMARKS]
