"""Speakers keep their names, whatever is published, when, by whom, and how often."""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from components.publish import speakers as naming
from components.publish.draft import Sums, decided
from components.publish.speakers import Voices, clips_of, has_vector
from components.shared.encoders import ENCODERS
from components.shared.rows import DatasetRow, Vector
from components.shared.table import to_table
from store.ledger import PENDING
from tests.components.publish.conftest import Show, account, row

JOIN = 0.6
OF = ENCODERS["resemblyzer"]


def vectors_of(voice: int, count: int, spread: float = 0.6, seed: int = 0) -> NDArray[np.float32]:
    """Vectors of clips of one voice: cosines of about 1 / (1 + spread²) within it, about 0 with others."""
    middle = np.random.default_rng([voice, 99]).standard_normal(256) / 16
    clips = middle + spread * np.random.default_rng([voice, seed]).standard_normal((count, 256)) / 16
    return (clips / np.linalg.norm(clips, axis=1, keepdims=True)).astype("<f4")


def clip(recording: str, number: int, vector: NDArray[np.float32], seconds: float = 2.0) -> DatasetRow:
    name = f"{recording}-{number:08d}"
    return row(name, seconds, vector=Vector(vector.tobytes()), audio_sha256=hashlib.sha256(name.encode()).hexdigest(), title=str(number))


def episode(recording: str, *heard: int, clips: int = 6, seed: int = 0) -> list[DatasetRow]:
    """Clips of a recording in which these voices speak in turn; `title` of a row is the voice."""
    found = [replace(clip(recording, 100 * v + i, x), title=str(v)) for v in heard for i, x in enumerate(vectors_of(v, clips, seed=seed))]
    return sorted(found, key=lambda r: r.clip)


def named(rows: Sequence[DatasetRow], known: Voices, given: int, join: float = JOIN) -> tuple[list[DatasetRow], int]:
    """The rows with a speaker for each that has a vector and none yet."""
    new = [r for r in rows if r.vector and not r.speaker]
    ids, given = naming.named(clips_of(to_table(DatasetRow, new)), known.known(), given, OF, join)
    by_clip = dict(zip((r.clip for r in new), ids, strict=True))
    return [replace(r, speaker=by_clip.get(r.clip, r.speaker)) for r in rows], given


def voices(rows: Sequence[DatasetRow]) -> Voices:
    """The voices of rows that have a speaker."""
    found, table = Voices(), to_table(DatasetRow, rows)
    there = has_vector(table)
    found.add(clips_of(table.filter(there)), table["speaker"].filter(there).to_pylist())
    return found


def spoken(rows: Sequence[DatasetRow]) -> dict[str, int]:
    """Samples by speaker, as a version counts them."""
    table, sums = to_table(DatasetRow, [replace(r, kept=not r.reason) for r in rows]), Sums()
    speakers = table["speaker"].combine_chunks()
    sums.add(decided("b", table, speakers, speakers).set_column(7, "reason", table["reason"]))
    return dict(sums.spoken)


def names(rows: Sequence[DatasetRow]) -> dict[str, set[str]]:
    """Ids by voice."""
    return {voice: {r.speaker for r in rows if r.title == voice} for voice in sorted({r.title for r in rows})}


def whole(rows: Sequence[DatasetRow]) -> float:
    return sum(r.samples for r in rows) / 44_100


def test_every_voice_gets_one_name_the_longest_first_and_a_clip_without_a_vector_none() -> None:
    rows = [*episode("a", 1, 2), *episode("b", 2, 3), row("b-9"), row("a-9", vector=Vector(b""))]
    found, given_now = named(rows, Voices(), 0)
    assert names([r for r in found if r.title]) == {"1": {"s0002"}, "2": {"s0001"}, "3": {"s0003"}}
    assert [r.speaker for r in found if not r.title] == ["", ""]
    assert given_now == 3
    assert [replace(r, speaker="") for r in found] == rows, "nothing else changes, and the order stays"


def test_names_do_not_depend_on_the_order_of_shards() -> None:
    one, two = episode("a", 1, 2, clips=5), episode("b", 2, 3, clips=7)
    found, _ = named([*one, *two], Voices(), 0)
    other, _ = named([*two, *one], Voices(), 0)
    assert {r.clip: r.speaker for r in found} == {r.clip: r.speaker for r in other}


def test_a_known_voice_is_joined_and_a_name_once_given_stays_also_by_another_threshold() -> None:
    first, given_now = named(episode("a", 1, 2), Voices(), 0)
    both, then = named([*first, *episode("b", 2, 5, seed=1)], voices(first), given_now, 3.0)
    assert both[: len(first)] == first
    assert then > 3, "the threshold is so high that hardly two clips are one voice"
    both, then = named([*first, *episode("b", 2, 5, seed=1)], voices(first), given_now)
    assert names(both)["2"] == names(first)["2"] and names(both)["5"] == {"s0003"}
    assert then == 3


