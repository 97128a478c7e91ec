"""Synthetic speakers whose tones are easy to tell apart."""

import os
from dataclasses import replace
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from components.shared.audio import flac_bytes, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import empty
from store.datasets import DatasetStore, audio_key
from store.objects import open_store
from store.truth import Truth, write_truth
from tests.recipes.tone.conftest import RATE_HZ, TONES, voice
from tests.versions import put_version

CODES = {"neutral": "N", "happiness": "F", "anger": "W", "sadness": "T"}
NAMES = {"neutral": "neutral", "happiness": "happy", "anger": "angry", "sadness": "sad"}
SPEAKERS = {"03": 120.0, "08": 205.0, "09": 195.0, "15": 140.0}
TAKES = 2


def at_store_rate(sound: np.ndarray) -> np.ndarray:
    """A sound at RATE_HZ, at SAMPLE_RATE_HZ."""
    return resample_poly(sound, 441, 160)


@pytest.fixture(scope="session")
def emodb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file names of EmoDB: two clips of every tone of four speakers."""
    folder, seed = tmp_path_factory.mktemp("emodb"), 0
    for speaker, hz in SPEAKERS.items():
        for label, code in CODES.items():
            for take in range(TAKES):
                soundfile.write(folder / f"{speaker}a{take:02}{code}a.flac", voice(hz, label, seed := seed + 1), RATE_HZ)
    return folder


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with the dataset `radio`: two clips of every tone of two speakers; those of the recording `one.wav` have a ground truth."""
    folder = tmp_path_factory.mktemp("store")
    opened, rows, truths = open_store(str(folder)), [], []
    for speaker, hz in (("s0001", 170.0), ("s0002", 230.0)):
        for number, label in enumerate(list(TONES) * TAKES):
            name, source = f"{speaker}-{number}", "file:/one.wav" if speaker == "s0001" else "file:/two.wav"
            sound = at_store_rate(voice(hz, label, 900 + len(rows)))
            opened.write(audio_key("radio", f"{len(rows):064}"), flac_bytes(to_pcm16(sound)))
            row = replace(empty(DatasetRow), clip=name, recording=source[6:9], source=source, start=float(number), end=number + 1.0)
            row = replace(row, samples=SAMPLE_RATE_HZ, audio_sha256=f"{len(rows):064}", speaker=speaker, kept=True, language="ko")
            rows.append(row)
            if speaker == "s0001":
                truths.append(Truth("one.wav", row.start, row.end, NAMES[label]))
    put_version(DatasetStore(opened, "radio"), rows)
    write_truth(opened, "radio", truths)
    return str(folder)
