"""Compares the tones of clips with the tones that people gave."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.report.reading import file_name
from components.report.texts import shortened
from components.shared.rows import DatasetRow
from store.truth import Truth

LEAST_COVERED = 0.5
"""Lowest share of a clip that its true tone must cover."""
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

    A clip's true tone is the one that covers most of it, and at least LEAST_COVERED of it.
    """
    known: dict[str, list[Truth]] = defaultdict(list)
    for truth in truths:
        known[truth.source].append(truth)
    pairs = Counter((tone, row.tone or NONE) for row in rows if (tone := _tone(row, _spans(row, known))))
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


def _spans(row: DatasetRow, known: dict[str, list[Truth]]) -> Sequence[Truth]:
    """The true tones of the clip's recording, which people name by its URL or by its file name."""
    return known.get(row.source) or known.get(file_name(row.source)) or ()


def _tone(row: DatasetRow, spans: Sequence[Truth]) -> str:
    """The true tone of a clip, or "" if it is unknown."""
    if not spans:
        return ""
    starts, ends = np.array([s.start for s in spans]), np.array([s.end for s in spans])
    overlaps = np.clip(np.minimum(ends, row.end) - np.maximum(starts, row.start), 0, None)
    covered: Counter[str] = Counter()
    for i in np.flatnonzero(overlaps).tolist():
        covered[spans[i].tone] += overlaps[i]
    if not covered:
        return ""
    tone, seconds = max(covered.items(), key=lambda item: (item[1], item[0]))
    return tone if seconds >= LEAST_COVERED * (row.end - row.start) else ""
