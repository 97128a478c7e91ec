"""The multichannel Wiener filter is norbert's, segment by segment."""

from pathlib import Path

import norbert
import numpy as np
import pytest
from peer import SMALL, whole_file
from test_stream import SEGMENT, sound, streamed

from components.separate.network import Network, load_network
from components.separate.separate import Options
from components.separate.wiener import load_wiener


@pytest.fixture(scope="module")
def with_instruments(folder: Path) -> Network:
    return load_network(folder, with_instruments=True)


def test_a_recording_of_one_segment_gives_spleeter_s_own_samples(folder: Path, with_instruments: Network) -> None:
    samples = sound(SEGMENT - SMALL["frame_length"], 2)
    theirs = whole_file(folder, samples, mwf=True)
    ours = streamed(samples, with_instruments, Options(stereo=True, refine=load_wiener()))
    masked = streamed(samples, with_instruments, Options(stereo=True))
    assert np.max(np.abs(ours[0] - theirs["vocals"])) <= 1e-4
    assert np.max(np.abs(ours[1] - theirs["accompaniment"])) <= 2e-3  # norbert's parts are the mix but for its regularization
    assert np.max(np.abs(ours - masked)) > 1e-2


def test_it_is_norbert_s_filter_of_the_segment() -> None:
    rng = np.random.default_rng(0)
    mix = (rng.standard_normal((2, 20, 33)) + 1j * rng.standard_normal((2, 20, 33))).astype(np.complex64)
    magnitudes = np.abs(rng.standard_normal((20, 33, 2, 3))).astype(np.float32)
    kept = mix.copy()
    found = load_wiener()(magnitudes, mix)
    assert np.array_equal(mix, kept)
    assert found.shape == (3, 2, 20, 33)
    assert np.allclose(found, norbert.wiener(magnitudes, kept.transpose(1, 2, 0).copy()).transpose(3, 2, 0, 1), atol=1e-5)


def test_segments_meet_without_a_click(with_instruments: Network) -> None:
    samples = sound(6 * SEGMENT, 2)
    speech = streamed(samples, with_instruments, Options(stereo=True, refine=load_wiener()))[0, :, 0]
    curves = np.abs(np.diff(speech, n=3))
    borders = np.arange(1, 6) * SEGMENT - SMALL["frame_length"]
    at_borders = max(np.max(curves[b - 8 : b + SMALL["frame_length"]]) for b in borders)
    assert at_borders <= np.max(np.delete(curves, np.concatenate([np.arange(b - 8, b + SMALL["frame_length"]) for b in borders])))


def test_batches_change_nothing(with_instruments: Network) -> None:
    samples = sound(3 * SEGMENT + 100, 2)
    one, three = (streamed(samples, with_instruments, Options(refine=load_wiener(), segments=n)) for n in (1, 3))
    assert np.max(np.abs(one - three)) <= 1e-6
