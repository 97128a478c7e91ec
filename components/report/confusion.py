"""Compares the tones of clips with the tones that people gave."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from components.report.texts import shortened
from components.shared.rows import DatasetRow
from store.truth import Known, Truth

NONE = "none"
"""Shown for a clip without a tone."""
MOST_TONES = 20
"""Number of tones with a row and a column of their own, the most frequent ones. All others share one."""
MOST_CHARACTERS = 64
"""Longest name of a tone."""


@dataclass(frozen=True)
class Confusion:
    """Counts of clips by true tone and predicted tone."""

    tones: list[str]
    clips: list[list[int]]
    """Numbers of clips: a row for each true tone, a column for each predicted tone."""
    right_clips: list[int]
    """Number of clips in each row with the right tone: the diagonal, except for the row that several tones share."""

    @property
    def total(self) -> int:
        """Number of clips whose true tone is known."""
        return sum(map(sum, self.clips))

    @property
    def right(self) -> float:
        """Share of these clips with the right tone, 0 to 1."""
        return sum(self.right_clips) / self.total

    def metadata(self) -> dict[str, Any]:
        """The confusion matrix as metadata that Kubeflow's page draws."""
        return {"confusionMatrix": {"annotationSpecs": [{"displayName": t} for t in self.tones], "rows": [{"row": c} for c in self.clips]}}


def confusion(rows: Iterable[DatasetRow], truths: Iterable[Truth]) -> Confusion | None:
    """Counts clips by true and predicted tone; None if no clip's true tone is known.

    `Known` says which tone is true.
    """
    known = Known(truths)
    pairs = Counter((tone, row.tone or NONE) for row in rows if (tone := known.tone(row.source, row.start, row.end)))
    if not pairs:
        return None
    names = _names(pairs)
    clips, right = Counter[tuple[str, str]](), Counter[str]()
    for (true, given), count in pairs.items():
        clips[names[true], names[given]] += count
        right[names[true]] += count * (true == given)
    tones = list(dict.fromkeys(names.values()))
    return Confusion(tones, [[clips[true, given] for given in tones] for true in tones], [right[tone] for tone in tones])


def _names(pairs: Counter[tuple[str, str]]) -> dict[str, str]:
    """The name that each tone is counted under: its own, in alphabetical order, then one for all rare tones."""
    frequency: Counter[str] = Counter()
    for pair, count in pairs.items():
        for tone in set(pair):
            frequency[tone] += count
    order = sorted(frequency, key=lambda tone: (-frequency[tone], tone))
    own, rest = (order, []) if len(order) <= MOST_TONES + 1 else (order[:MOST_TONES], order[MOST_TONES:])
    return {tone: shortened(tone, MOST_CHARACTERS) for tone in sorted(own)} | dict.fromkeys(rest, f"{len(rest)} others")
