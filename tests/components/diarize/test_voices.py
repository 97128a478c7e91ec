"""Real voices: who speaks when, on the recording's own timeline, at the store's rate."""

import numpy as np
import pytest
import soundfile

from components.diarize.__main__ import main
from components.shared.audio import decode
from components.shared.rows import SAMPLE_RATE_HZ, Segment, Turn
from components.shared.table import read_rows, write_rows
from components.shared.vectors import embed_windows
from components.shared.voice_encoder import load_encoder
from components.shared.windows import REFERENCE_TABLE, read_windows, together
from tests.artifacts import write_recordings

PARTS = (("3080", 6.0), ("1998", 5.0), ("3080", 4.0))


def to_store_rate(signal, folder):
    soundfile.write(folder / "signal.wav", signal, 16_000)
    return np.concatenate([block[:, 0] for block in decode(folder / "signal.wav", SAMPLE_RATE_HZ)])


@pytest.fixture(scope="module")
def talk(utterances, tmp_path_factory):
    """A conversation of two, and a reference of the first of them, as artifacts; and its sound at 16 kHz."""
    folder = tmp_path_factory.mktemp("talk")
    sounds = {name: np.concatenate(utterances(name, 4)) for name, _ in PARTS}
    reference, said, used = sounds["3080"][:96_000], [], {"3080": 96_000, "1998": 0}
    for name, seconds in PARTS:
        start, used[name] = used[name], used[name] + round(seconds * 16_000)
        said.append(sounds[name][start : used[name]])
    signal = np.concatenate(said)
    for artifact, sound in (("voices", signal), ("reference", reference)):
        write_recordings(folder / artifact, {artifact: to_store_rate(sound, folder)})
    (folder / "segments").mkdir()
    write_rows(folder / "segments", Segment, [Segment("voices", 0.0, len(signal) / 16_000, "speech", "")])
    (folder / "turns").mkdir()
    outcome = main(folder / "voices", folder / "segments", folder / "reference", folder / "turns", True, "campplus", 0.4, 64, 1)
    return folder / "turns", signal, outcome


def test_two_speakers_have_a_voice_each_and_turns_that_end_where_they_do(talk):
    folder, _, _ = talk
    turns = read_rows(folder, Turn)
    for start, end, voice in ((0.0, 6.0, 0), (6.0, 11.0, 1), (11.0, 15.0, 0)):
        own = [t for t in turns if start - 0.3 <= t.start and t.end <= end + 0.3]
        assert own and {t.voice for t in own} == {voice}
        turns = [t for t in turns if t not in own]
    assert not turns, "no turn reaches over a change of speaker"


def test_windows_are_similar_to_the_reference_where_it_speaks(talk):
    folder, _, _ = talk
    ((_, windows),) = read_windows(folder)
    ((_, own),) = read_windows(folder, REFERENCE_TABLE)
    similarity = windows.vectors @ together(own.vectors)
    same, other = similarity[windows.voices == 0], similarity[windows.voices == 1]
    assert len(same) >= 5 and len(other) >= 5
    assert same.min() > other.max() and np.median(same) > np.median(other) + 0.15


def test_times_are_those_of_the_recording(talk):
    folder, signal, _ = talk
    ((_, windows),) = read_windows(folder)
    frames = np.rint(100 * np.stack([windows.starts, windows.ends], axis=1)).astype(int)
    encoder = load_encoder("campplus", 1)
    there, _ = embed_windows(iter([signal]), frames, encoder, 64)
    same = np.sum(windows.vectors * there.vectors, axis=1)
    assert same.min() > 0.98, "through 44.1 kHz and back, each window holds the sound of its own time"
    later, _ = embed_windows(iter([signal[1600:]]), frames[:-2], encoder, 64)
    assert np.median(same) > np.median(np.sum(windows.vectors[:-2] * later.vectors, axis=1)), "0.1 s off is another sound"


def test_a_reference_is_sure_of_itself(talk):
    _, _, outcome = talk
    assert outcome["reference_windows"] >= 6
    assert 0.6 < outcome["reference_lowest_similarity"] < outcome["reference_mean_similarity"] < 1
