"""Every stage has all its files, its interface agrees with its program, and no stage imports another."""

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_origin

import docstring_parser
import pytest

from components import deployment
from components.deployment import LOCAL, ROOT, Deployment, deployed, image
from components.shared.task import StageError
from components.stage import Stage, choices
from pipelines import dataset, training
from pipelines.inputs.settings import check_settings, find_check
from pipelines.local import environments, images

COMPONENTS = ROOT / "components"
STAGES = environments.stages()


def interface(name: str) -> Stage:
    return getattr(importlib.import_module(f"components.{name}.component"), name)


def plain(annotation: Any) -> type:
    """The type of a setting's values."""
    return str if get_origin(annotation) is Literal else annotation


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    modules = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    return modules | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@cache
def tasks() -> set[str]:
    """Names of the components of the compiled pipelines."""
    return {component for pipeline in (dataset, training) for component in pipeline.build(LOCAL).pipeline_spec.components}


def sources(name: str) -> list[Path]:
    return sorted(p for p in (COMPONENTS / name).rglob("*.py"))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_all_its_files(name: str) -> None:
    for file in ("component.py", "__main__.py", "requirements.in", "requirements.txt"):
        assert (COMPONENTS / name / file).is_file(), f"components/{name}/{file}"
    assert list((ROOT / "tests" / "components" / name).glob("test_*.py"))
    assert interface(name).name == name


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_in_a_pipeline_and_has_a_task_there(name: str) -> None:
    assert [stages for stages in (dataset.STAGES, training.STAGES) if interface(name) in stages], "no pipeline lists it"
    assert f"comp-{name.replace('_', '-')}" in tasks()


@pytest.mark.parametrize("name", STAGES)
def test_an_image_gets_the_stage_shared_and_if_declared_the_store(name: str) -> None:
    given = images.build_arguments(name, gpu=False, base="base")
    recipe = (ROOT / "dockerfiles" / "stage.Dockerfile").read_text()
    parts = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM|\Z)", recipe, re.MULTILINE | re.DOTALL))
    assert recipe.splitlines()[-1] == "FROM stage${STORE:+-with-store}", "docker builds the last target of the file"
    used = parts["stage"] + (parts["stage-with-store"] if given.get("STORE") else "")
    assert "COPY --chmod=755 components/__init__.py components/\n" in used
    targets = re.findall(
        r"^COPY .* (\S+?)/?$", used.replace("${STAGE}", given["STAGE"]).replace("__init__.py components/\n", ""), re.MULTILINE
    )
    copied = {target.removeprefix("components/") for target in targets}
    assert copied == {name, "shared"} | ({"store"} if interface(name).needs.store else set())


@pytest.mark.parametrize("name", STAGES)
def test_every_pin_has_a_hash(name: str) -> None:
    for pins in (COMPONENTS / name).glob("requirements*.txt"):
        packages = [line for line in pins.read_text().splitlines() if line and not line.startswith((" ", "#"))]
        assert packages and all("==" in line and line.endswith("\\") for line in packages), pins.name


@pytest.mark.parametrize("name", STAGES)
def test_the_interface_agrees_with_the_program(name: str) -> None:
    tree = ast.parse((COMPONENTS / name / "__main__.py").read_text())
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    program = {a.arg: ast.unparse(a.annotation) for a in main.args.args if a.annotation and ast.unparse(a.annotation) != "Lineage"}
    if main.args.kwarg:  # the program takes settings by a table: what it accepts is known once the table was read
        accepted = inspect.signature(importlib.import_module(f"components.{name}.__main__").main).parameters
        program |= {p.name: inspect.formatannotation(p.annotation) for p in accepted.values() if p.name not in (*program, "lineage")}
    stage = interface(name)
    specs = stage.component.component_spec
    outputs = {n: str(s.type) for n, s in (specs.outputs or {}).items()}
    returned = {
        n
        for n, kind in outputs.items()
        if not kind.startswith("system.") or kind.startswith(("system.Metrics", "system.ClassificationMetrics"))
    }
    declared = [n for n in stage.signature.parameters if n not in returned]
    assert list(program) == declared
    for parameter, kind in program.items():
        spec = specs.inputs.get(parameter)
        artifact = parameter in outputs or str(spec.type).startswith("system.")
        expected = (
            ("list[Path]" if spec and spec.is_artifact_list else "Path")
            if artifact
            else plain(stage.signature.parameters[parameter].annotation).__name__
        )
        assert kind in (expected, f"{expected} | None"), parameter


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_imports_itself_shared_and_if_declared_the_store(name: str) -> None:
    used = {module for path in sources(name) if path.name != "component.py" for module in imports(path)}
    ours = {m for m in used if m.split(".")[0] in ("components", "pipelines", "store", "tests")}
    store = {m for m in ours if m.split(".")[0] == "store"}
    foreign = {m for m in ours - store if not m.startswith((f"components.{name}", "components.shared"))}
    assert not foreign
    assert bool(store) == bool(interface(name).needs.store)
    assert not {m for m in used if m.split(".")[0] == "kfp"}


