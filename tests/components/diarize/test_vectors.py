"""Windows of sound become voices, whatever the level, the blocks and the batches."""

import numpy as np
import pytest

from components.shared.mel import FRAME, SPAN
from components.shared.vectors import LEVEL_DB, embed_windows, without_pauses
from components.shared.voice_encoder import load_encoder
from components.shared.window_plan import windows_of
from components.shared.windows import together
from tests.components.diarize.conftest import spoken


def whole(signal):
    return np.array([[0, len(signal) // FRAME]])


def heard(signal, encoder, hop_seconds=0.4, batch_windows=64, block=16_000):
    windows, _ = windows_of(whole(signal), hop_seconds)
    return embed_windows((signal[i : i + block] for i in range(0, len(signal), block)), windows, encoder, batch_windows)[0]


def test_every_vector_is_of_length_1(encoder):
    found = heard(spoken(11.3), encoder)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("gain_db", [-40, -20, 6])
def test_how_loud_somebody_speaks_changes_nothing(encoder, gain_db):
    signal = spoken(5.0)
    same = np.sum(heard(signal, encoder).vectors * heard(signal * np.float32(10 ** (gain_db / 20)), encoder).vectors, axis=1)
    assert same.min() > 1 - 1e-4


@pytest.mark.parametrize(("batch_windows", "block"), [(1, 16_000), (7, 123), (4096, 10**9)])
def test_neither_batches_nor_blocks_change_a_voice(encoder, batch_windows, block):
    signal = spoken(31.0)
    expected, found = heard(signal, encoder), heard(signal, encoder, batch_windows=batch_windows, block=block)
    np.testing.assert_array_equal(found.spans, expected.spans)
    np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-5)


def test_the_same_sound_twice_is_the_same_to_the_bit(encoder):
    signal = spoken(9.0)
    assert heard(signal, encoder).vectors.tobytes() == heard(signal, load_encoder(encoder.name, threads=1)).vectors.tobytes()


def test_the_number_of_threads_changes_no_bit(encoder):
    signal = spoken(20.0)
    assert heard(signal, encoder).vectors.tobytes() == heard(signal, load_encoder(encoder.name, threads=3)).vectors.tobytes()


def test_windows_far_apart_are_those_of_their_own_sound(encoder):
    first, second = spoken(3.0, seed=1), spoken(2.5, seed=2)
    signal = np.concatenate([first, np.random.default_rng(0).standard_normal(60 * 16_000).astype(np.float32) * 0.2, second])
    windows, _ = windows_of(np.array([[0, 300], [6300, 6550]]), 0.4)
    found, _ = embed_windows((signal[i : i + 5000] for i in range(0, len(signal), 5000)), windows, encoder, 64)
    spectra = encoder.spectra(np.pad(signal, SPAN // 2))
    for (start, end), vector in zip(windows, found.vectors, strict=True):
        power = np.mean(signal[start * FRAME : end * FRAME] ** 2)
        (expected,) = encoder.vectors((spectra[start:end] / power * 10 ** (LEVEL_DB / 10)).astype(np.float32)[None])
        np.testing.assert_allclose(vector, expected, atol=1e-4)


def test_a_stretch_shorter_than_a_window_is_heard_alone(encoder, utterances):
    said = together(heard(utterances("1688", 1)[0], encoder).vectors)
    others = [together(heard(u, encoder).vectors) for u in (utterances("1998", 1)[0], utterances("2033", 1)[0])]
    short = utterances("1688", 2)[1][16_000 : 16_000 + 14_400]
    (vector,) = heard(short, encoder).vectors
    assert vector @ said > max(vector @ other for other in others)


def test_digital_silence_has_no_voice(encoder):
    found = heard(np.concatenate([spoken(2.0), np.zeros(64_000, np.float32), spoken(2.0)]), encoder)
    assert np.isfinite(found.vectors).all()
    assert not ((found.spans[:, 0] >= 200) & (found.spans[:, 1] <= 600)).any() and len(found.spans) > 4
    assert len(heard(np.zeros(64_000, np.float32), encoder).spans) == 0


def test_pauses_of_a_reference_are_left_out_and_speech_is_not(encoder):
    hum = 0.0005 * np.random.default_rng(1).standard_normal(64_000).astype(np.float32)
    found = without_pauses(heard(np.concatenate([spoken(4.0), hum, spoken(4.0)]), encoder))
    inside = np.minimum(found.spans[:, 1], 800) - np.maximum(found.spans[:, 0], 400)
    assert inside.max() < 100 and found.spans[0, 0] == 0 and found.spans[-1, 1] == 1200
    assert len(found.spans) > 10
