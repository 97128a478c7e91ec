"""The clips' scores beside the rules of `publish`: how they are distributed, and what another threshold would keep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.report.amounts import reason_of, seconds_of
from components.shared.rows import DatasetRow

BINS, POINTS = 40, 160
KEPT_SHARES = (0.95, 0.9, 0.75, 0.5)
"""For which a table names the threshold."""
_BEYOND = 0.002
"""Share of the clips on either side that lie beyond what is drawn, and are counted in the outermost bars."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """One number about clips, and the rule that looks at it."""

    title: str
    unit: str
    measure: Callable[[DatasetRow], float | None]
    reason: str
    """Of the clips that the rule refuses."""
    setting: str
    """Of `publish`, which holds the threshold."""
    neutral: float
    """The threshold that refuses nothing."""
    absent: float | None = None
    """What the rule takes a clip for that has no score, where it does not refuse it."""

    @property
    def at_most(self) -> bool:
        """Whether the threshold is the highest value that is kept, and not the lowest."""
        return self.setting.startswith("max_")


SCORES = (
    Score("Similarity to the reference", "cosine", lambda r: r.similarity, "similarity", "min_similarity", -1.0, 1.0),
    Score("Purity of the voice", "cosine", lambda r: r.purity, "purity", "min_purity", -1.0),
    Score("Overall quality", "DNSMOS OVRL, 1 to 5", lambda r: r.dnsmos_ovrl, "dnsmos", "min_dnsmos", 0.0),
    Score("Signal to noise", "dB", lambda r: r.snr_db, "snr", "min_snr_db", -100.0),
    Score("Bandwidth", "Hz", lambda r: r.bandwidth_hz, "bandwidth", "min_bandwidth_hz", 0.0),
    Score("Clipped samples", "share of the clip", lambda r: r.clipped_share, "clipped", "max_clipped_share", 1.0),
    Score("Length", "s", seconds_of, "too_short", "min_seconds", 0.0),
    Score("Confidence of the transcript", "mean log-probability", lambda r: r.confidence, "confidence", "min_confidence", -100.0),
    Score(
        "Slowest reading speed",
        "characters per second",
        lambda r: r.characters_per_second,
        "characters_per_second",
        "min_characters_per_second",
        0.0,
    ),
    Score(
        "Fastest reading speed",
        "characters per second",
        lambda r: r.characters_per_second,
        "characters_per_second",
        "max_characters_per_second",
        100.0,
    ),
)
"""What is drawn, where any clip has it."""


@dataclass(frozen=True)
class Measured:
    """A score over all clips."""

    score: Score
    threshold: float | None
    """Where the rule is set."""
    edges: Numbers
    """Of the bars, BINS + 1."""
    kept: Numbers
    """Seconds of kept clips in each bar; what lies beyond the edges is in the outermost."""
    rejected: Numbers
    missing: int
    """Clips without the score."""
    thresholds: Numbers
    """Of the curve, ascending."""
    kept_share: Numbers
    """Of all clips' seconds, 0 to 1, what would be kept at each threshold if every other rule stayed."""
    exact: NDArray[np.bool_]
    """Where it is what would be kept; elsewhere, at looser thresholds, other rules may refuse some of it: it is at most this.

    Of a version that refuses repeats it is at least this: where what is heard first is refused, its repeat is kept instead."""
    costs: Mapping[float, float | None]
    """For shares of the kept seconds, the strictest threshold that keeps so much; None where clips without a score stand in the way."""


def threshold(score: Score, settings: Mapping[str, Any]) -> float | None:
    """Where the rule about a score is set, by the settings of `publish`, or None where it refuses nothing."""
    value = float(settings.get(score.setting, score.neutral))
    return None if value == score.neutral else value


def measured(score: Score, rows: Sequence[DatasetRow], settings: Mapping[str, Any]) -> Measured | None:
    """A score over all clips, or None if no clip has it."""
    values = np.array([score.measure(r) for r in rows], np.float64)  # None becomes NaN
    there = np.isfinite(values)
    if not there.any():
        return None
    seconds = np.array([seconds_of(r) for r in rows])
    kept = np.array([r.kept for r in rows])
    refused = np.array([reason_of(r) == score.reason for r in rows])
    at = threshold(score, settings)
    edges = _edges(values[there], at)
    bars = [_bars(values[there & part], seconds[there & part], edges) for part in (kept, ~kept)]
    counted = values if score.absent is None else np.where(there, values, score.absent)
    sign = -1.0 if score.at_most else 1.0
    thresholds = np.linspace(edges[0], edges[-1], POINTS)
    if at is not None:
        thresholds = np.sort(np.append(thresholds, at))
    whole = kept | (refused & np.isfinite(counted))
    left = _weight_from(sign * counted[whole], seconds[whole], sign * thresholds)
    exact = np.full(len(thresholds), True) if at is None else sign * thresholds >= sign * at
    costs = {share: _strictest(sign * counted[kept], seconds[kept], share) for share in KEPT_SHARES}
    return Measured(
        score=score,
        threshold=at,
        edges=edges,
        kept=bars[0],
        rejected=bars[1],
        missing=int(np.sum(~there)),
        thresholds=thresholds,
        kept_share=left / (seconds.sum() or 1.0),
        exact=exact,
        costs={share: None if value is None else sign * value for share, value in costs.items()},
    )


def _edges(values: Numbers, at: float | None) -> Numbers:
    """Bars over what nearly all clips have, and over the threshold."""
    low, high = np.quantile(values, [_BEYOND, 1 - _BEYOND])
    if at is not None:
        low, high = min(low, at), max(high, at)
    room = (high - low) * 0.02 or max(abs(high) * 0.05, 0.05)
    low = max(low - room, 0.0) if low >= 0 else low - room
    return np.linspace(low, high + room, BINS + 1)


def _bars(values: Numbers, seconds: Numbers, edges: Numbers) -> Numbers:
    return np.histogram(np.clip(values, edges[0], edges[-1]), edges, weights=seconds)[0]


def _weight_from(values: Numbers, seconds: Numbers, thresholds: Numbers) -> Numbers:
    """Seconds of the values that reach each threshold; NaN reaches none."""
    there = np.isfinite(values)
    order = np.argsort(values[there], kind="stable")
    until = np.concatenate([[0.0], np.cumsum(seconds[there][order])])
    return until[-1] - until[np.searchsorted(values[there][order], thresholds, side="left")]


def _strictest(values: Numbers, seconds: Numbers, share: float) -> float | None:
    """The highest threshold which values of at least this share of the seconds reach; None if too many have none."""
    there = np.isfinite(values)
    order = np.argsort(-values[there], kind="stable")
    reached = np.cumsum(seconds[there][order])
    enough = np.flatnonzero(reached >= share * seconds.sum() * (1 - 1e-12))
    return float(values[there][order][enough[0]]) if len(enough) else None
