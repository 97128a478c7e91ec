"""Made-up voices: hums with formants, which differ enough that a small network learns to tell them apart."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy import signal

from components.shared.mel import RATE_HZ
from components.shared.voicefilter import Config, Network

TINY = Config(Network(4, 4, (2, 2, 2, 2, 1, 1, 1, 1), 16, True, 32), "campplus")
PITCHES_HZ = {"ann": 210.0, "bob": 95.0, "cid": 130.0, "dot": 260.0, "eve": 175.0, "fay": 310.0}


def hum(speaker: str, seconds: float, seed: int, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """Syllables of one voice, RMS 0.1."""
    rng = np.random.default_rng((seed, sum(map(ord, speaker))))
    count = round(seconds * rate_hz)
    knots = np.interp(np.arange(count), np.linspace(0, count, 8), rng.uniform(0.94, 1.06, 8))
    phase = np.cumsum(PITCHES_HZ[speaker] * knots) / rate_hz
    source = signal.sawtooth(2 * np.pi * phase)
    own = np.random.default_rng(sum(map(ord, speaker)))
    for low, high in ((300, 900), (1100, 2400)):
        center = own.uniform(low, high)
        source = source + 4 * signal.sosfilt(signal.butter(2, (center * 0.9, center * 1.1), "bandpass", fs=rate_hz, output="sos"), source)
    syllables = np.clip(np.sin(2 * np.pi * rng.uniform(2, 4) * np.arange(count) / rate_hz) + 0.6, 0.02, 1)
    sound = source * syllables
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six speakers with four utterances of 3 s each, two of them at 44.1 kHz, a noise and a piece of music."""
    folder = tmp_path_factory.mktemp("library")
    for number, speaker in enumerate(PITCHES_HZ):
        (folder / "speech" / speaker).mkdir(parents=True)
        rate_hz = 44_100 if number < 2 else RATE_HZ
        for utterance in range(4):
            soundfile.write(folder / "speech" / speaker / f"{utterance}.flac", hum(speaker, 3, utterance, rate_hz), rate_hz)
    rng = np.random.default_rng(0)
    for name, rate_hz in (("noise", RATE_HZ), ("music", 44_100)):
        (folder / name).mkdir()
        soundfile.write(folder / name / "one.wav", 0.1 * rng.standard_normal((4 * rate_hz, 2)), rate_hz)
    return folder
