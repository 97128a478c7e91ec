"""What `dataset repeats` lists."""

from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from components.publish.repeats import Piece, groups
from components.shared.rows import DatasetRow
from components.shared.table import empty
from pipelines.commands.dataset import command
from store.datasets import DatasetStore
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from store.repeats import Repeat, RepeatStore
from tests.versions import put_version


def repeat(recording: str, start: float, end: float, first: str, first_start: float) -> Repeat:
    return Repeat(f"{recording}-{start}", recording, start, end, first, first_start, 0.97)


REPEATS = [
    repeat("b", 8.0, 14.0, "a", 13.0),
    repeat("c", 38.0, 43.9, "b", 8.1),
    repeat("c", 50.0, 110.0, "b", 20.0),
]


def test_what_comes_back_is_one_line_with_where_it_is_heard_first(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    lineage = {"stages": {}, "sources_sha256": "", "seconds": {"kept_seconds": 2.0}}
    put_version(DatasetStore(store, "show"), [replace(empty(DatasetRow), clip="a")], "run", lineage)
    run = CliRunner().invoke(command, ["repeats", "show", "--store", str(tmp_path)])
    assert (run.exit_code, run.output.strip()) == (0, "no repeats are known in dataset show")
    Ledger(store, "show").write(lambda _: [replace(empty(LedgerRow), recording="a", title="Episode 1")])
    RepeatStore(store, "show").write(lambda _: REPEATS)
    run = CliRunner().invoke(command, ["repeats", "show", "--store", str(tmp_path)])
    _, jingle, minute = (line.split() for line in run.output.splitlines())
    assert jingle == ["6.0", "3", "3", "Episode", "1", "(a)", "13.0"]
    assert minute == ["60.0", "2", "2", "(b)", "20.0"]


def test_what_leads_to_the_same_place_belongs_together() -> None:
    jingle, minute = groups(REPEATS)
    assert jingle == (Piece("a", 13.0, 19.0), [Piece("b", 8.0, 14.0), Piece("c", 38.0, 43.9)])
    assert minute == (Piece("b", 20.0, 80.0), [Piece("c", 50.0, 110.0)])
