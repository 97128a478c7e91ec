"""Measures how well scores separate one voice from others: error rates at every threshold, and a threshold to use.

A score is a similarity; a clip is accepted if its score is at or above the threshold. A miss is a clip of the voice that is not
accepted, a false accept a clip of another voice that is. Clips with exactly the same score were grouped into one voice: for the
confidence of a rate they count as one clip.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from components.shared.encoders import Vectors
from components.shared.voices import Voice, table

Numbers = NDArray[np.float64]

RULE_OF_30 = 30
"""Number of errors after which a rate lies within 30 % of the true one with 90 % confidence (Doddington and others,
The NIST speaker recognition evaluation, Speech Communication 31, 2000)."""
RULE_OF_3 = 3
"""If none of n clips is an error, the true rate is below 3/n with 95 % confidence (Jovanovic and Levy, The American
Statistician 51, 1997)."""
DIGITS = 3
"""Decimals of a threshold, which is rounded up: false accepts do not increase."""
_GUESS = 0.4
_AXIS = (0.001, 0.9)
_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
_FINE = 0.01
"""Resolution of the drawing on the probit scale."""
_STYLES = ("C0-", "C1--", "C2-.", "C3:", "C4-", "C5--", "C6-.", "C7:", "C8-", "C9--")
"""Colors and dashes that differ in grayscale as well."""


@dataclass(frozen=True)
class Curve:
    """Both error rates at all distinct thresholds, each shaped (thresholds,), thresholds ascending.

    Thresholds lie midway between neighboring scores; the first accepts all clips, the last none.
    """

    thresholds: Numbers
    misses: Numbers
    """Share of the voice's own clips below the threshold: from 0, never falling, to 1."""
    false_accepts: Numbers
    """Share of the other clips at or above it: from 1, never rising, to 0."""


@dataclass(frozen=True)
class Calibration:
    """Error rates of labeled clips, and the threshold that follows from them."""

    same_clips: int
    same_scores: int
    """Number of different scores, fewer than clips if clips were grouped into one voice."""
    other_clips: int
    other_scores: int
    equal_error_rate: float
    equal_error_rate_low: float
    """Lower end of the 95 % confidence interval."""
    equal_error_rate_high: float
    equal_error_threshold: float
    wanted_false_accept_rate: float
    threshold: float
    """Lowest threshold with DIGITS decimals that accepts at most the wanted share of the other clips."""
    false_accept_rate: float
    """Share of the other clips accepted at the threshold."""
    miss_rate: float
    """Share of the voice's own clips rejected at the threshold."""


def curve(same: ArrayLike, other: ArrayLike, same_weights: ArrayLike | None = None, other_weights: ArrayLike | None = None) -> Curve:
    """Returns the error rates at all thresholds, for scores of the voice's own clips and of other voices, each shaped (clips,).

    Each clip weighs 1 by default. Raises ValueError if there are no scores of one kind, or if a score is not finite.
    """
    own, others = np.asarray(same, np.float64), np.asarray(other, np.float64)
    if not own.size or not others.size or not (np.isfinite(own).all() and np.isfinite(others).all()):
        raise ValueError(f"expected finite scores of the same voice and of others, found {own.size} and {others.size}")
    scores, places = np.unique(np.concatenate([own, others]), return_inverse=True)
    between = np.maximum((scores[:-1] + scores[1:]) / 2, np.nextafter(scores[:-1], np.inf))  # a score is never its own threshold
    thresholds = np.concatenate([scores[:1], between, [np.nextafter(scores[-1], np.inf)]])
    missed, taken = np.bincount(places[: own.size], same_weights, len(scores)), np.bincount(places[own.size :], other_weights, len(scores))
    misses, accepts = np.concatenate([[0.0], np.cumsum(missed)]), np.concatenate([np.cumsum(taken[::-1])[::-1], [0.0]])
    return Curve(thresholds, misses / misses[-1], accepts / accepts[0])


def equal_error(found: Curve) -> tuple[float, float]:
    """Returns the equal error rate and its threshold, interpolated linearly between thresholds."""
    difference = found.misses - found.false_accepts
    after = int(np.argmax(difference >= 0))
    before = max(after - 1, 0)
    step = difference[after] - difference[before]
    part = -difference[before] / step if step else 0.0

    def at(values: Numbers) -> float:
        return float(values[before] + part * (values[after] - values[before]))

    return at(found.misses), at(found.thresholds)


def threshold_for(found: Curve, false_accept_rate: float) -> float:
    """Returns the lowest threshold, rounded up, with at most this share of false accepts."""
    exact = float(found.thresholds[np.argmax(found.false_accepts <= false_accept_rate)])
    return math.ceil(exact * 10**DIGITS) / 10**DIGITS


def rates_at(same: ArrayLike, other: ArrayLike, threshold: float) -> tuple[float, float]:
    """Returns the shares of misses and of false accepts at a threshold."""
    return float(np.mean(np.asarray(same) < threshold)), float(np.mean(np.asarray(other) >= threshold))


