"""How well scores tell one voice from others: error rates over every threshold, and the threshold to use.

A score is a similarity; a clip is taken where it is at or above the threshold. A miss is a clip of the voice that is not
taken, a false accept one of another voice that is. Clips with the very same score were heard as one voice: they say as much
as one clip does of how sure a rate is.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]

RULE_OF_30 = 30
"""So many errors must be seen for a rate that lies within 30 % of the true one with 90 % confidence (Doddington and others,
The NIST speaker recognition evaluation, Speech Communication 31, 2000)."""
RULE_OF_3 = 3
"""Where none of n clips is an error, the true rate is below 3/n with 95 % confidence (Jovanovic and Levy, The American
Statistician 51, 1997)."""
DIGITS = 3
"""A threshold is rounded to so many decimals, upwards, so that it lets no more false accepts through."""
_GUESS = 0.4
_AXIS = (0.001, 0.9)
_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
_FINE = 0.01
"""Of the probit scale: what lies nearer together is one point of the drawing."""


@dataclass(frozen=True)
class Curve:
    """Both error rates at every threshold that makes a difference, each shaped (thresholds,), thresholds ascending.

    Thresholds lie midway between neighbouring scores; the first takes everything, the last nothing.
    """

    thresholds: Numbers
    misses: Numbers
    """Share of the voice's own clips below the threshold: from 0, never falling, to 1."""
    false_accepts: Numbers
    """Share of the other clips at or above it: from 1, never rising, to 0."""


@dataclass(frozen=True)
class Calibration:
    """What labelled clips say of a threshold."""

    same_clips: int
    same_scores: int
    """Different ones: fewer than clips where clips were heard as one voice."""
    other_clips: int
    other_scores: int
    equal_error_rate: float
    equal_error_rate_low: float
    """Lower end of the 95 % confidence interval."""
    equal_error_rate_high: float
    equal_error_threshold: float
    wanted_false_accept_rate: float
    threshold: float
    """The lowest with DIGITS decimals that takes no more than the wanted share of the other clips."""
    false_accept_rate: float
    """Of these clips at the threshold."""
    miss_rate: float
    """What that costs: the share of the voice's own clips that it refuses."""


