"""What repeats itself for hours, or is in every episode, is found in bounded memory and told once."""

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.repeats import looped, made, with_sound
from components.publish.matching import thinned, values
from components.publish.repeats import found
from components.shared.rows import Fingerprint
from store.fingerprints import FingerprintStore
from store.objects import open_store
from store.repeats import Repeat

MOST_BYTES = 200_000_000
"""Of 2 GiB that publish has."""
JINGLE_SECONDS = 9.0


def by_name(recording: str) -> tuple[str, str]:
    return "", recording


def all_new(folder: Path, *fingerprints: Fingerprint) -> tuple[list[Repeat], int]:
    """What new recordings repeat, and how many bytes it took to find it."""
    store = FingerprintStore(open_store(str(folder)), "show")
    for fingerprint in fingerprints:
        store.write([thinned(fingerprint)])
    tracemalloc.start()
    rows = found(store, fingerprints, {f.recording for f in fingerprints}, by_name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return rows, peak


def told(rows: Sequence[Repeat]) -> list[tuple[str, int, int, str, int]]:
    return sorted((r.recording, round(r.start), round(r.end), r.first_recording, round(r.first_start)) for r in rows)


def test_two_hours_on_hold_repeat_their_first_eight_seconds(tmp_path: Path) -> None:
    rows, peak = all_new(tmp_path, looped("hold", 8.0, 7200.0))
    assert told(rows) == [("hold", 8, 7200, "hold", 0)]
    assert peak < MOST_BYTES


def test_a_loop_whose_turns_differ_a_little_is_found_as_well(tmp_path: Path) -> None:
    hold, rng = looped("hold", 8.0, 3600.0), np.random.default_rng(1)
    bits = np.packbits(rng.random((len(values(hold)), 32), np.float32) < 0.03, axis=1).view("<u4")[:, 0]
    rows, peak = all_new(tmp_path, replace(hold, hashes=(values(hold) ^ bits).astype("<u4").tobytes()))
    covered = np.zeros(3600, bool)
    for row in rows:
        covered[round(row.start) : round(row.end)] = True
    assert covered[12:].all()
    assert len(rows) < 20 and peak < MOST_BYTES


def test_two_recordings_of_one_loop_are_one_repeat_of_each_other(tmp_path: Path) -> None:
    one = looped("one", 8.0, 1800.0)
    rows, _ = all_new(tmp_path, one, replace(one, recording="two"))
    assert told(rows) == [("one", 8, 1800, "one", 0), ("two", 0, 1800, "one", 0)]


def test_a_jingle_of_many_new_episodes_is_told_once_an_episode(tmp_path: Path) -> None:
    jingle = made("jingle", 0, JINGLE_SECONDS)
    episodes = [with_sound(made(f"e{n:03d}", n, 60.0), jingle, 10.0 + n / 10) for n in range(1, 151)]
    rows, _ = all_new(tmp_path, *episodes)
    assert [r.recording for r in sorted(rows, key=lambda r: r.recording)] == [f"e{n:03d}" for n in range(2, 151)]
    assert {r.first_recording for r in rows} == {"e001"}
    assert all(abs((r.start - r.first_start) - (int(r.recording[1:]) - 1) / 10) < 0.1 for r in rows)
    assert all(abs(r.end - r.start - JINGLE_SECONDS) < 1.6 for r in rows)
