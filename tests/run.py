"""Runs tests, each in its environment, and prints one summary: `make test`, `make test-all`, `make test ARGS="-k cut"`.

tests/components/<stage> runs in that stage's environment, so a stage that uses a package its image lacks fails its tests.
tests/recipes/<name> runs where the recipe runs. Everything else runs in the control side's environment.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from components.deployment import ROOT
from pipelines.local import environments

TESTS = ROOT / "tests"
SLOW_FIRST = ("end_to_end", "control", "separate", "download", "denoise", "segment", "images")
RECIPES_IN_STAGES = {"tone": "train_tone"}
"""The stage in whose environment a recipe runs; all other recipes run in the control side's."""
NO_TESTS = 5  # pytest's exit status


@dataclass(frozen=True)
class Group:
    """Tests that run in one process."""

    name: str
    python: Path
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Result:
    """The outcome of a group: pytest's exit status and output, and the counts of its report."""

    group: Group
    status: int
    output: str
    counts: Mapping[str, int]
    skips: tuple[str, ...]
    seconds: float


def groups() -> list[Group]:
    """All groups, the slow ones first."""
    control = Path(sys.executable)
    places = {p: "" if p.name == "shared" else p.name for p in _folders("components")}
    places |= {p: RECIPES_IN_STAGES.get(p.name, "") for p in _folders("recipes")}
    found = [Group(p.name, environments.ensure(stage) if stage else control, (p,)) for p, stage in places.items()]
    slow, others = ("end_to_end", "images"), ("components", "recipes", "cluster", "__pycache__")
    rest = [p for p in sorted(TESTS.iterdir()) if (p.is_dir() and p.name not in (*slow, *others)) or p.name.startswith("test_")]
    found += [*(Group(name, control, (TESTS / name,)) for name in slow), Group("control", control, tuple(rest))]
    return sorted(found, key=lambda g: SLOW_FIRST.index(g.name) if g.name in SLOW_FIRST else len(SLOW_FIRST))


def _folders(name: str) -> list[Path]:
    return [p for p in sorted((TESTS / name).iterdir()) if p.is_dir() and p.name != "__pycache__"]


def test_tools() -> Path:
    """A folder with pytest and hypothesis for PYTHONPATH. A stage's environment lacks them: it holds only what its image holds."""
    pins, target = TESTS / "requirements.txt", environments.FOLDER / "pytest"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    stamp = target / "complete"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(target, ignore_errors=True)
        into = ["--python", sys.executable, "--target", str(target)]
        environments.uv("pip", "install", "--quiet", "--require-hashes", "--no-deps", *into, "-r", str(pins))
        stamp.write_text(wanted)
    return target


def run(group: Group, arguments: list[str], tools: Path) -> Result:
    """Runs a group and waits for it."""
    path = os.pathsep.join([str(ROOT), str(tools)])
    environment = os.environ | {"PYTHONPATH": path, "PATH": f"{group.python.parent}{os.pathsep}{os.environ['PATH']}"}
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [group.python, "-m", "pytest", f"--junitxml={report}", "--color=no", *group.paths, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    kinds = ("failure", "error", "skipped")
    counts = {kind: sum(case.find(kind) is not None for case in cases) for kind in kinds}
    skips = tuple(sorted({s.get("message", "") for case in cases if (s := case.find("skipped")) is not None}))
    return Result(group, done.returncode, done.stdout, counts | {"tests": len(cases)}, skips, time.monotonic() - start)


def main() -> int:
    arguments, tools = sys.argv[1:], test_tools()
    print(f"testing in {len(groups())} environments", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = []
        for result in pool.map(lambda g: run(g, arguments, tools), groups()):
            results.append(result)
            if result.status not in (0, NO_TESTS):
                print(f"\n===== {result.group.name} =====\n{result.output}", flush=True)
            bad = result.counts["failure"] + result.counts["error"]
            passed = result.counts["tests"] - bad - result.counts["skipped"]
            line = f"{result.group.name:>12}: {passed} passed, {bad} failed, {result.counts['skipped']} skipped in {result.seconds:.0f} s"
            print(line + "".join(f"\n{'':>14}skipped: {reason}" for reason in result.skips), flush=True)
    failed = [r.group.name for r in results if r.status not in (0, NO_TESTS)]
    total = sum(r.counts["tests"] for r in results)
    print(f"{total} tests, " + (f"FAILED in {', '.join(failed)}" if failed else "all passed") if total else "no tests were found")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
