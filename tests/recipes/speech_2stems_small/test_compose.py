"""recipes/speech_2stems_small/compose.py, with a stand-in for fluidsynth that copies the MIDI file."""

import sys
from pathlib import Path

import mido
import numpy as np
import pytest

from recipes.speech_2stems_small.compose import compose, main

FLUIDSYNTH = """#!/usr/bin/env python3
import shutil, sys
*options, soundfont, midi = sys.argv[1:]
assert open(soundfont).read() == "instruments"
assert options[options.index("-r") + 1] == "44100" and options[options.index("-T") + 1] == "flac"
shutil.copyfile(midi, options[options.index("-F") + 1])
"""


@pytest.fixture(autouse=True)
def fluidsynth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "fluidsynth"
    program.write_text(FLUIDSYNTH.replace("/usr/bin/env python3", sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


def rendered(monkeypatch: pytest.MonkeyPatch, out: Path, seed: int) -> list[bytes]:
    """The MIDI files of three short pieces, as the renderer gets them."""
    soundfont = out.parent / "font.sf2"
    soundfont.write_text("instruments")
    arguments = ["--soundfont", soundfont, "--out", out, "--pieces", "3", "--seconds", "6", "--seed", seed]
    monkeypatch.setattr(sys, "argv", ["compose.py", *map(str, arguments)])
    main()
    assert sorted(path.name for path in out.iterdir()) == ["0000.flac", "0001.flac", "0002.flac"]
    return [path.read_bytes() for path in sorted(out.iterdir())]


def test_a_seed_gives_the_same_pieces_again_and_another_seed_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rendered(monkeypatch, tmp_path / "a", 1)
    assert len(set(first)) == 3
    assert rendered(monkeypatch, tmp_path / "b", 1) == first
    assert not set(rendered(monkeypatch, tmp_path / "c", 2)) & set(first)


@pytest.mark.parametrize("number", range(20))
def test_a_piece_has_playable_notes_and_about_the_requested_length(number: int) -> None:
    piece = compose(np.random.default_rng((1, number)), 20.0)
    (track,) = piece.tracks
    starts = [m for m in track if m.type == "note_on"]
    assert len(starts) >= 4 and len(starts) == sum(m.type == "note_off" for m in track)
    assert all(20 <= m.note <= 108 and 20 <= m.velocity <= 120 for m in starts)
    programs = [m.channel for m in track if m.type == "program_change"]
    assert {m.channel for m in starts} - {9} == set(programs) and len(programs) == len(set(programs))
    assert 16 <= piece.length <= 24


def test_other_numbers_give_other_instruments_tempos_and_meters() -> None:
    pieces = [compose(np.random.default_rng((1, number)), 10.0) for number in range(20)]
    tempos = {m.tempo for piece in pieces for m in piece.tracks[0] if m.type == "set_tempo"}
    programs = {m.program for piece in pieces for m in piece.tracks[0] if m.type == "program_change"}
    assert len(tempos) == 20 and len(programs) > 10
    assert mido.bpm2tempo(168) <= min(tempos) and max(tempos) <= mido.bpm2tempo(62)
