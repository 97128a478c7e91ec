"""Real voices: who speaks when, on the recording's own timeline, at the store's rate."""

import numpy as np
import pytest
import soundfile

from components.embed.__main__ import main
from components.embed.embed import embed_windows
from components.embed.encoder import load_encoder
from components.embed.plan import windows_of
from components.shared.audio import decode
from components.shared.rows import SAMPLE_RATE_HZ, Segment
from components.shared.table import write_rows
from components.shared.windows import REFERENCE_TABLE, read_windows, together
from tests.artifacts import write_recordings

PARTS = (("1688", 6.0), ("1998", 5.0), ("1688", 4.0))


def to_store_rate(signal, folder):
    soundfile.write(folder / "signal.wav", signal, 16_000)
    return np.concatenate([block[:, 0] for block in decode(folder / "signal.wav", SAMPLE_RATE_HZ)])


@pytest.fixture(scope="module")
def talk(utterances, tmp_path_factory):
    """A conversation of two, and a reference of the first of them, as artifacts; and its sound at 16 kHz."""
    folder = tmp_path_factory.mktemp("talk")
    sounds = {name: np.concatenate(utterances(name, 4)) for name, _ in PARTS}
    reference, said, used = sounds["1688"][:96_000], [], {"1688": 96_000, "1998": 0}
    for name, seconds in PARTS:
        start, used[name] = used[name], used[name] + round(seconds * 16_000)
        said.append(sounds[name][start : used[name]])
    signal = np.concatenate(said)
    for artifact, sound in (("voices", signal), ("reference", reference)):
        write_recordings(folder / artifact, {artifact: to_store_rate(sound, folder)})
    (folder / "segments").mkdir()
    write_rows(folder / "segments", Segment, [Segment("voices", 0.0, len(signal) / 16_000, "speech", "")])
    (folder / "windows").mkdir()
    outcome = main(folder / "voices", folder / "segments", folder / "reference", folder / "windows", True, "campplus", 0.4, 64, 1)
    return folder / "windows", signal, outcome


def test_two_speakers_are_told_apart_to_the_window(talk):
    folder, _, _ = talk
    ((_, windows),) = read_windows(folder)
    ((_, own),) = read_windows(folder, REFERENCE_TABLE)
    similarity = windows.vectors @ together(own.vectors)
    edges = np.cumsum([0.0, *(seconds for _, seconds in PARTS)])
    first = (windows.ends <= edges[1] + 1e-9) | (windows.starts >= edges[2] - 1e-9)
    second = (windows.starts >= edges[1] - 1e-9) & (windows.ends <= edges[2] + 1e-9)
    assert first.sum() >= 15 and second.sum() >= 7
    assert similarity[first].min() > similarity[second].max()
    assert np.median(similarity[first]) > np.median(similarity[second]) + 0.15


def test_times_are_those_of_the_recording(talk):
    folder, signal, _ = talk
    ((_, windows),) = read_windows(folder)
    frames = windows_of(np.array([[0, len(signal) // 160]]), 0.4)
    np.testing.assert_allclose(windows.starts, frames[:, 0] / 100, atol=1e-9)
    encoder = load_encoder("campplus", 1)
    there = embed_windows(iter([signal]), frames, encoder, 64)
    same = np.sum(windows.vectors * there.vectors, axis=1)
    assert same.min() > 0.98, "through 44.1 kHz and back, each window holds the sound of its own time"
    later = embed_windows(iter([signal[1600:]]), frames[:-1], encoder, 64)
    assert np.median(same) > np.median(np.sum(windows.vectors[:-1] * later.vectors, axis=1)), "0.1 s off is another sound"


def test_a_reference_is_sure_of_itself(talk):
    _, _, outcome = talk
    assert outcome["reference_windows"] == 12
    assert 0.6 < outcome["reference_lowest_similarity"] < outcome["reference_mean_similarity"] < 1
