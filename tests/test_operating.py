"""docs/operating.md lists the resources that every stage requests, as the code declares them."""

import pytest

from components.deployment import ROOT, Needs
from components.stage import Stage
from components.train_separator.component import train_separator
from pipelines.dataset import SHARD_STAGES, STAGES

TEXT = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
ALL = (*STAGES, train_separator)


def table(head: str) -> list[list[str]]:
    """The rows of the table whose head starts with this text, without the head."""
    lines = TEXT.partition(f"\n{head}")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def cores(needs: Needs) -> str:
    """CPU request and limit in cores, as the table writes them."""
    return ", ".join(f"{float(c.removesuffix('m')) / (1000 if c.endswith('m') else 1):g}" for c in (needs.cpu, needs.cpu_limit))


def network(needs: Needs) -> str:
    own = "internet" if needs.internet else "store" if needs.store else "none"
    return f"{own}; internet for azure" if needs.azure else own


@pytest.mark.parametrize("stage", ALL, ids=lambda stage: stage.name)
def test_the_table_has_the_requests_of_a_stage(stage: Stage) -> None:
    (row,) = [cells[1:] for cells in table("| stage | CPU, at most | memory |") if cells[0] == f"`{stage.name}`"]
    needs = stage._needs  # before a deployment changes them
    secrets = [f"`speechmill-{needs.store}`"] if needs.store else []
    secrets += [f"`{name}`" + (" for azure" if needs.azure else "") for name in needs.secrets]
    wanted = [cores(needs), needs.memory.replace("Gi", " GiB"), str(needs.timeout_hours), "yes" if needs.gpu else ""]
    assert row == [*wanted, network(needs), ", ".join(secrets)]


def test_the_table_of_networks_has_every_stage_once() -> None:
    found = [(name.strip(), cells[0].strip("`")) for cells in table("| label `speechmill/network` |") for name in cells[1].split(",")]
    own = {name: label for name, label in found if " " not in name}
    assert own == {s.name: network(s._needs).partition(";")[0] for s in ALL if not s._needs.azure} | {"transcribe": "none"}


def test_the_table_of_disk_sizes_has_every_stage_of_a_shard() -> None:
    named = {name.strip("` ") for cells in table("| ten hours in one shard |") for name in cells[0].split(",")}
    assert {stage.name for stage in SHARD_STAGES} <= named


def test_the_number_of_tasks_in_a_shard_is_current() -> None:
    assert f"{len(SHARD_STAGES)} tasks in seven levels" in " ".join(TEXT.split())
    assert f"{2 + 2 * len(SHARD_STAGES)} N" in TEXT
