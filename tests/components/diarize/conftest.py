"""Voices that tests share."""

import numpy as np
import pytest
import soundfile

from components.diarize.activity import Hear
from components.diarize.encoder import load_segmentation
from components.shared.voice_encoder import Encoder, load_encoder
from tests.places import DATA


def spoken(seconds, seed=0, rate_hz=16_000):
    """Harmonics of a wandering pitch in syllables, over faint noise."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * np.cumsum((110 + 30 * seed) * (1 + 0.1 * np.sin(2 * np.pi * 0.3 * t))) / rate_hz
    tone = sum(np.sin(n * phase) / n for n in range(1, 20)) * np.maximum(0.05, np.sin(2 * np.pi * 2 * t))
    return (0.1 * tone + 0.001 * np.random.default_rng(seed).standard_normal(len(t))).astype(np.float32)


@pytest.fixture(scope="session", params=["campplus", "resemblyzer"])
def encoder(request) -> Encoder:
    return load_encoder(request.param, threads=1)


@pytest.fixture(scope="session")
def hear() -> Hear:
    return load_segmentation(threads=1)


@pytest.fixture(scope="session")
def utterances():
    """Reads the first recordings of a speaker of LibriSpeech, 16 kHz."""
    folder = DATA / "librispeech" / "test-other"
    if not folder.is_dir():
        pytest.skip("no recordings of LibriSpeech: SPEECHMILL_DATA leads to none")
    return lambda speaker, count: [soundfile.read(p, dtype="float32")[0] for p in sorted(folder.glob(f"{speaker}-*.flac"))[:count]]
