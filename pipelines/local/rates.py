"""What stages cost, as measured: CPU seconds, memory and disk for an hour of audio. `rates.json` holds the figures.

A benchmark writes the file. Its keys are the fields of `Rates` and, for each stage, of `Rate`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from components.shared.task import StageError

T = TypeVar("T")
FILE = Path(__file__).with_name("rates.json")


@dataclass(frozen=True)
class Rate:
    """The cost of a stage with its default settings, if no variant says otherwise."""

    start_seconds: float
    """CPU seconds of a task without audio: Python, imports, networks."""
    cpu_seconds_per_hour: float
    """CPU seconds for an hour of recordings, beyond the start."""
    peak_memory_mb: float
    """Resident memory of a task with its children, at its peak."""
    artifact_mb_per_hour: float
    """Size of its outputs for an hour of recordings."""
    speedup: Mapping[str, float] = field(default_factory=dict)
    """By the clock, of the work after the start, by the number of threads; empty for a stage with one thread."""
    variants: tuple[Mapping[str, Any], ...] = ()
    """Settings (`when`) that replace figures."""
    inverse_to: Mapping[str, float] = field(default_factory=dict)
    """Settings that the CPU seconds are inverse to, with the value that was measured."""
    added: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """CPU seconds for an hour that a word in a setting adds."""
    measured: str = ""
    """Where and when, if not as the other stages."""

    def speed(self, threads: int) -> float:
        """Returns how much faster than one thread the work is with several; by Amdahl's law beyond what was measured."""
        known = sorted((int(n), s) for n, s in self.speedup.items() if int(n) > 1)
        if threads <= 1 or not known:
            return 1.0
        count, faster = max((k for k in known if k[0] <= threads), default=known[0])
        alone = max(0.0, (1 / faster - 1 / count) / (1 - 1 / count))  # the share of the work that one thread does
        return 1 / (alone + (1 - alone) / threads)

    def of(self, settings: Mapping[str, Any]) -> "Rate":
        """Returns the rate with these settings of the stage."""
        rate = self
        for variant in self.variants:
            if all(settings.get(name) == value for name, value in variant["when"].items()):
                rate = replace(rate, **{name: value for name, value in variant.items() if name != "when"})
        seconds = rate.cpu_seconds_per_hour
        for name, value in rate.inverse_to.items():
            seconds *= value / float(settings.get(name, value))
        for name, words in rate.added.items():
            seconds += sum(words.get(word, 0) for word in re.findall(r"\w+", str(settings.get(name, ""))))
        return replace(rate, cpu_seconds_per_hour=seconds)

    def knows(self, setting: str, value: Any) -> bool:
        """Returns whether the figures say what this value of a setting costs."""
        if setting in self.inverse_to or any(variant["when"].get(setting) == value for variant in self.variants):
            return True
        return any(word in self.added.get(setting, {}) for word in re.findall(r"\w+", str(value)))


@dataclass(frozen=True)
class Rates:
    """The rates of all stages, and where they were measured."""

    date: str
    commit: str
    machine: str
    audio: str
    clips_per_hour: float
    store_mb_per_hour: float
    """Growth of a dataset in the store for an hour of recordings."""
    stages: Mapping[str, Rate]


def load(path: Path = FILE) -> Rates:
    """Reads the rates. Raises StageError if the file is not as `Rates` says."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        stages = {name: _known(Rate, rate) for name, rate in found["stages"].items()}
        return _known(Rates, found | {"stages": stages})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StageError(f"expected measured rates in {path}, found none: {type(error).__name__}: {error}") from None


def _known(kind: type[T], found: Mapping[str, Any]) -> T:
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in found.items() if name in names})