def test_a_voice_of_the_next_run_gets_the_name_that_it_would_get_in_one_run() -> None:
    rows = [*episode("a", 1, 2, clips=20), *episode("b", 2, 3, clips=20, seed=1)]
    at_once, _ = named(rows, Voices(), 0)
    first, given_now = named(rows[:40], Voices(), 0)
    then, _ = named([*first, *rows[40:]], voices(first), given_now)
    assert names(then)["2"] == names(first)["2"] and len(set.union(*names(then).values())) == len(set.union(*names(at_once).values())) == 3


def test_a_recording_that_is_there_twice_speaks_once() -> None:
    rows, _ = named([*episode("a", 1), *episode("b", 2, clips=5)], Voices(), 0)
    again = [replace(r, clip=f"c{r.clip}", recording="c") for r in rows if r.recording == "b"]
    told = naming.facts(spoken([*rows, *(replace(r, reason="duplicate") for r in again)]), {"s0001": 6, "s0002": 10}, 2)
    assert list(told["seconds"].items()) == [("s0001", 12.0), ("s0002", 10.0)]
    assert naming.facts(spoken([*rows, *again]), {"s0001": 6, "s0002": 10}, 2)["dominant"] == "s0002"


def publish(show: Show, run: str, *episodes: list[DatasetRow], **settings: object) -> list[DatasetRow]:
    """Publishes episodes, each a shard of its own, and returns the newest version's rows."""
    show.plan(*(e[0].recording for e in episodes))
    parts = [show.part([account(e[0].recording, whole(e), title=e[0].recording)], e) for e in episodes]
    done = show.publish(run, *parts, **settings)
    assert done.returncode == 0, done.stderr
    return show.dataset.rows(show.dataset.version())


def test_speakers_keep_their_names_over_three_runs_on_a_growing_feed(show: Show) -> None:
    first = names(publish(show, "run-1", episode("a", 1, 2), episode("b", 1, 3)))
    second = names(publish(show, "run-2", episode("c", 1, 4, seed=1)))
    rows = publish(show, "run-3", episode("d", 4, 2, 5, seed=2), episode("e", 1, 6, seed=3))
    third = names(rows)
    assert first == {"1": {"s0001"}, "2": {"s0002"}, "3": {"s0003"}}
    assert second == first | {"4": {"s0004"}}
    assert third == second | {"5": {"s0005"}, "6": {"s0006"}}
    assert [(s.speaker, s.first_version, s.clips) for s in show.speakers()] == [
        ("s0001", 1, 24),
        ("s0002", 1, 12),
        ("s0003", 1, 6),
        ("s0004", 2, 12),
        ("s0005", 3, 6),
        ("s0006", 3, 6),
    ]
    assert sum(s.share for s in show.speakers()) == pytest.approx(1)
    assert sum(s.speech_seconds for s in show.speakers()) == pytest.approx(whole(rows))
    for speaker in show.speakers():
        heard = [np.frombuffer(r.vector, "<f4") for r in rows if r.speaker == speaker.speaker]  # all of the same length
        assert np.allclose(np.frombuffer(speaker.centroid, "<f4"), np.mean(heard, axis=0), atol=1e-6)


def test_the_dominant_speaker_is_told_recorded_and_can_be_selected(show: Show) -> None:
    publish(show, "run-1", episode("a", 1, 2, clips=4), episode("b", 2, clips=8))
    facts = {"given": 2, "count": 2, "dominant": "s0001", "speech_seconds": 32.0, "seconds": {"s0001": 24.0, "s0002": 8.0}}
    assert show.dataset.version().lineage["speakers"] == facts
    assert show.dataset.version().lineage["stages"]["publish"]["settings"]["join_similarity"] == JOIN
    done = show.publish("run-2", sources_sha256="", speakers="dominant")
    assert "dominant speaker: s0001, with 75.0% of the speech of 2 speakers" in done.stdout
    rows = show.dataset.rows(show.dataset.version(2))
    assert {(r.title, r.kept, r.reason) for r in rows} == {("2", True, ""), ("1", False, "speaker")}
    metrics = json.loads((show.folder / "metrics").read_text())
    assert (metrics["dominant_speaker"], metrics["dominant_share"], metrics["speakers"]) == ("s0001", 0.75, 2)
    assert show.dataset.version(2).lineage["speakers"] == facts


def by_campplus(rows: Sequence[DatasetRow], shorter: int = 192) -> list[DatasetRow]:
    """The same clips with vectors of the other encoder, which are shorter."""
    return [replace(r, vector=Vector(r.vector[: 4 * shorter]), voice_by="campplus") for r in rows]


