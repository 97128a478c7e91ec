"""The settings of the engines, and their checks."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from components.shared.settings import check_choice, check_ranges
from components.shared.task import StageError

NONE = "none"
Engine = Literal["azure", "whisper", "pocketsphinx", "none"]
ComputeType = Literal["auto", "default", "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16", "float32"]
"""The names that CTranslate2 uses."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class EngineSettings:
    """The settings of the stage; component.py explains them."""

    engine: str
    language: str
    word_times: bool
    batch_clips: int
    beam_size: int
    fallback: bool
    compute_type: str
    vad_filter: bool
    vad_threshold: float
    vad_pad_seconds: float
    no_speech_probability: float
    threads: int
    azure_concurrency: int
    azure_attempts: int
    azure_timeout_seconds: float
    azure_max_minutes: float


def check_settings(
    *,
    engine: str,
    language: str,
    batch_clips: int,
    beam_size: int,
    compute_type: str,
    vad_threshold: float,
    vad_pad_seconds: float,
    no_speech_probability: float,
    threads: int,
    azure_concurrency: int,
    azure_attempts: int,
    azure_timeout_seconds: float,
    azure_max_minutes: float,
) -> None:
    """Raises StageError if a setting is out of its range, unknown, or not supported by the engine."""
    if engine == "auto":
        raise StageError(
            "parameter transcribe_engine: expected azure, whisper, pocketsphinx or none, found auto: the commands resolve it before they "
            "submit a run, because otherwise the cache could not tell one engine's transcripts from another's"
        )
    check_choice("transcribe", "engine", engine, get_args(Engine))
    check_choice("transcribe", "compute_type", compute_type, get_args(ComputeType))
    if language and not _LANGUAGE.fullmatch(language):
        raise StageError(f"parameter transcribe_language: expected a BCP 47 language tag (ko, en-US) or nothing, found {language!r}")
    if engine == "pocketsphinx" and language.lower() not in ("", "en", "en-us"):
        raise StageError(
            f"parameter transcribe_language: expected en-us, the only language of the engine pocketsphinx, found {language}: "
            "choose whisper or azure"
        )
    ranges = {
        "batch_clips": (batch_clips, 1, 256),
        "beam_size": (beam_size, 1, 32),
        "vad_threshold": (vad_threshold, 0.01, 0.99),
        "vad_pad_seconds": (vad_pad_seconds, 0, 10),
        "no_speech_probability": (no_speech_probability, 0, 1),
        "threads": (threads, 0, 1024),
        "azure_concurrency": (azure_concurrency, 1, 64),
        "azure_attempts": (azure_attempts, 1, 20),
        "azure_timeout_seconds": (azure_timeout_seconds, 1, 3600),
        "azure_max_minutes": (azure_max_minutes, 0, 1e9),
    }
    check_ranges("transcribe", ranges)
