"""Builds the steps of a chain from its text."""

from collections.abc import Callable
from dataclasses import dataclass

from components.denoise import filters
from components.denoise.best import best
from components.denoise.deepfilter import deepfilter
from components.denoise.profile import named_profile, own_profile
from components.denoise.rnnoise import rnnoise
from components.denoise.settings import Entries, parse_chain
from components.shared.steps import Step, always


@dataclass(frozen=True)
class Chain:
    """Steps in order, and the target loudness. Without either, the recording does not change."""

    steps: tuple[Step, ...] = ()
    loudness_lufs: float | None = None

    @property
    def passes(self) -> int:
        """Number of times a recording is read: by each analysis, and once to filter it."""
        return sum(s.passes for s in self.steps) + 1


BUILDERS: dict[str, Callable[..., Step]] = {
    "lowpass": lambda *numbers: always(filters.lowpass(*numbers)),
    "highpass": lambda *numbers: always(filters.highpass(*numbers)),
    "notch": lambda *numbers: always(filters.notch(*numbers)),
    "profile": lambda *numbers: named_profile(*numbers) if numbers else own_profile(),
    "deepfilter": lambda *numbers: always(deepfilter(*numbers)),
    "rnnoise": lambda: always(rnnoise()),
}
"""Functions that build a step from the numbers of an entry."""


def build_chain(text: str, threads: int = 0) -> Chain:
    """Builds the chain that the stage's setting `chain` describes. Raises StageError if it cannot be parsed.

    DNSMOS gets `threads` CPU threads, 0 for one per core.
    """

    def build(entries: Entries) -> tuple[Step, ...]:
        return tuple(BUILDERS[e.filter](*e.numbers) for e in entries)

    parsed = parse_chain(text)
    steps = build(parsed.entries)
    if parsed.candidates:
        steps += (best({text: build(entries) for text, entries in parsed.candidates.items()}, threads),)
    return Chain(steps, parsed.loudness_lufs)
