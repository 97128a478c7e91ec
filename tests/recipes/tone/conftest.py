"""A tiny collection of synthetic voices whose tones are easy to tell apart."""

import csv
import os
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy is loaded, as train.py does

import numpy as np
import pytest
import soundfile

RATE_HZ = 16_000
TONES = {"neutral": (0, 1.0, 1.5, 4.0), "happiness": (4, 4.0, 1.2, 5.0), "anger": (8, 0.5, 0.2, 6.0), "sadness": (-5, 0.2, 2.5, 2.0)}
"""Of each label: pitch and pitch range in semitones, spectral tilt, syllables per second."""
SPEAKERS = {"s1": ("F", 205.0), "s2": ("M", 180.0), "s3": ("F", 195.0)}
COLUMNS = ("path", "corpus", "licence", "speaker", "gender", "label")


def voice(hz: float, label: str, seed: int) -> np.ndarray:
    """One and a half seconds of syllables: harmonics of a wavering pitch, the n-th 1/n**tilt as strong, over faint noise."""
    rng = np.random.default_rng(seed)
    semitones, spread, tilt, rate = TONES[label]
    times = np.arange(1.5 * RATE_HZ) / RATE_HZ
    start = rng.random()
    track = hz * 2 ** ((semitones + spread * np.sin(2 * np.pi * (1.3 * times + start))) / 12)
    phase = 2 * np.pi * np.cumsum(track) / RATE_HZ
    sound = sum(np.sin(n * phase) / n**tilt for n in range(1, int(6000 / hz))) * np.clip(np.sin(2 * np.pi * rate * times + start), 0, 1)
    return 0.1 * sound / np.sqrt(np.mean(np.square(sound))) + 0.002 * rng.standard_normal(len(times))


def write_manifest(data: Path, rows: list[dict[str, str]]) -> None:
    with (data / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Rows of a manifest with absolute paths: two clips of every tone of three EmoDB speakers."""
    folder, found = tmp_path_factory.mktemp("sounds"), []
    for speaker, (gender, hz) in SPEAKERS.items():
        for label in TONES:
            for take in range(2):
                path = folder / f"{speaker}-{label}-{take}.flac"
                soundfile.write(path, voice(hz, label, len(found)), RATE_HZ)
                given = {"speaker": speaker, "gender": gender, "label": label}
                found.append({"path": str(path), "corpus": "emodb", "licence": "CC0 1.0"} | given)
    return found


@pytest.fixture
def data(tmp_path: Path, rows: list[dict[str, str]]) -> Path:
    """A folder with the manifest of these rows."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_manifest(folder, rows)
    return folder
