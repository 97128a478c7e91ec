"""How the clips' scores are distributed, and what other thresholds of the rules would keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.rules import RULES, Number

SCORES = tuple(rule for rule in RULES if isinstance(rule, Number))
"""The rules with a threshold. Each is drawn if any clip has its score."""
BINS, POINTS = 40, 160
"""Number of bars, and of points of the curve."""
KEPT_SHARES = (0.95, 0.9, 0.75, 0.5)
"""Shares of the kept seconds for which a table shows the strictest threshold."""
_BEYOND = 0.002
"""Share of the clips at each end that lie beyond the drawn range. The outermost bars include them."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """How one score is distributed over clips, and what its rule keeps at each threshold."""

    rule: Number
    threshold: float | None
    """The rule's threshold in this version; None if the rule is off."""
    edges: Numbers
    """Edges of the bars, shaped (BINS + 1,), in the rule's unit."""
    kept: Numbers
    """Seconds of kept clips in each bar, shaped (BINS,). The outermost bars include what lies beyond the edges."""
    rejected: Numbers
    """Seconds of rejected clips in each bar."""
    missing: int
    """Number of clips without the score."""
    thresholds: Numbers
    """Thresholds of the curve, ascending."""
    kept_share: Numbers
    """Share of all clips' seconds, 0 to 1, that each threshold would keep if every other rule stayed."""
    exact: NDArray[np.bool_]
    """Where `kept_share` is exact. At looser thresholds it is an upper limit: other rules may reject more.

    In a version that rejects repeats it is a lower limit: if a clip is rejected, its repeat is kept instead.
    """
    costs: Mapping[float, float | None]
    """The strictest threshold that keeps each share of the kept seconds; None if too many clips lack the score."""


def threshold(rule: Number, settings: Mapping[str, Any]) -> float | None:
    """The threshold of a rule in the settings of `publish`, or None if the rule is off."""
    value = float(settings.get(rule.name, rule.neutral))
    return None if value == rule.neutral else value


def measured(rule: Number, rows: pa.Table, settings: Mapping[str, Any]) -> Measured | None:
    """The distribution of a rule's score over clips, or None if no clip has the score.

    `rows` has the rule's column, `samples`, `kept` and `reason`.
    """
    values = rows[rule.column].to_numpy().astype(np.float64) / rule.scale  # null becomes NaN
    there = np.isfinite(values)
    if not there.any():
        return None
    seconds = rows["samples"].to_numpy() / SAMPLE_RATE_HZ
    kept = rows["kept"].to_numpy()
    rejected = pc.equal(rows["reason"], rule.reason).to_numpy()
    at = threshold(rule, settings)
    edges = _edges(values[there], at)
    bars = [_bars(values[there & part], seconds[there & part], edges) for part in (kept, ~kept)]
    counted = values if rule.absent is None else np.where(there, values, rule.absent)
    sign = -1.0 if rule.at_most else 1.0
    thresholds = np.linspace(edges[0], edges[-1], POINTS)
    if at is not None:
        thresholds = np.sort(np.append(thresholds, at))
    whole = kept | (rejected & np.isfinite(counted))
    left = _weight_from(sign * counted[whole], seconds[whole], sign * thresholds)
    exact = np.full(len(thresholds), True) if at is None else sign * thresholds >= sign * at
    costs = {share: _strictest(sign * counted[kept], seconds[kept], share) for share in KEPT_SHARES}
    return Measured(
        rule=rule,
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
    """Edges of bars that cover the threshold and all values but the share `_BEYOND` at each end."""
    low, high = np.quantile(values, [_BEYOND, 1 - _BEYOND])
    if at is not None:
        low, high = min(low, at), max(high, at)
    room = (high - low) * 0.02 or max(abs(high) * 0.05, 0.05)
    low = max(low - room, 0.0) if low >= 0 else low - room
    return np.linspace(low, high + room, BINS + 1)


def _bars(values: Numbers, seconds: Numbers, edges: Numbers) -> Numbers:
    return np.histogram(np.clip(values, edges[0], edges[-1]), edges, weights=seconds)[0]


def _weight_from(values: Numbers, seconds: Numbers, thresholds: Numbers) -> Numbers:
    """Sum of the seconds whose value reaches each threshold. NaN reaches none."""
    there = np.isfinite(values)
    order = np.argsort(values[there], kind="stable")
    until = np.concatenate([[0.0], np.cumsum(seconds[there][order])])
    return until[-1] - until[np.searchsorted(values[there][order], thresholds, side="left")]


def _strictest(values: Numbers, seconds: Numbers, share: float) -> float | None:
    """The highest threshold that at least this share of the seconds reaches; None if too many values are NaN."""
    there = np.isfinite(values)
    order = np.argsort(-values[there], kind="stable")
    reached = np.cumsum(seconds[there][order])
    enough = np.flatnonzero(reached >= share * seconds.sum() * (1 - 1e-12))
    return float(values[there][order][enough[0]]) if len(enough) else None
