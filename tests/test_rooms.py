"""The folders of pipelines/ import in one direction, no modules import each other in a circle, and the control side stays light."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from components.deployment import ROOT

ORDER = ("commands", "graphs", "inputs", "local", "cluster", "datasets")
"""A folder may import itself and the folders to its right; `graphs` are the files of pipelines/ itself."""

CHECK_ALL_SETTINGS = """
import sys
from click.testing import CliRunner
from pipelines import dataset, training
from pipelines.commands.cli import speechmill
from pipelines.inputs.settings import check_settings

for arguments in (["--help"], ["run", "--help"]):
    shown = CliRunner().invoke(speechmill, arguments)
    assert shown.exit_code == 0, shown.output
for stage in (*dataset.STAGES, *training.STAGES):
    check_settings(stage.name, {name: setting.default for name, setting in stage.settings.items()})
print(*sys.modules)
"""


def modules(*folders: str) -> dict[str, Path]:
    """Every module below the folders, by its import name."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def imports(path: Path) -> Iterator[str]:
    """The names that a module imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 2 else "graphs"


@pytest.mark.parametrize("module", [m for m in modules("pipelines") if m != "pipelines"])
def test_a_folder_of_pipelines_imports_only_folders_to_its_right(module: str) -> None:
    known = modules("pipelines")
    used = {room(name) for name in imports(known[module]) if name in known}
    allowed = ORDER[ORDER.index(room(module)) :]
    assert used <= set(allowed), f"{module} is in {room(module)} and imports {', '.join(sorted(used - set(allowed)))}"


def test_pipelines_itself_holds_the_graphs_and_nothing_else() -> None:
    assert sorted(path.name for path in (ROOT / "pipelines").glob("*.py")) == ["dataset.py", "training.py"]


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = modules("components", "pipelines", "store")
    graph = {name: {used for used in imports(path) if used in known and used != name} for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_control_side_imports_no_stage_s_program() -> None:
    for module, path in modules("pipelines", "store").items():
        programs = {name for name in imports(path) if name.startswith("components.") and "__main__" in name.split(".")}
        assert not programs, f"{module} imports {', '.join(sorted(programs))}"


def test_help_and_checks_of_settings_need_neither_scipy_nor_a_stage_s_program() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", CHECK_ALL_SETTINGS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "components.denoise.settings" in loaded
    assert not [name for name in loaded if name.split(".")[0] == "scipy" or (name.startswith("components.") and name.endswith("__main__"))]
