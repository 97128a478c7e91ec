"""Music at a side leaves the middle; speakers stay, wherever they are."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from components.separate.middle import middle
from components.shared.rows import SAMPLE_RATE_HZ

LENGTH, STEP, FRAMES = 2048, 512, 512
SAMPLES = LENGTH + (FRAMES - 1) * STEP
Sound = NDArray[np.float32]


def voice(seed: int, pitch_hz: float, on: tuple[float, float] = (0, 6)) -> Sound:
    """Syllables: harmonics of a wandering pitch, three times a second with gaps between, within so many seconds."""
    time = np.arange(SAMPLES) / SAMPLE_RATE_HZ
    pitch = pitch_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time + seed))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    sound = sum(np.sin(k * phase) / k for k in range(1, 25)) * np.clip(np.sin(2 * np.pi * 3 * time + seed), 0, 1)
    return (0.1 * sound * ((time >= on[0]) & (time < on[1]))).astype(np.float32)


def music(seed: int) -> Sound:
    """Chords that change twice a second."""
    rng, time = np.random.default_rng(seed), np.arange(SAMPLES) / SAMPLE_RATE_HZ
    sound = np.zeros(SAMPLES)
    for start in np.arange(0, 6, 0.5):
        notes = 220 * 2 ** (rng.choice(24, 3, replace=False) / 12)
        for note in (n * k for n in notes for k in (1, 2, 3, 4)):
            sound += np.sin(2 * np.pi * note * time) * np.exp(-2 * np.maximum(time - start, 0)) * (time >= start)
    return (0.05 * sound / sound.std()).astype(np.float32)


def stft(left: Sound, right: Sound) -> NDArray[np.complex64]:
    frames = np.lib.stride_tricks.sliding_window_view(np.stack([left, right]), LENGTH, axis=1)[:, ::STEP]
    return np.fft.rfft(frames * signal.get_window("hann", LENGTH), axis=-1).astype(np.complex64)


def mask_of(speech: NDArray[np.complex64], other: NDArray[np.complex64]) -> NDArray[np.float32]:
    return (np.abs(speech) ** 2 / (np.abs(speech) ** 2 + np.abs(other) ** 2 + 1e-12)).astype(np.float32)


def run(mix: NDArray[np.complex64], mask: NDArray[np.float32]) -> NDArray[np.complex64]:
    return middle(mix, mask, STEP / SAMPLE_RATE_HZ)


def snr_db(found: NDArray[np.complex64], wanted: NDArray[np.complex64]) -> float:
    return float(10 * np.log10(np.sum(np.abs(wanted) ** 2) / np.sum(np.abs(found - wanted) ** 2)))


@pytest.mark.parametrize("pan", [0.3, -0.5, 0.9])
def test_music_to_one_side_leaves_speech_in_the_middle_alone(pan: float) -> None:
    speech, bed = voice(1, 140), music(2)
    dry, wet = stft(speech, speech), stft(bed * np.float32(1 + pan), bed * np.float32(1 - pan))
    found = run(dry + wet, mask_of(dry, wet))
    before, after = (snr_db(x.mean(axis=0), dry.mean(axis=0)) for x in (dry + wet, found))
    assert after > before + 15
    assert snr_db(found[0], found[1]) > 30, "what is left lies in the middle"


def test_music_whose_channels_have_nothing_in_common_stays(seed: int = 3) -> None:
    speech = voice(1, 140)
    dry, wet = stft(speech, speech), stft(music(seed), music(seed + 1))
    found = run(dry + wet, mask_of(dry, wet))
    assert snr_db(found.mean(axis=0), dry.mean(axis=0)) > snr_db((dry + wet).mean(axis=0), dry.mean(axis=0)) - 0.5


def test_a_speaker_at_a_side_stays_as_he_is() -> None:
    speech = voice(1, 140)
    mix = stft(speech * np.float32(1.3), speech * np.float32(0.7))
    assert np.allclose(run(mix, np.ones(mix.shape, np.float32)), mix, atol=1e-4)


def test_two_speakers_on_two_sides_both_stay() -> None:
    first, second = voice(1, 120, (0, 3)), voice(2, 210, (3, 6))
    mix = stft(first * np.float32(1.2) + second * np.float32(0.8), first * np.float32(0.8) + second * np.float32(1.2))
    found = run(mix, np.ones(mix.shape, np.float32))
    assert snr_db(found.mean(axis=0), mix.mean(axis=0)) > 20


def test_a_guest_at_a_side_stays_while_the_host_is_in_the_middle() -> None:
    host, guest = voice(1, 120, (0, 4)), voice(2, 210, (4.2, 6))
    mix = stft(host + guest * np.float32(1.4), host + guest * np.float32(0.6))
    found = run(mix, np.ones(mix.shape, np.float32))
    late = slice(int(4.7 * SAMPLE_RATE_HZ / STEP), FRAMES)
    assert snr_db(found[:, late].mean(axis=0), mix[:, late].mean(axis=0)) > 20


@pytest.mark.parametrize("mask_of_silence", [0.0, 0.5])
def test_a_speaker_beside_a_silent_channel_stays(mask_of_silence: float) -> None:
    speech = voice(1, 140)
    mix = stft(speech, np.zeros_like(speech))
    mask = np.stack([np.ones(mix[0].shape), np.full(mix[0].shape, mask_of_silence)]).astype(np.float32)
    assert np.allclose(run(mix, mask), mix, atol=1e-4)


def test_a_recording_without_sides_is_not_touched() -> None:
    speech = voice(1, 140)
    mix = stft(speech, speech)
    assert run(mix, np.ones(mix.shape, np.float32)) is mix
    noise = np.random.default_rng(1).standard_normal(SAMPLES).astype(np.float32) * np.float32(1e-5)
    faint = stft(speech + noise, speech - noise)
    assert run(faint, np.ones(mix.shape, np.float32)) is faint
