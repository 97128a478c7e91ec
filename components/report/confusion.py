"""How often the tone of a clip is the one that people gave it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from components.report.texts import shortened
from components.shared.rows import DatasetRow
from store.truth import Truth

LEAST_COVERED = 0.5
"""Share of a clip that its true tone covers at least."""
NONE = "none"
"""A clip that has no tone."""
MOST_TONES, MOST_CHARACTERS = 20, 64
"""Tones that stand by themselves, the most frequent ones; those beyond them are one line and one column. Of a tone's name."""


@dataclass(frozen=True)
class Confusion:
    """Clips by their true tone and the one they were given."""

    tones: list[str]
    clips: list[list[int]]
    """One row a true tone, one column a given one."""
    right_clips: list[int]
    """Of each row, those that were given their true tone: what is on the diagonal, but for a row of several tones."""

    @property
    def total(self) -> int:
        """Clips whose true tone is known."""
        return sum(map(sum, self.clips))

    @property
    def right(self) -> float:
        """Share of them that were given their true tone, 0 to 1."""
        return sum(self.right_clips) / self.total

    def metadata(self) -> dict[str, Any]:
        """As Kubeflow's page draws it."""
        return {"confusionMatrix": {"annotationSpecs": [{"displayName": t} for t in self.tones], "rows": [{"row": c} for c in self.clips]}}


def confusion(rows: Iterable[DatasetRow], truths: Iterable[Truth]) -> Confusion | None:
    """Clips by true and given tone, or None if no clip's true tone is known.

    A clip's true tone is the one that covers most of it, at least LEAST_COVERED; "" is unknown.
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
    """Under which name a tone is counted: its own in the order of the alphabet, behind them that of all others together."""
    frequency: Counter[str] = Counter()
    for pair, count in pairs.items():
        for tone in set(pair):
            frequency[tone] += count
    order = sorted(frequency, key=lambda tone: (-frequency[tone], tone))
    own, rest = (order, []) if len(order) <= MOST_TONES + 1 else (order[:MOST_TONES], order[MOST_TONES:])
    return {tone: shortened(tone, MOST_CHARACTERS) for tone in sorted(own)} | dict.fromkeys(rest, f"{len(rest)} others")


def _spans(row: DatasetRow, known: dict[str, list[Truth]]) -> Sequence[Truth]:
    """What people said of the clip's recording, under its URL or the name of its file."""
    return known.get(row.source) or known.get(PurePosixPath(unquote(urlsplit(row.source).path)).name) or ()


def _tone(row: DatasetRow, spans: Sequence[Truth]) -> str:
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
