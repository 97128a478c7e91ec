"""What a run on this machine says of tasks that kfp.local takes from its cache."""

import io
import sys
from pathlib import Path

from kfp import dsl
from rich.console import Console

from pipelines.local import embedded
from pipelines.local import runner as local
from pipelines.local.display import Display
from pipelines.local.embedded import Program


@dsl.container_component
def tag_tone(word: str):  # type: ignore[no-untyped-def]
    return dsl.ContainerSpec(
        image="example/tag_tone:1",
        command=["python", "-c"],
        args=["print('at work')", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER, "example/tag_tone:1"],
    )


@dsl.pipeline(name="small")
def small() -> None:
    first = tag_tone(word="a")
    tag_tone(word="b").after(first)


def test_stages_have_the_same_name_at_work_and_from_the_cache(tmp_path: Path) -> None:
    shown = []
    for _ in range(2):
        text = io.StringIO()
        with Display(Console(file=text, soft_wrap=True)) as display:
            execute = embedded.executor({"example/tag_tone:1": Program(Path(sys.executable), 1, lambda: "example/tag_tone:1")})
            local.run(small, {}, root=tmp_path, execute=execute, run_id="run", jobs=1, display=display)
        shown.append([line.strip() for line in text.getvalue().splitlines() if "|" in line])
    assert shown == [["tag_tone | at work"] * 2, ["tag_tone | taken from the cache"] * 2]
