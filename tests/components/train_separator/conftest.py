"""Small sound to train on: voices are low tones, music is high ones, so that even a tiny network learns to tell them apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ

CONFIG: dict[str, Any] = {
    "mix_name": "mix",
    "instrument_list": ["vocals", "accompaniment"],
    "sample_rate": SAMPLE_RATE_HZ,
    "frame_length": 512,
    "frame_step": 128,
    "T": 64,
    "F": 128,
    "n_channels": 2,
    "separation_exponent": 2,
    "mask_extension": "zeros",
    "model": {"type": "unet.unet", "params": {"conv_n_filters": [4, 4, 8, 8, 8, 8]}},
}


def tones(rng: np.random.Generator, seconds: float, low_hz: float, high_hz: float) -> NDArray[np.float32]:
    """Stereo tones that swell, 0.1 loud."""
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound = sum(
        np.sin(2 * np.pi * (rng.uniform(low_hz, high_hz) * time + rng.random())) * (1 + 0.5 * np.sin(2 * np.pi * rng.uniform(1, 4) * time))
        for _ in range(4)
    )
    sound *= 0.1 / np.sqrt(np.mean(sound**2))
    return np.stack([sound, sound * rng.uniform(0.8, 1.0)], axis=1).astype(np.float32)


def voice(rng: np.random.Generator, seconds: float) -> NDArray[np.float32]:
    return tones(rng, seconds, 200, 1_500)


def music(rng: np.random.Generator, seconds: float) -> NDArray[np.float32]:
    return tones(rng, seconds, 4_000, 10_000)


def write(path: Path, sound: NDArray[np.float32], rate_hz: int = SAMPLE_RATE_HZ) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate_hz, subtype="PCM_16")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Voices of one second, music and noises."""
    rng, folder = np.random.default_rng(1), tmp_path / "library"
    for number in range(12):
        write(folder / "speech" / f"{number:02}.flac", voice(rng, 1.0)[:, 0])
        write(folder / "music" / f"{number:02}.flac", music(rng, 3.0))
    for number in range(3):
        write(folder / "noise" / f"{number}.wav", (0.1 * rng.standard_normal((SAMPLE_RATE_HZ, 2))).astype(np.float32))
    return folder


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Songs as MusDB has them: three to train on, two to test on, of 4 s each."""
    rng, folder = np.random.default_rng(2), tmp_path / "songs"
    for part, number in (("train", 1), ("train", 2), ("train", 3), ("test", 4), ("test", 5)):
        stems = {"vocals": voice(rng, 4), "drums": music(rng, 4) / 3, "bass": music(rng, 4) / 3, "other": music(rng, 4) / 3}
        for name, sound in (stems | {"mixture": sum(stems.values())}).items():
            write(folder / part / f"song {number}" / f"{name}.wav", sound)
    return folder
