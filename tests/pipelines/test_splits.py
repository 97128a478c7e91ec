"""Splits of exports: a speaker or a recording is in one of them, whatever else a version holds."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pipelines.datasets.exports.splits import RECORDING, SPEAKER, Splits, parse
from store.datasets import DatasetStore
from store.objects import open_store
from tests.command import speechmill
from tests.export_store import fill, rows
from tests.versions import put_version

IDS = st.text("0123456789abcdef", min_size=1, max_size=6)
CLIPS = st.lists(st.tuples(st.one_of(st.just(""), IDS), IDS), min_size=1, max_size=60)
"""Speaker and recording of clips; a speaker may be unknown."""
SHARES = st.lists(st.integers(1, 50), min_size=1, max_size=5).map(
    lambda parts: tuple((f"part{n}", Fraction(part, sum(parts))) for n, part in enumerate(parts))
)


@given(CLIPS, SHARES)
def test_all_clips_of_a_speaker_are_in_one_split(clips: list[tuple[str, str]], shares: tuple[tuple[str, Fraction], ...]) -> None:
    splits, place = Splits(shares, SPEAKER), {}
    for speaker, recording in clips:
        found = splits.of(speaker, recording)
        assert found in dict(shares)
        assert place.setdefault(speaker or f"unknown in {recording}", found) == found


@given(CLIPS, SHARES)
def test_all_clips_of_a_recording_are_in_one_split(clips: list[tuple[str, str]], shares: tuple[tuple[str, Fraction], ...]) -> None:
    splits, place = Splits(shares, RECORDING), {}
    for speaker, recording in clips:
        found = splits.of(speaker, recording)
        assert place.setdefault(recording, found) == found


@given(st.integers(0, 10**6), SHARES)
@examples(max_examples=20, deadline=None)
def test_of_many_speakers_each_split_gets_its_share(first: int, shares: tuple[tuple[str, Fraction], ...]) -> None:
    splits = Splits(shares, SPEAKER)
    found = [splits.of(f"s{first + n}", "") for n in range(2000)]
    for name, share in shares:
        assert found.count(name) / 2000 == pytest.approx(float(share), abs=0.07)  # six standard deviations


def test_a_larger_share_of_the_first_split_moves_clips_to_it_only() -> None:
    small, large = parse("train=0.8,test=0.2", SPEAKER), parse("train=0.9,test=0.1", SPEAKER)
    places = [(small.of(f"s{n}", ""), large.of(f"s{n}", "")) for n in range(500)]
    assert set(places) == {("train", "train"), ("test", "train"), ("test", "test")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train", "expected a share of all, such as train=0.9, found 'train'"),
        ("train=0.9,dev=0.05", "whose sum is 1, found train=0.9,dev=0.05 with the sum 0.95"),
        ("train=0.5,train=0.5", "expected every name once"),
        ("train=1.5,dev=-0.5", "expected shares above 0"),
        ("../x=1", "expected names of letters, digits and _"),
        ("train=1/0", "expected a share of all"),
    ],
)
def test_what_is_no_list_of_splits_is_explained(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text, SPEAKER)
    assert said in str(refused.value)


def placed(store: Path, out: Path, by: str) -> dict[str, tuple[str, str]]:
    """The split and the speaker or recording of each clip of an export of the newest version."""
    options = ("--format", "jsonl", "--split", "train=0.7,dev=0.1,test=0.2", "--split-by", by)
    done = speechmill("dataset", "export", "radio", "--store", store, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all((out / line["audio"]).exists() and line["audio"].startswith(f"{line['split']}/") for line in lines)
    return {line["clip"]: (line["split"], line[by]) for line in lines}


@pytest.mark.parametrize("by", [SPEAKER, RECORDING])
def test_a_clip_stays_in_its_split_in_later_versions(tmp_path: Path, by: str) -> None:
    store = fill(tmp_path / "store", clips=24)
    first = placed(store, tmp_path / "one", by)
    fill(tmp_path / "more", clips=47)
    dataset, sounds = DatasetStore(open_store(str(store)), "radio"), open_store(str(tmp_path / "more"))
    for key in sounds.keys("datasets/radio/audio/"):
        dataset.store.write(key, sounds.read(key))
    assert put_version(dataset, rows(47)[8:], run="run-2", block_clips=5)
    later = placed(store, tmp_path / "two", by)
    both = first.keys() & later.keys()
    assert len(both) == 16 and len(later) == 39
    assert {clip: first[clip] for clip in both} == {clip: later[clip] for clip in both}
    by_key: dict[str, set[str]] = {}
    for split, key in [*first.values(), *later.values()]:
        by_key.setdefault(key, set()).add(split)
    assert all(len(splits) == 1 for key, splits in by_key.items() if key)
