"""The interface of the engines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Word:
    """A word with its start and end, in seconds from the start of the clip."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Transcription:
    """An engine's result for one clip."""

    text: str = ""
    language: str = ""
    """BCP 47 tag in the engine's spelling."""
    confidence: float | None = None
    """Mean log-probability, at most 0."""
    words: tuple[Word, ...] = ()
    no_speech: bool = False
    """Whether the engine detects no speech in the clip."""
    problem: str = ""
    """Reason why the clip has no transcript, in one line; "" if it has one."""


@dataclass(frozen=True)
class Engine:
    """A speech recognizer. A failure of one clip is part of its result; any other failure is a StageError."""

    name: str
    """Engine and model, as in the tables."""
    batch_clips: int
    """Clips per call."""
    transcribe: Callable[[Sequence[Any]], list[Transcription]]
    """Transcribes clips, each int16 shaped (samples,) at SAMPLE_RATE_HZ; returns the results in the same order."""
