"""The README agrees with the code."""

import re

from components.deployment import ROOT
from pipelines.dataset import SHARD_STAGES, STAGES

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_stages_agrees_with_the_pipeline() -> None:
    table = README.partition("| stage |")[2].partition("\n\n")[0]
    cells = {row[0].strip("` "): row[1:] for line in table.splitlines()[2:] if (row := line.strip("| ").split(" | "))}
    assert list(cells) == [stage.name for stage in STAGES]
    for stage in SHARD_STAGES[1:]:
        specs = stage.component.component_spec
        reads = [n for n, s in specs.inputs.items() if str(s.type).startswith("system.")]
        assert [n.strip() for n in cells[stage.name][0].split(",")] == reads, stage.name
        assert [n.strip() for n in cells[stage.name][1].split(",")] == list(specs.outputs), stage.name


def test_every_make_command_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_graph_shows_every_stage() -> None:
    graph = README.partition("## How it works")[2].partition("| stage |")[0]
    assert all(stage.name in graph for stage in STAGES)
