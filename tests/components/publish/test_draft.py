"""Blocks: what a run writes, and that many small ones are joined without a change of any row."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.publish import draft
from components.publish.draft import MOST_SMALL, Draft
from components.shared.rows import DatasetRow
from components.shared.table import to_table
from tests.components.publish.conftest import Show, account, row
from tests.components.publish.test_publish import SAMPLE_RATE_HZ


def files(show: Show, number: int | None = None) -> set[str]:
    return {f.name for f in show.dataset.files(show.dataset.version(number)).values()}


def publish(show: Show, number: int) -> None:
    name = f"r{number:02d}"
    show.plan(name)
    done = show.publish(f"run-{number}", show.part([account(name)], [row(f"{name}-1", audio_sha256="aa11")]))
    assert done.returncode == 0, done.stderr


def test_a_run_writes_its_own_block_and_a_rule_only_decisions(show: Show) -> None:
    publish(show, 0)
    publish(show, 1)
    first, second = files(show, 1), files(show, 2)
    assert first < second and len(second) == 2
    measures = set(show.store.keys("datasets/show/measures/"))
    assert show.publish("select", min_seconds=9.0).returncode == 0
    assert set(show.store.keys("datasets/show/measures/")) == measures
    assert not files(show) & second
    assert show.publish("back").returncode == 0
    assert files(show) == second, "the same decisions are the same files"


def test_many_small_blocks_become_one_and_old_versions_stay(show: Show) -> None:
    for number in range(MOST_SMALL + 1):
        publish(show, number)
    before = show.dataset.rows(show.dataset.version())
    assert len(files(show)) == 1
    publish(show, MOST_SMALL + 1)
    assert len(files(show)) == 2
    rows = show.dataset.rows(show.dataset.version())
    assert rows[:-1] == before and len(rows) == MOST_SMALL + 2
    assert [len(show.dataset.rows(v)) for v in show.dataset.versions()] == list(range(1, MOST_SMALL + 3))
    show.plan("r03")
    part = show.part([account("r03", 4)], [row("r03-2", 4, audio_sha256="aa11")])
    assert show.publish("again", part).returncode == 0
    recordings = {r.recording: r for r in show.dataset.recordings(show.dataset.version())}
    assert recordings["r03"].kept_samples == 4 * SAMPLE_RATE_HZ
    assert [r.clip for r in show.dataset.rows(show.dataset.version())] == sorted([r.clip for r in rows if r.recording != "r03"] + ["r03-2"])


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(1, 9))
def test_blocks_are_split_between_recordings(sizes: list[int], most: int) -> None:
    rows = [row(f"r{n:02d}-{i}") for n, size in enumerate(sizes) for i in range(size)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(draft, "MOST_CLIPS", most)
        written = list[list[str]]()

        class Blocks:
            def write(self, table: object) -> str:
                written.append(table["clip"].to_pylist())  # type: ignore[index]
                return f"block{len(written)}"

        dataset = type("Dataset", (), {"blocks": Blocks(), "files": lambda self, version: {}})()
        made = Draft(dataset, None)
        where = made.add(to_table(DatasetRow, [replace(r, speaker="") for r in rows]), [""] * len(rows), {})
    assert [clip for part in written for clip in part] == [r.clip for r in rows]
    for part in written:
        assert len(part) <= most or len({clip.partition("-")[0] for clip in part}) == 1
    assert {r: int(b.removeprefix("block")) - 1 for r, b in where.items()} == {
        clip.partition("-")[0]: i for i, part in enumerate(written) for clip in part
    }
