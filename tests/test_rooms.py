"""The folders of pipelines/ import in one direction, and no modules import each other in a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from components.deployment import ROOT

ORDER = ("commands", "graphs", "inputs", "local", "cluster", "datasets")
"""A folder may import itself and the folders to its right; `graphs` are the files of pipelines/ itself."""


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
