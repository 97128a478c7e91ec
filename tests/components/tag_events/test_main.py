"""From recordings and clips to tables: what one run of the stage gives."""

import csv
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from components.shared.audio import decode
from components.shared.events import BOUNDS, ClipEvents, EventSpan
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.table import read_rows
from components.shared.task import StageError
from components.tag_events.__main__ import main
from tests.artifacts import tag_inputs
from tests.components.tag_events.sounds import chords, dial_tone

SETTINGS = {"enabled": True, "hop_seconds": 0.48, "threshold": 0.0, "threads": 1}

made = partial(tag_inputs, audio="recordings", output="events")


def test_a_telephone_and_music_are_found_in_their_clips_and_at_their_places(tmp_path: Path) -> None:
    quiet = np.random.default_rng(0).normal(0, 1e-3, 3 * SAMPLE_RATE_HZ)
    parts = [quiet, dial_tone(4, SAMPLE_RATE_HZ), quiet, chords(4, SAMPLE_RATE_HZ), quiet]
    inputs = made(tmp_path, {"a": np.concatenate(parts), "b": quiet}, [("a", 3.0, 7.0), ("a", 10.0, 14.0), ("b", 0.0, 3.0)])
    outcome = main(*inputs, **SETTINGS)
    phone, music, nothing = read_rows(inputs[2], ClipEvents)
    assert [r.clip for r in (phone, music, nothing)] == ["a-00003000", "a-00010000", "b-00000000"]
    assert phone.telephone > 0.8 and phone.music < 0.5 and phone.events_top[0] in ("Telephone", "Dial tone")
    assert music.music > 0.8 and music.telephone < BOUNDS["telephone"]
    assert all(getattr(nothing, name) < bound for name, bound in BOUNDS.items())
    assert {r.events_by for r in (phone, music, nothing)} == {"yamnet cf149c90fc9b every 0.48 s"}
    spans = {s.name: s for s in sorted(read_rows(inputs[2], EventSpan, "spans"), key=lambda s: s.end - s.start)}  # the longest of each
    assert abs(spans["telephone"].start - 3) < 0.5 and abs(spans["telephone"].end - 7) < 0.5
    assert abs(spans["music"].start - 10) < 0.5 and abs(spans["music"].end - 14) < 0.5
    assert (outcome["clips"], outcome["clips_with_telephone"], outcome["clips_with_music"]) == (3, 1, 1)


def test_a_lower_threshold_shows_more_in_the_timeline_and_changes_no_clip(tmp_path: Path) -> None:
    inputs = made(tmp_path, {"a": chords(6, SAMPLE_RATE_HZ)}, [("a", 1.0, 5.0)])
    found = []
    for threshold in (0.99, 0.001):
        main(*inputs, **SETTINGS | {"threshold": threshold})
        found.append((len(read_rows(inputs[2], EventSpan, "spans")), read_rows(inputs[2], ClipEvents)))
    assert found[0][0] < found[1][0] and found[0][1] == found[1][1]


def test_switched_off_it_writes_no_rows_and_loads_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.tag_events.__main__.load_network", lambda threads: pytest.fail("it loaded the network"))
    inputs = made(tmp_path, {"a": chords(2, SAMPLE_RATE_HZ)}, [("a", 0.0, 2.0)])
    assert main(*inputs, **SETTINGS | {"enabled": False})["clips"] == 0
    assert read_rows(inputs[2], ClipEvents) == [] and read_rows(inputs[2], EventSpan, "spans") == []


def test_recordings_without_sound_or_clips_pass(tmp_path: Path) -> None:
    inputs = made(tmp_path, {}, [])
    assert main(*inputs, **SETTINGS)["events"] == 0


@pytest.mark.parametrize(("name", "value"), [("hop_seconds", 0.0), ("hop_seconds", 1.0), ("threshold", 1.1), ("threads", -1)])
def test_settings_out_of_range(tmp_path: Path, name: str, value: float) -> None:
    with pytest.raises(StageError, match=f"tag_events_{name}: expected"):
        main(*made(tmp_path, {}, []), **SETTINGS | {name: value})


@pytest.mark.skipif("SPEECHMILL_DATA" not in os.environ, reason="SPEECHMILL_DATA names no folder of recordings")
def test_real_sneezes_and_cries_are_told_from_other_sounds(tmp_path: Path) -> None:
    data = Path(os.environ["SPEECHMILL_DATA"])
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["corpus"] == "esc10"]
    sounds = {f"r{i}": np.concatenate([b[:, 0] for b in decode(data / r["path"], SAMPLE_RATE_HZ)]) for i, r in enumerate(rows)}
    lengths = {name: len(sound) / SAMPLE_RATE_HZ for name, sound in sounds.items()}
    inputs = made(tmp_path, sounds, [(name, 0.0, seconds) for name, seconds in lengths.items()])
    main(*inputs, **SETTINGS)
    found = read_rows(inputs[2], ClipEvents)
    for label, event in (("person_sneeze", "cough"), ("baby_cry", "crying")):
        reached = [r["label"] for r, own in zip(rows, found, strict=True) if getattr(own, event) >= BOUNDS[event]]
        assert reached.count(label) >= 4 and len(reached) <= 8, reached
    assert sum("Dog" in own.events_top for r, own in zip(rows, found, strict=True) if r["label"] == "dog_bark") >= 3