def confidence_interval(same: ArrayLike, other: ArrayLike, rounds: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Returns the 95 % confidence interval of the equal error rate by a bootstrap of each kind's scores (percentiles; Efron, 1979)."""
    kinds = [np.unique(np.asarray(s, np.float64), return_counts=True) for s in (same, other)]
    rng, rates = np.random.default_rng(seed), []
    for _ in range(rounds):
        drawn = [rng.multinomial(len(clips), np.full(len(clips), 1 / len(clips))) * clips for _, clips in kinds]
        rates.append(equal_error(curve(kinds[0][0], kinds[1][0], *drawn))[0])
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def calibrate(same: ArrayLike, other: ArrayLike, false_accept_rate: float, seed: int = 0) -> Calibration:
    """Calibrates a threshold on the scores of labeled clips, as `curve` takes them; `seed` is that of the bootstrap.

    Raises ValueError as `curve` does, or if the wanted rate is not above 0 and below 1.
    """
    if not 0 < false_accept_rate < 1:
        raise ValueError(f"expected a false-accept rate above 0 and below 1, found {false_accept_rate}")
    found = curve(same, other)
    rate, at = equal_error(found)
    low, high = confidence_interval(same, other, seed=seed)
    threshold = threshold_for(found, false_accept_rate)
    misses, accepts = rates_at(same, other, threshold)
    own, others = len(np.unique(same)), len(np.unique(other))
    measured = (rate, low, high, at, false_accept_rate, threshold, accepts, misses)
    return Calibration(np.size(same), own, np.size(other), others, *measured)


def doubts(found: Calibration) -> list[str]:
    """Returns warnings, one line each: too few clips for a rate, or suspicious results."""
    lines, others, wanted = [], found.other_scores, found.wanted_false_accept_rate
    misses = round(found.miss_rate * found.same_scores)
    for name, clips, scores in (("the voice", found.same_clips, found.same_scores), ("others", found.other_clips, found.other_scores)):
        if scores < clips:
            lines.append(f"the {clips} clips of {name} were grouped into {scores} voices, and count as {scores} clips")
    if others < (needed := math.ceil(RULE_OF_30 / wanted)):
        bound = "" if found.false_accept_rate else f"; with none in {others} the true rate is below {min(1.0, RULE_OF_3 / others):.1%}"
        lines.append(
            f"measuring false accepts of {100 * wanted:g} % within 30 % needs {needed} other clips (rule of 30), found {others}{bound}"
        )
    if misses < RULE_OF_30:
        lines.append(f"the miss rate rests on {misses} misses: measuring it within 30 % needs {RULE_OF_30} (rule of 30)")
    if found.equal_error_rate >= _GUESS:
        lines.append(f"an equal error rate of {found.equal_error_rate:.0%} is close to guessing: check the labels and the reference")
    if found.threshold > 1:
        lines.append("no threshold gives so low a false-accept rate: one of the other clips has the highest possible similarity")
    return lines


def leave_one_out(same: Sequence[Voice], other: Sequence[Voice], of: Vectors) -> tuple[Numbers, Numbers]:
    """Returns similarities without a reference: of each clip to the voice's clips without itself.

    It takes the voices of at least two own clips and of clips of others. `of` are the facts of their encoder.
    """
    total = reduce(add, same)
    rest = [Voice(total.total - v.total, total.seconds - v.seconds) for v in same]
    own = [r.similarities(*table([v]), of)[0] for r, v in zip(rest, same, strict=True)]
    return np.array(own), total.similarities(*table(other), of)


def plot_det(curves: Mapping[str, Curve], path: Path, point: tuple[float, float] | None = None) -> None:
    """Draws detection error trade-off curves (Martin and others, The DET curve in assessment of detection task performance,
    Eurospeech 1997): miss rate over false-accept rate, both on a probit scale, where normal scores give straight lines.

    The legend has the names of the curves. A rate of 0 lies on the lower edge. The file ends in .png or .svg. The point to mark is
    a false-accept rate and a miss rate.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "speechmill", "svg.fonttype": "none", "font.size": 11}):  # makes the file reproducible
        figure = Figure(figsize=(6.4, 6.0), layout="constrained")
        axes = figure.add_subplot()
        for (name, found), style in zip(curves.items(), _STYLES, strict=False):
            axes.plot(*_drawn(found), style, label=name, linewidth=1.6)
        ends = _probit(_AXIS)
        axes.plot(ends, ends, color="0.7", linewidth=0.8, zorder=0)
        if point:
            axes.plot(*([x] for x in _probit(point)), marker="o", color="black", markersize=6, linestyle="", label="the threshold")
        for axis, name in ((axes.xaxis, "false accepts: other voices taken"), (axes.yaxis, "misses: the voice not taken")):
            axis.set_ticks(_probit(_TICKS), [f"{100 * t:g} %" for t in _TICKS])
            axis.set_label_text(name)
        axes.set(xlim=ends, ylim=ends, aspect="equal")
        axes.grid(color="0.9", linewidth=0.6)
        axes.legend(loc="upper right", framealpha=0.9)
        axes.tick_params(axis="x", labelrotation=45)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix.casefold() == ".svg" else {"Software": None})


def _drawn(found: Curve) -> Numbers:
    """Returns both rates on the probit scale, shaped (2, points), without indistinguishable points."""
    points = np.round(np.stack([_probit(found.false_accepts), _probit(found.misses)]) / _FINE) * _FINE
    return points[:, np.concatenate([[True], np.any(np.diff(points) != 0, axis=0)])]


def _probit(rates: Sequence[float] | Numbers) -> Numbers:
    """Returns quantiles of the normal distribution; rates beyond the axis lie on its edge."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(min(max(float(r), _AXIS[0]), 1 - _AXIS[0])) for r in rates])
