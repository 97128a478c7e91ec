"""Each fault that a cluster would not take is found in a small pipeline that has it, and in none that has not."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl, kubernetes
from kfp.compiler import Compiler
from kfp.dsl import Dataset, Input, Model, Output
from lint import lint

IMAGE = "example/image:1"


def program(*arguments: Any, image: str = IMAGE) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image=image, command=["true"], args=list(arguments))


@dsl.container_component
def names(found: dsl.OutputPath(list[str])):  # type: ignore[no-untyped-def, valid-type]
    return program(found)


@dsl.container_component
def untyped(found: dsl.OutputPath(list)):  # type: ignore[no-untyped-def, valid-type]
    return program(found)


@dsl.container_component
def work(name: str, made: Output[Dataset]):  # type: ignore[no-untyped-def]
    return program(name, made.path)


@dsl.container_component
def of_number(number: int):  # type: ignore[no-untyped-def]
    return program(number)


@dsl.container_component
def of_list(name: str, every: list[str]):  # type: ignore[no-untyped-def]
    return program(name, every)


@dsl.container_component
def of_parts(parts: Input[list[Dataset]] = None):  # type: ignore[no-untyped-def]
    return program(dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER)


def faults(function: Any) -> list[str]:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "pipeline.yaml"
        Compiler().compile(dsl.pipeline(name="small")(function), str(path))
        return lint(path.read_text())


@dsl.pipeline(name="all")
def every(found: list[str]) -> list[Dataset]:
    with dsl.ParallelFor(found, parallelism=2) as name:
        made = work(name=name)
    return dsl.Collected(made.outputs["made"])


def sound(flag: bool = True) -> None:
    found = names().outputs["found"]
    with dsl.If(flag == True):  # noqa: E712  # kfp reads it
        of_parts(parts=every(found=found).output)
    with dsl.Else():
        of_parts()


def after_an_empty_loop() -> None:
    of_parts(parts=every(found=names().outputs["found"]).output)


def collected_here() -> None:
    with dsl.ParallelFor(names().outputs["found"], parallelism=2) as name:
        made = work(name=name)
    of_parts(parts=dsl.Collected(made.outputs["made"]))


def wrong_type() -> None:
    with dsl.ParallelFor(untyped().outputs["found"], parallelism=2) as number:
        of_number(number=number)


def own_list() -> None:
    found = names().outputs["found"]
    with dsl.ParallelFor(found, parallelism=2) as name:
        of_list(name=name, every=found)


def all_at_once() -> None:
    with dsl.ParallelFor(names().outputs["found"]) as name:
        work(name=name)


@dsl.pipeline(name="inner")
def inner(parts: Input[list[Dataset]]) -> None:
    of_parts(parts=parts)


def list_into_a_pipeline(flag: bool = True) -> None:
    found = names().outputs["found"]
    with dsl.If(flag == True):  # noqa: E712
        inner(parts=every(found=found).output)


def quoted_condition(word: str = "it's") -> None:
    with dsl.If(word == "it's"):
        work(name=word)


def no_tag() -> None:
    @dsl.container_component
    def plain():  # type: ignore[no-untyped-def]
        return program(image="localhost:5000/image")

    @dsl.container_component
    def newest():  # type: ignore[no-untyped-def]
        return program(image="image:latest")

    plain()
    newest()


def no_command() -> None:
    @dsl.container_component
    def plain():  # type: ignore[no-untyped-def]
        return dsl.ContainerSpec(image=IMAGE)

    plain()


def output_file() -> None:
    @dsl.container_component
    def plain():  # type: ignore[no-untyped-def]
        return program(dsl.PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER)

    plain()


def secret_that_may_be_missing() -> None:
    kubernetes.use_secret_as_env(work(name="a"), "keys", {"key": "KEY"}, optional=False)


@dsl.container_component
def of_model(model: Input[Model]):  # type: ignore[no-untyped-def]
    return program(model.uri)


def imported(uri: str = "s3://bucket/models/a/1") -> None:
    of_model(model=dsl.importer(artifact_uri=uri, artifact_class=Model).output)


def imported_under_another_name(uri: str = "s3://bucket/models/a/1") -> None:
    of_model(model=dsl.importer(artifact_uri=uri, artifact_class=Model).set_display_name("model").output)


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (sound, []),
        (imported, []),
        (imported_under_another_name, ["root/importer: an importer that is shown as model: no driver finds what it imports"]),
        (after_an_empty_loop, ["root/of-parts: takes what all iterations of all made, under no condition"]),
        (collected_here, ["root/of-parts: takes what all iterations of for-loop-1 made, under no condition"]),
        (wrong_type, ["root/for-loop-1/of-number: parameter number wants NUMBER_INTEGER, gets STRING"]),
        (own_list, ["root/for-loop-1/of-list: takes the list that its loop runs over"]),
        (all_at_once, ["root/for-loop-1: a loop without parallelism"]),
        (list_into_a_pipeline, ["root/condition-1/inner: a list of artifacts, parts, goes into a sub-pipeline"]),
        (quoted_condition, ["root/condition-1: its condition compares with a text that holds a quote"]),
        (no_tag, ["exec-newest: image image:latest without a tag", "exec-plain: image localhost:5000/image without a tag"]),
        (no_command, ["exec-plain: no command"]),
        (output_file, ["exec-plain: {{$.outputs.output_file}} is replaced in local runs alone"]),
        (secret_that_may_be_missing, ["exec-work: secret_as_env is not optional"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_fault_is_found_and_no_other(pipeline: Any, said: list[str]) -> None:
    found = sorted(faults(pipeline))
    assert len(found) == len(said), found
    for fault, beginning in zip(found, said, strict=True):
        assert fault.startswith(beginning)


def test_a_field_that_no_kubeflow_knows_is_a_fault() -> None:
    assert lint("pipelineInfo: {name: small}\nnonsense: 1\n")[0].startswith("not understood: ")
