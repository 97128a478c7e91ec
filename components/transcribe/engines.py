"""What an engine is, which there are, and the settings that they take."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.task import StageError

NONE = "none"
ENGINES = ("azure", "whisper", "pocketsphinx", NONE)
COMPUTE_TYPES = ("auto", "default", "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16", "float32")
"""As CTranslate2 names them."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class Word:
    """A word and when it is said, in seconds from the clip's start."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Heard:
    """What an engine makes of one clip."""

    text: str = ""
    language: str = ""
    """BCP 47, as the engine writes it."""
    confidence: float | None = None
    """Mean log-probability, at most 0."""
    words: tuple[Word, ...] = ()
    no_speech: bool = False
    """The engine itself doubts that anybody speaks."""
    problem: str = ""
    """Why the clip has no transcript, in one line, or ""."""


@dataclass(frozen=True)
class Engine:
    """The one interface: clips in, results out. Where one clip is to blame, its result says so; else a StageError ends the run."""

    name: str
    """Engine and model, as tables name them."""
    batch_clips: int
    """Clips that it takes at a time."""
    hear: Callable[[Sequence[Any]], list[Heard]]
    """The results for clips, each int16 shaped (samples,) at SAMPLE_RATE_HZ, in their order."""


@dataclass(frozen=True)
class Settings:
    """Settings of the stage under their own names; component.py says what they mean."""

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

    def check(self) -> None:
        """Raises StageError unless every setting is one that the stage can work with."""
        if self.engine == "auto":
            raise StageError(
                "parameter transcribe_engine: expected azure, whisper, pocketsphinx or none, found auto: it is resolved before a run is "
                "submitted (speechmill run does so), because caches would take two choices for one"
            )
        _one_of("engine", self.engine, ENGINES)
        _one_of("compute_type", self.compute_type, COMPUTE_TYPES)
        if self.language and not _LANGUAGE.fullmatch(self.language):
            raise StageError(
                f"parameter transcribe_language: expected a language as BCP 47 (ko, en-US) or nothing, found {self.language!r}"
            )
        if self.engine == "pocketsphinx" and self.language.lower() not in ("", "en", "en-us"):
            raise StageError(
                f"parameter transcribe_language: expected en-us, the one language of the engine pocketsphinx, found {self.language}: "
                "choose whisper or azure"
            )
        ranges = {
            "batch_clips": (1, 256),
            "beam_size": (1, 32),
            "vad_threshold": (0.01, 0.99),
            "vad_pad_seconds": (0, 10),
            "no_speech_probability": (0, 1),
            "threads": (0, 1024),
            "azure_concurrency": (1, 64),
            "azure_attempts": (1, 20),
            "azure_timeout_seconds": (1, 3600),
            "azure_max_minutes": (0, 1e9),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise StageError(f"parameter transcribe_{name}: expected {least:g} to {most:g}, found {value:g}")


def _one_of(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise StageError(f"parameter transcribe_{name}: expected {', '.join(choices)}, found {value!r}")