def test_vectors_of_two_encoders_are_refused_and_nothing_is_published(show: Show) -> None:
    publish(show, "run-1", episode("a", 1, 2))
    other = by_campplus(episode("b", 1))
    show.plan("a", "b")
    done = show.publish("run-2", show.part([account("b", whole(other))], other))
    assert done.returncode == 2
    assert "expected the vectors of one encoder in a dataset, found 6 clips by campplus and 12 clips by resemblyzer" in done.stderr
    assert "--discover-again" in done.stderr
    assert len(show.dataset.versions()) == 1


def test_a_dataset_that_is_embedded_again_by_the_other_encoder_has_new_speakers(show: Show) -> None:
    publish(show, "run-1", episode("a", 1, 2))
    rows = publish(show, "run-2", by_campplus(episode("a", 1, 2)))
    assert names(rows) == {"1": {"s0003"}, "2": {"s0004"}} and {r.voice_by for r in rows} == {"campplus"}
    later = names(publish(show, "run-3", by_campplus(episode("b", 2, 3, seed=1))))
    assert later == names(rows) | {"2": {"s0004"}, "3": {"s0005"}}


@pytest.mark.parametrize(("voice_by", "kept"), [("campplus", 3), ("", 1)])
def test_without_a_threshold_the_encoder_s_own_selects(show: Show, voice_by: str, kept: int) -> None:
    similarities = (0.74, 0.76, 0.89, 0.91)
    heard = [
        replace(r, voice_by=voice_by, similarity=s, clip_similarity=s) for r, s in zip(episode("a", 1, clips=4), similarities, strict=True)
    ]
    rows = publish(show, "run-1", heard, min_similarity=0.0, join_similarity=0.0)
    assert sum(r.kept for r in rows) == kept
    assert show.dataset.version().lineage["stages"]["publish"]["settings"]["min_similarity"] == 0


def test_a_run_that_publishes_twice_gives_the_same_names(show: Show) -> None:
    shards = episode("a", 1, 2), episode("b", 3)
    rows = publish(show, "run-1", *shards)
    before = show.speakers()
    assert publish(show, "run-1", *shards) == rows
    assert show.speakers() == before


def test_a_recording_that_is_done_again_finds_its_voices_and_a_voice_that_is_gone_keeps_its_name(show: Show) -> None:
    first = names(publish(show, "run-1", episode("a", 1), episode("b", 2, 3)))
    show.ledger.write(lambda rows: [replace(r, outcome=PENDING) for r in rows.values()])
    again = publish(show, "run-2", episode("b", 3, clips=4, seed=1))  # cut otherwise, and without voice 2
    assert names(again) == {"1": first["1"], "3": first["3"]}
    (gone,) = (s for s in show.speakers() if s.speaker in first["2"])
    assert (gone.clips, gone.speech_seconds, gone.share, gone.first_version) == (0, 0.0, 0.0, 1)
    back = publish(show, "run-3", episode("c", 2, 7, seed=2))
    assert names(back) == {"1": first["1"], "3": first["3"], "2": first["2"], "7": {"s0004"}}


def test_an_id_is_not_given_again_when_all_that_had_it_is_gone(show: Show) -> None:
    publish(show, "run-1", episode("a", 1), episode("b", 2))
    show.ledger.write(lambda rows: [replace(r, outcome=PENDING) for r in rows.values()])
    rows = publish(show, "run-2", episode("b", 3))
    assert names(rows) == {"1": {"s0001"}, "3": {"s0003"}}


def test_publishers_at_the_same_time_give_every_voice_one_name(show: Show) -> None:
    """Four runs, each with the host and a guest of its own, commit at once: whoever is slower looks again."""
    publish(show, "run-0", episode("a", 1))
    runs = [episode(f"e{i}", 1, 10 + i, seed=i) for i in range(4)]
    show.plan(*(e[0].recording for e in runs))
    parts = [show.part([account(e[0].recording, whole(e))], e) for e in runs]

    def at_once(i: int) -> subprocess.CompletedProcess[str]:
        folder = show.folder / f"outputs-{i}"
        folder.mkdir()
        return show.publish(f"run-{i + 1}", parts[i], outputs=folder)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(at_once, range(4)))
    assert [d.returncode for d in done] == [0] * 4, [d.stderr for d in done]
    rows = show.dataset.rows(show.dataset.version(5))
    found = names(rows)
    assert found.pop("1") == {"s0001"}
    assert all(len(ids) == 1 for ids in found.values())
    assert set.union(*found.values()) == {f"s{i:04d}" for i in range(2, 6)}
    table = show.speakers()
    assert [(s.speaker, s.clips) for s in table] == [("s0001", 30), *((f"s{i:04d}", 6) for i in range(2, 6))]
    assert sorted(s.first_version for s in table) == [1, 2, 3, 4, 5]