def curve(same: ArrayLike, other: ArrayLike, same_weights: ArrayLike | None = None, other_weights: ArrayLike | None = None) -> Curve:
    """Error rates over all thresholds.

    Args:
        same: Scores of the voice's own clips, shaped (clips,).
        other: Scores of clips of other voices.
        same_weights: What each clip counts, for instance its seconds; one without it.
        other_weights: The same for the other clips.

    Raises:
        ValueError: No scores of one kind, or one that is no finite number.
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
    """Where misses and false accepts are as frequent: the rate, and the threshold.

    Between two thresholds both rates are interpolated along a straight line.
    """
    difference = found.misses - found.false_accepts
    after = int(np.argmax(difference >= 0))
    before = max(after - 1, 0)
    step = difference[after] - difference[before]
    part = -difference[before] / step if step else 0.0

    def at(values: Numbers) -> float:
        return float(values[before] + part * (values[after] - values[before]))

    return at(found.misses), at(found.thresholds)


def threshold_for(found: Curve, false_accept_rate: float) -> float:
    """The lowest threshold, rounded upwards, with no more than this share of false accepts."""
    exact = float(found.thresholds[np.argmax(found.false_accepts <= false_accept_rate)])
    return math.ceil(exact * 10**DIGITS) / 10**DIGITS


def rates_at(same: ArrayLike, other: ArrayLike, threshold: float) -> tuple[float, float]:
    """Share of misses and of false accepts at a threshold."""
    return float(np.mean(np.asarray(same) < threshold)), float(np.mean(np.asarray(other) >= threshold))


def confidence_interval(same: ArrayLike, other: ArrayLike, rounds: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the equal error rate: percentiles over a bootstrap of the scores of each kind (Efron, 1979)."""
    kinds = [np.unique(np.asarray(s, np.float64), return_counts=True) for s in (same, other)]
    rng, rates = np.random.default_rng(seed), []
    for _ in range(rounds):
        drawn = [rng.multinomial(len(clips), np.full(len(clips), 1 / len(clips))) * clips for _, clips in kinds]
        rates.append(equal_error(curve(kinds[0][0], kinds[1][0], *drawn))[0])
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def calibrate(same: ArrayLike, other: ArrayLike, false_accept_rate: float, seed: int = 0) -> Calibration:
    """Everything that is said of labelled clips.

    Args:
        same: Scores of the voice's own clips, shaped (clips,).
        other: Scores of clips of other voices.
        false_accept_rate: The wanted one, above 0 and below 1.
        seed: Of the bootstrap.

    Raises:
        ValueError: As `curve`; or a rate that is none.
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
    """What the clips are too few to say, or what is wrong with them, a line each."""
    lines, others, wanted = [], found.other_scores, found.wanted_false_accept_rate
    misses = round(found.miss_rate * found.same_scores)
    for name, clips, scores in (("the voice", found.same_clips, found.same_scores), ("others", found.other_clips, found.other_scores)):
        if scores < clips:
            lines.append(f"the {clips} clips of {name} were heard as {scores} voices, and say as much as {scores} clips do")
    if others < (needed := math.ceil(RULE_OF_30 / wanted)):
        bound = "" if found.false_accept_rate else f"; with none in {others} the true rate is below {min(1.0, RULE_OF_3 / others):.1%}"
        lines.append(
            f"to know false accepts of {100 * wanted:g} % within 30 % takes {needed} other clips (rule of 30), here are {others}{bound}"
        )
    if misses < RULE_OF_30:
        lines.append(f"the miss rate rests on {misses} misses: to know it within 30 % takes {RULE_OF_30} of them (rule of 30)")
    if found.equal_error_rate >= _GUESS:
        lines.append(
            f"an equal error rate of {found.equal_error_rate:.0%} is near that of a guess: look at the labels, and at the reference"
        )
    if found.threshold > 1:
        lines.append("no threshold lets so few false accepts through: one of the other clips is as near to the reference as can be")
    return lines


def leave_one_out(same: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> tuple[Numbers, Numbers]:
    """Similarities without a reference: of every clip to the mean of the clips of the voice, itself left out.

    Args:
        same: d-vectors of length 1 of the voice's own clips, shaped (clips, numbers), two clips at least.
        other: The same of clips of other voices.
    """
    total = np.sum(same, axis=0, dtype=np.float64)
    rest = total - same
    own = np.sum(same * rest, axis=1) / np.linalg.norm(rest, axis=1)
    return own, other @ (total / np.linalg.norm(total))


def plot_det(curves: Mapping[str, Curve], path: Path, point: tuple[float, float] | None = None) -> None:
    """Draws detection error trade-off curves (Martin and others, The DET curve in assessment of detection task performance,
    Eurospeech 1997): miss rate over false-accept rate, both on a probit scale, where normal scores give straight lines.

    Args:
        curves: By the name that the legend gives them; a rate of 0 lies on the lower edge.
        path: A file that ends in .png or .svg.
        point: False-accept rate and miss rate to mark.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "speechmill", "svg.fonttype": "none", "font.size": 11}):  # the same curves, the same bytes
        figure = Figure(figsize=(6.4, 6.0), layout="constrained")
        axes = figure.add_subplot()
        for (name, found), style in zip(curves.items(), _styles(), strict=False):
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
    """Both rates on the probit scale, shaped (2, points), without points that nobody could tell apart."""
    points = np.round(np.stack([_probit(found.false_accepts), _probit(found.misses)]) / _FINE) * _FINE
    return points[:, np.concatenate([[True], np.any(np.diff(points) != 0, axis=0)])]


def _styles() -> list[str]:
    """Colors and dashes: told apart in grey as well."""
    return ["C0-", "C1--", "C2-.", "C3:", "C4-", "C5--", "C6-.", "C7:", "C8-", "C9--"]


def _probit(rates: Sequence[float] | Numbers) -> Numbers:
    """Quantiles of the normal distribution; what is beyond the axis lies on its edge."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(min(max(float(r), _AXIS[0]), 1 - _AXIS[0])) for r in rates])
