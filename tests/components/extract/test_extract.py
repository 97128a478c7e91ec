"""Stretches are extracted and judged; whatever the network, nothing gets worse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.extract.extract import FADE, WIDE, Judge, Judgement, extracted, narrow
from components.extract.patch import Patched
from components.shared.audio import FlacWriter, from_pcm16, read
from components.shared.distortion import si_sdr
from components.shared.dnsmos import load_dnsmos
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.vectors import embed_windows
from components.shared.voice_encoder import load_encoder
from components.shared.voicefilter import BINS, STFT, Stft
from components.shared.window_plan import windows_of
from components.shared.windows import together


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(load_encoder("campplus", threads=1), load_dnsmos(threads=1))


@pytest.fixture(scope="module")
def vector(utterances: dict[str, NDArray[np.float32]], judge: Judge) -> NDArray[np.float32]:
    """The host's."""
    heard = narrow(utterances["host"][:, None])
    spans, _ = windows_of(np.array([[0, len(heard) // 160]]), 0.8)
    return together(embed_windows(iter([heard]), spans, judge.encoder, 16)[0].vectors).astype(np.float32)


@given(st.integers(1, 30_000), st.sampled_from([STFT, WIDE]), st.integers(0, 9))
@settings(max_examples=40)
def test_a_signal_is_the_same_after_its_spectrum(samples: int, stft: Stft, seed: int) -> None:
    sound = np.random.default_rng(seed).standard_normal(samples).astype(np.float32)
    spectrum = stft.spectrum(sound)
    assert spectrum.shape == (samples // stft.hop + 1, stft.fft // 2 + 1)
    assert np.abs(stft.signal(spectrum, samples) - sound).max() < 1e-4


def test_a_mask_of_ones_leaves_every_sample_as_it_is(overlapped: tuple[NDArray[np.int16], int, int]) -> None:
    pcm, start, stop = overlapped
    stereo = np.concatenate([pcm, pcm // 2], axis=1)
    whole = extracted(stereo, start, stop, np.zeros(192, np.float32), lambda m, _: np.ones_like(m))
    assert whole.dtype == np.int16 and np.array_equal(whole, stereo[start:stop])


def test_the_stretch_fades_from_and_to_the_sound_as_it_is(overlapped: tuple[NDArray[np.int16], int, int]) -> None:
    pcm, start, stop = overlapped
    silent = extracted(pcm, start, stop, np.zeros(192, np.float32), lambda m, _: np.zeros_like(m))
    assert len(silent) == stop - start and silent[0, 0] == pcm[start, 0] and silent[-1, 0] == pcm[stop - 1, 0]
    assert not silent[FADE : -FADE - 1].any()


def test_the_voice_that_a_good_network_leaves_is_kept(
    utterances: dict[str, NDArray[np.float32]], overlapped: tuple[NDArray[np.int16], int, int], judge: Judge, vector: NDArray[np.float32]
) -> None:
    pcm, start, stop = overlapped
    host = np.abs(STFT.spectrum(narrow(utterances["host"][:, None])))
    guest = np.abs(STFT.spectrum(narrow(utterances["guest"][:, None])))

    def ideal(magnitudes: NDArray[np.float32], _: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(host / (host + guest + 1e-6), np.float32)[: len(magnitudes)]

    own = extracted(pcm, start, stop, vector, ideal)
    found = judge.judge(pcm[start:stop], own, vector)
    assert found.similarity_before is not None and found.similarity_after is not None
    assert found.similarity_after > found.similarity_before + 0.1
    truth = utterances["host"][start:stop]
    assert si_sdr(from_pcm16(own)[:, 0], truth) > si_sdr(from_pcm16(pcm)[start:stop, 0], truth) + 5
    assert judge.judge(own, pcm[start:stop], vector).is_better(0) is False, "and never the other way round"


@pytest.mark.parametrize(
    ("judgement", "better"),
    [
        (Judgement(0.5, 0.6, 3.0, 3.0), True),
        (Judgement(0.5, 0.54, 3.0, 3.5), False),
        (Judgement(0.5, 0.6, 3.0, 2.99), False),
        (Judgement(0.5, 0.4, 3.0, 4.0), False),
        (Judgement(None, 0.9, 3.0, 4.0), False),
        (Judgement(0.5, None, 3.0, None), False),
    ],
)
def test_a_stretch_is_kept_if_the_similarity_rises_enough_and_dnsmos_does_not_fall(judgement: Judgement, better: bool) -> None:
    assert judgement.is_better(0.05) == better


def test_a_gain_of_nothing_is_no_gain() -> None:
    assert not Judgement(0.5, 0.5, 3.0, 3.0).is_better(0)


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 9_000)), max_size=6), st.integers(1, 2))
@settings(max_examples=30)
def test_all_samples_outside_replaced_stretches_stay(
    tmp_path_factory: pytest.TempPathFactory, given_stretches: list[tuple[int, int]], channels: int
) -> None:
    folder, samples = tmp_path_factory.mktemp("patch"), 50_000
    pcm = np.random.default_rng(1).integers(-9_000, 9_000, (samples, channels), dtype=np.int16)
    with FlacWriter(folder / "in.flac", channels) as file:
        file.write(pcm)
    expected, end = pcm.copy(), 0
    with Patched(folder / "in.flac", folder / "out.flac", samples) as patched:
        for start, length in sorted(given_stretches):
            if start >= end:
                end = start + length
                expected[start:end] = 7
                patched.replace(start, expected[start:end])
        patched.finish()
    assert (folder / "out.flac").exists() == bool(given_stretches), "a recording without a replaced stretch is not written"
    if given_stretches:
        assert np.array_equal(read(folder / "out.flac", 0, samples), expected)


def test_above_what_the_network_hears_the_mask_is_that_of_its_top(overlapped: tuple[NDArray[np.int16], int, int]) -> None:
    pcm, start, stop = overlapped
    noise = np.random.default_rng(0).integers(-3_000, 3_000, pcm.shape, dtype=np.int16)

    def low(magnitudes: NDArray[np.float32], _: NDArray[np.float32]) -> NDArray[np.float32]:
        mask = np.ones((len(magnitudes), BINS), np.float32)
        mask[:, 300:] = 0
        return mask

    spectrum = np.abs(np.fft.rfft(extracted(noise, start, stop, np.zeros(192, np.float32), low)[:, 0].astype(float)))
    hz = np.fft.rfftfreq(stop - start, 1 / SAMPLE_RATE_HZ)
    assert spectrum[hz > 9_000].mean() < 0.1 * spectrum[hz < 3_500].mean()  # the fades hold the sound as it was