def test_shared_and_store_import_no_stage_and_no_kfp() -> None:
    for path in [*(COMPONENTS / "shared").rglob("*.py"), *(ROOT / "store").rglob("*.py")]:
        for module in imports(path):
            assert module.split(".")[0] not in ("kfp", "pipelines", "tests"), path
            assert not module.startswith("components.") or module.startswith("components.shared"), path


@pytest.mark.parametrize("name", STAGES)
def test_every_setting_is_documented_and_has_a_simple_type(name: str) -> None:
    stage = interface(name)
    explained = {p.arg_name for p in docstring_parser.parse(stage.doc).params if p.description}
    assert explained == set(stage.settings)
    assert all(plain(p.annotation) in (str, int, float, bool) for p in stage.settings.values())


FIXED = [(name, n) for name in STAGES for n, p in interface(name).settings.items() if get_origin(p.annotation) is Literal]


@pytest.mark.parametrize(("name", "setting"), FIXED)
def test_a_check_accepts_every_choice_of_a_literal_and_nothing_else(name: str, setting: str) -> None:
    stage = interface(name)
    defaults = {n: p.default for n, p in stage.settings.items()}
    offered = choices(stage.settings[setting])
    assert defaults[setting] in offered
    for choice in offered:
        check_settings(name, defaults | {setting: choice})
    with pytest.raises(StageError, match=f"parameter {name}_{setting}: expected") as refused:
        check_settings(name, defaults | {setting: "another"})
    assert all(choice in str(refused.value) for choice in offered)


@pytest.mark.parametrize("name", STAGES)
def test_checks_take_settings_of_the_stage_under_their_own_names(name: str) -> None:
    check, settings = find_check(name), interface(name).settings
    for parameter in inspect.signature(check).parameters.values() if check else ():
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert parameter.kind is parameter.KEYWORD_ONLY and parameter.annotation is plain(settings[parameter.name].annotation)


def test_the_name_of_an_image_changes_with_its_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "ROOT", tmp_path)
    for file in (
        "components/__init__.py",
        "components/one/one.py",
        "components/one/component.py",
        "components/one/requirements.in",
        "components/one/requirements.txt",
        "components/one/requirements.gpu.txt",
        "components/two/two.py",
        "components/shared/a.py",
        "dockerfiles/base.Dockerfile",
        "dockerfiles/install.sh",
        "dockerfiles/stage.Dockerfile",
        "dockerfiles/models.Dockerfile",
        "store/b.py",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(file)
    first = image("one", store=False)
    assert first == image("one", store=False)
    outside = ("components/two/two.py", "dockerfiles/models.Dockerfile", "store/b.py")
    for file in (*outside, *(f"components/one/{f}" for f in ("component.py", "requirements.in", "requirements.gpu.txt"))):
        (tmp_path / file).write_text("other")
    assert image("one", store=False) == first
    recipes = ("dockerfiles/base.Dockerfile", "dockerfiles/install.sh", "dockerfiles/stage.Dockerfile")
    for file in ("components/__init__.py", "components/one/one.py", "components/one/requirements.txt", "components/shared/a.py", *recipes):
        before = image("one", store=False)
        (tmp_path / file).write_text("changed")
        assert image("one", store=False) != before, file
    assert image("one", store=True) != image("one", store=False)
    with deployed(Deployment(gpu=True)):
        for_gpu = image("one", store=False)
    assert for_gpu != image("one", store=False)
