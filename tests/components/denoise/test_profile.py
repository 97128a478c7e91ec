"""Noise is learnt where nobody speaks, and turned down everywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from components.denoise import profile
from components.denoise.chain import build_chain
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.steps import Sound, Step
from components.shared.task import StageError

PAUSES = [(3, 5), (9, 11), (15, 17)]
SPEECH = ((0, 3), (5, 9), (11, 15), (17, 20))


def recording() -> tuple[np.ndarray, np.ndarray]:
    """Speech-like sound with pauses, and hiss; a door in a pause."""
    random, count = np.random.default_rng(0), 20 * SAMPLE_RATE_HZ
    time = np.arange(count) / SAMPLE_RATE_HZ
    f0 = 2 * np.pi * np.cumsum(130 + 20 * np.sin(2 * np.pi * 0.7 * time)) / SAMPLE_RATE_HZ
    voice = sum(0.1 / k * np.sin(k * f0) for k in range(1, 25)) * np.clip(np.sin(2 * np.pi * 1.5 * time), 0.2, 1)
    for start, stop in PAUSES:
        voice[start * SAMPLE_RATE_HZ : stop * SAMPLE_RATE_HZ] = 0
    noise = 0.003 * random.standard_normal(count)
    noise[10 * SAMPLE_RATE_HZ : round(10.4 * SAMPLE_RATE_HZ)] *= 30
    return voice, noise


VOICE, NOISE = recording()
NOISY = VOICE + NOISE


def stream(sound: np.ndarray, block: int = 441_000):
    return (sound[i : i + block] for i in range(0, len(sound), block))


def through(step: Step, sound: np.ndarray, block: int = 441_000) -> np.ndarray:
    speech = tuple((a * SAMPLE_RATE_HZ, b * SAMPLE_RATE_HZ) for a, b in SPEECH)
    done = step.prepare(Sound("show", lambda: stream(sound, block), len(sound), speech))
    return np.concatenate([np.zeros(0), *done.filter(stream(sound, block))])


def level_db(sound: np.ndarray, start: float, stop: float) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound[round(start * SAMPLE_RATE_HZ) : round(stop * SAMPLE_RATE_HZ)])) + 1e-20))


@pytest.mark.parametrize("step", [profile.own_profile(), profile.named_profile(3.2, 4.8)])
def test_noise_falls_in_pauses_and_speech_stays(step: Step) -> None:
    out = through(step, NOISY)
    assert len(out) == len(NOISY)
    for start, stop in ((3.2, 4.8), (15.2, 16.8)):
        assert level_db(out, start, stop) < level_db(NOISY, start, stop) - 9
    for start, stop in SPEECH:
        assert abs(level_db(out, start, stop) - level_db(VOICE, start, stop)) < 1
    lags = signal.correlate(out, NOISY, method="fft")
    assert int(np.argmax(lags)) == len(NOISY) - 1


def test_the_profile_is_the_quietest_that_nobody_speaks_in() -> None:
    speech = tuple((a * SAMPLE_RATE_HZ, b * SAMPLE_RATE_HZ) for a, b in SPEECH)
    noise = profile.quietest(stream(NOISY), len(NOISY), speech)
    assert len(noise) >= SAMPLE_RATE_HZ // 2
    assert level_db(noise, 0, 10) == pytest.approx(20 * np.log10(0.003), abs=0.6)


@pytest.mark.parametrize(
    ("sound", "step"), [(NOISY, profile.named_profile(30, 40)), (np.zeros(50_000), profile.own_profile()), (VOICE, profile.own_profile())]
)
def test_without_noise_to_learn_from_nothing_changes_and_it_is_said(
    sound: np.ndarray, step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    assert np.array_equal(through(step, sound), sound)
    assert "show: profile found less than 0.5 s of noise" in capsys.readouterr().out


def test_a_span_without_length_is_refused() -> None:
    with pytest.raises(StageError, match="START before END"):
        build_chain("profile:5:5")


@pytest.mark.parametrize("length", [0, 1, 441, 100_001, 131_072])
def test_length_stays(length: int) -> None:
    assert len(through(profile.own_profile(), NOISY[:length])) == length
    assert len(through(profile.named_profile(0, 1), NOISE[:length])) == length


@settings(max_examples=8, deadline=None)
@given(st.integers(1000, 1_000_000), st.booleans())
def test_blocks_of_any_size_give_the_same_bits(block: int, named: bool) -> None:
    step = profile.named_profile(3.2, 4.8) if named else profile.own_profile()
    assert np.array_equal(through(step, NOISY, block), through(step, NOISY))
