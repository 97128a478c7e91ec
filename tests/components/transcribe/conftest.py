"""Settings, sounds and models that tests share."""

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import write_model

from components.shared.audio import decode, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ, Clip
from components.shared.table import write_rows
from components.transcribe.settings import EngineSettings
from tests.artifacts import write_recordings
from tests.components.transcribe.defaults import DEFAULTS
from tests.places import DATA


@pytest.fixture
def settings() -> Callable[..., EngineSettings]:
    """The defaults, on one thread, with changes."""
    return lambda **changes: dataclasses.replace(DEFAULTS, **changes)


@pytest.fixture(scope="session")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of kind whisper with random numbers."""
    return write_model(tmp_path_factory.mktemp("models") / "random")


@pytest.fixture(scope="session")
def spoken() -> dict[str, tuple[np.ndarray, str]]:
    """Real English sentences at SAMPLE_RATE_HZ, and what is said in them."""
    return {path: (sound, text.lower()) for path, (sound, text) in sentences("librispeech_test_other", 4).items()}


def sentences(corpus: str, most: int) -> dict[str, tuple[np.ndarray, str]]:
    """Utterances of 4 to 7 s of a corpus; skips the test without recordings."""
    if not (DATA / "manifest.csv").is_file():
        pytest.skip(f"no recordings in {DATA}: set SPEECHMILL_DATA")
    with (DATA / "manifest.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["corpus"] == corpus and r["transcript"]]
    chosen = sorted((r for r in rows if 4 < float(r["duration_s"]) < 7), key=lambda r: r["path"])[:most]
    return {r["path"]: (pcm(DATA / r["path"]), r["transcript"]) for r in chosen}


@pytest.fixture(scope="session")
def korean() -> dict[str, tuple[np.ndarray, str]]:
    """Real Korean sentences at SAMPLE_RATE_HZ, and what is said in them."""
    return sentences("emotiontts_ko_speech", 4)


def pcm(path: Path) -> np.ndarray:
    """A file as mono 16-bit samples at SAMPLE_RATE_HZ."""
    return to_pcm16(np.concatenate(list(decode(path, SAMPLE_RATE_HZ)))[:, 0])


@pytest.fixture
def shard(tmp_path: Path) -> Callable[[dict[str, np.ndarray], list[tuple[str, float, float]]], dict[str, Any]]:
    """Writes recordings, by their names, and clips; gives the folders that main() gets."""

    def write(recordings: dict[str, np.ndarray], clips: list[tuple[str, float, float]]) -> dict[str, Any]:
        folders = {name: tmp_path / name for name in ("clean", "clips", "extracted", "model", "second_model", "transcripts")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        write_recordings(folders["clean"], recordings)
        made = [Clip(f"{name}-{round(1000 * start):08d}", name, start, end, "", False) for name, start, end in clips]
        write_rows(folders["clips"], Clip, made)
        return folders

    return write
