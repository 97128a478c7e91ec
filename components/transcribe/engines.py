"""What every engine takes and returns."""

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
    """Whether the engine itself doubts that the clip has speech."""
    problem: str = ""
    """Why the clip has no transcript, in one line, or ""."""


@dataclass(frozen=True)
class Engine:
    """A speech recognizer. A failure that concerns one clip is part of its result; any other one is a StageError."""

    name: str
    """Engine and model, as tables name them."""
    batch_clips: int
    """Clips per call."""
    transcribe: Callable[[Sequence[Any]], list[Transcription]]
    """Transcribes clips, each int16 shaped (samples,) at SAMPLE_RATE_HZ; returns the results in the same order."""
