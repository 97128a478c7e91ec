"""A dataset with clips of known sound, of odd lengths, with texts that no format of training tools takes as they are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import flac_bytes
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Vector
from components.shared.table import empty
from store.datasets import DatasetStore, audio_key
from store.objects import open_store
from tests.command import speechmill
from tests.versions import put_version

NAME = "radio"
TEXTS = ("안녕 하세요", "one|two\nthree", "non\u00a0breaking\u2003space", 'he said "hello"', "<s> with #0 sym\u200bbols\x07 </s>", "")
LANGUAGES = ("ko", "en-us", "en", "en", "ja", "ko")
SPEAKERS = ("s0002", "s0001", "", "s0010")


def sound(number: int) -> NDArray[np.int16]:
    """The samples of the clip with this number, shaped (frames,); no two have the same length."""
    return np.random.default_rng(number).integers(-9000, 9000, 8000 + 37 * number, dtype=np.int16)


def rows(clips: int = 24) -> list[DatasetRow]:
    """Kept clips, and a last one that is rejected. Four are of one recording; each of the four has another speaker, one of them unknown."""
    found = []
    for number in range(clips + 1):
        recording, start, samples = f"0a{number // 4:02x}", 2.0 * (number % 4), len(sound(number))
        row = replace(
            empty(DatasetRow),
            clip=f"{recording}-{round(start * 1000):08d}",
            recording=recording,
            source=f"https://radio.example/{recording}.mp3",
            title=f"Show {number // 4}",
            licence="CC BY 4.0",
            start=start,
            end=start + samples / SAMPLE_RATE_HZ,
            samples=samples,
            audio_sha256=f"{number:02x}" * 32,
            speaker=SPEAKERS[number % 4],
            gender="female",
            text=TEXTS[number % len(TEXTS)],
            language=LANGUAGES[number % len(TEXTS)],
            words=TEXTS[number % len(TEXTS)].split(),
            word_times=Vector(np.arange(2 * len(TEXTS[number % len(TEXTS)].split()), dtype="<f4").tobytes()),
            dnsmos_ovrl=None if number == 3 else 1.0 + number / 10,
            events_top=["Speech"],
            events_top_probabilities=Vector(np.array([0.5], "<f4").tobytes()),
            kept=number < clips,
            reason="" if number < clips else "dnsmos",
        )
        found.append(row)
    return found


def fill(folder: Path, clips: int = 24) -> Path:
    """Publishes a version with these clips in three blocks; returns the store's folder."""
    store = open_store(str(folder))
    for number, row in enumerate(rows(clips)):
        store.write(audio_key(NAME, row.audio_sha256), flac_bytes(sound(number)))
    assert put_version(DatasetStore(store, NAME), rows(clips), block_clips=8)
    return folder


def exported(store: Path, out: Path, kind: str, *options: str) -> Path:
    """Exports the newest version in a format; returns the folder."""
    done = speechmill("dataset", "export", NAME, "--store", store, "--out", out, "--format", kind, *options)
    assert done.returncode == 0, done.stderr
    return out
