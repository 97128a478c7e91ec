"""A model that enters a pipeline through the importer: what a task of a loop gets of it, and what the cache goes by."""

import io
import sys
from functools import partial
from pathlib import Path

from kfp import dsl
from kfp.dsl import Dataset, Input, Model, Output
from rich.console import Console

from pipelines.local import embedded
from pipelines.local import runner as local
from pipelines.local.display import Display
from pipelines.local.embedded import Program

READ = "import json, pathlib, sys; task = json.loads(pathlib.Path(sys.argv[1][1:]).read_text()); outputs = task['outputs']; "
WRITE = "pathlib.Path(outputs['outputFile']).write_text(json.dumps(made))"
FIND = READ + "made = {'parameterValues': {'found': ['a', 'b'], 'count': 2}}; " + WRITE
WORK = (
    READ + "model = task['inputs']['artifacts']['model']['artifacts'][0]['uri']; "
    "print(task['inputs']['parameterValues']['name'], pathlib.Path(model, 'weights').read_text()); "
    "artifact = outputs['artifacts']['made']['artifacts'][0]; pathlib.Path(artifact['uri']).mkdir(parents=True); "
    "made = {'artifacts': {'made': {'artifacts': [{k: artifact[k] for k in ('name', 'uri')}]}}}; " + WRITE
)


def program(code: str, image: str) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image=image, command=["python", "-c"], args=[code, dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER, image])


@dsl.container_component
def find(found: dsl.OutputPath(list[str]), count: dsl.OutputPath(int)):  # type: ignore[no-untyped-def, valid-type]
    return program(FIND, "example/find:1")


@dsl.container_component
def work(name: str, model: Input[Model], made: Output[Dataset]):  # type: ignore[no-untyped-def]
    return program(WORK, "example/work:1")


@dsl.pipeline(name="all")
def every(found: list[str], model: Input[Model]) -> list[Dataset]:
    with dsl.ParallelFor(found, parallelism=2) as name:
        made = work(name=name, model=model)
    return dsl.Collected(made.outputs["made"])


@dsl.pipeline(name="small")
def small(uri: str) -> None:
    found = find()
    with dsl.If(found.outputs["count"] > 0):
        every(found=found.outputs["found"], model=dsl.importer(artifact_uri=uri, artifact_class=Model).output)


def run(model: Path, root: Path) -> list[str]:
    """The last words of every task, in order."""
    shown = io.StringIO()
    programs = {image: Program(Path(sys.executable), 1, partial(str, image)) for image in ("example/find:1", "example/work:1")}
    with Display(Console(file=shown, soft_wrap=True)) as display:
        execute = embedded.executor(programs)
        local.run(small, {"uri": str(model)}, root=root, execute=execute, run_id="run", jobs=1, display=display)
    return sorted(line.partition(" | ")[2] for line in shown.getvalue().splitlines() if "work" in line)


def test_every_shard_gets_the_model_and_another_one_is_no_hit_in_the_cache(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(name)
    assert run(tmp_path / "one", tmp_path / "runs") == ["a one", "b one"]
    assert run(tmp_path / "one", tmp_path / "runs") == ["taken from the cache"] * 2
    assert run(tmp_path / "two", tmp_path / "runs") == ["a two", "b two"]
