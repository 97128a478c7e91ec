"""Error rates, thresholds and plots of `speechmill speakers calibrate`."""

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from components.shared.encoders import ENCODERS
from components.shared.voices import Voice
from pipelines.datasets.calibration import (
    calibrate,
    confidence_interval,
    curve,
    doubts,
    equal_error,
    leave_one_out,
    plot_det,
    rates_at,
    threshold_for,
)

scores = st.lists(st.floats(-1, 1, width=32) | st.sampled_from([0.0, 0.5, 0.7, 0.71]), min_size=1, max_size=40)


def normal(mean: float, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.1, count)


@given(scores, scores)
def test_rates_go_from_taking_everything_to_taking_nothing_and_never_back(same: list[float], other: list[float]) -> None:
    found = curve(same, other)
    assert (found.misses[0], found.false_accepts[0], found.misses[-1], found.false_accepts[-1]) == (0, 1, 1, 0)
    assert (np.diff(found.thresholds) > 0).all()
    assert (np.diff(found.misses) >= 0).all()
    assert (np.diff(found.false_accepts) <= 0).all()


@given(scores, scores)
def test_rates_on_the_curve_are_those_that_counting_gives(same: list[float], other: list[float]) -> None:
    found = curve(same, other)
    for threshold, misses, accepts in zip(found.thresholds, found.misses, found.false_accepts, strict=True):
        assert rates_at(same, other, threshold) == (pytest.approx(misses), pytest.approx(accepts, abs=1e-12))


@given(scores, scores, st.floats(0.001, 0.999))
def test_a_threshold_keeps_its_promise_and_a_lower_one_does_not(same: list[float], other: list[float], wanted: float) -> None:
    found = curve(same, other)
    threshold = threshold_for(found, wanted)
    assert rates_at(same, other, threshold)[1] <= wanted
    assert threshold == round(threshold, 3)
    exact = found.thresholds[np.argmax(found.false_accepts <= wanted)]
    lower = found.thresholds[found.thresholds < exact]
    assert not lower.size or rates_at(same, other, lower[-1])[1] > wanted


@given(scores, scores, st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_fewer_false_accepts_cost_no_fewer_misses(same: list[float], other: list[float], one: float, two: float) -> None:
    strict, lax = (threshold_for(curve(same, other), rate) for rate in sorted([one, two]))
    assert strict >= lax
    assert rates_at(same, other, strict)[0] >= rates_at(same, other, lax)[0]


@given(scores, scores)
def test_labels_the_other_way_round_give_the_rest_of_the_rate(same: list[float], other: list[float]) -> None:
    forward, backward = (equal_error(curve(*pair))[0] for pair in ((same, other), (-np.array(same), -np.array(other))))
    assert forward + backward == pytest.approx(1, abs=1e-9)


@given(st.lists(st.floats(0.5, 1, width=32), min_size=1), st.lists(st.floats(-1, 0.25, width=32), min_size=1))
def test_voices_that_lie_apart_have_no_error(same: list[float], other: list[float]) -> None:
    rate, threshold = equal_error(curve(same, other))
    assert rate == 0
    assert max(other) < threshold <= min(same)
    assert rates_at(same, other, threshold) == (0, 0)


def test_voices_that_are_the_same_are_told_apart_by_chance() -> None:
    assert equal_error(curve(normal(0, 4000, 1), normal(0, 4000, 2)))[0] == pytest.approx(0.5, abs=0.02)


def test_two_normal_distributions_have_the_rate_of_theory() -> None:
    rate, threshold = equal_error(curve(normal(0.8, 20_000, 1), normal(0.6, 20_000, 2)))
    assert rate == pytest.approx(0.5 * math.erfc(1 / math.sqrt(2)), abs=0.004)  # one standard deviation from either mean
    assert threshold == pytest.approx(0.7, abs=0.003)


def test_rates_that_cross_between_two_thresholds_are_interpolated() -> None:
    # at 0.35 a third is missed and half is taken, at 0.45 two thirds and half: they cross on the line between
    rate, threshold = equal_error(curve([0.3, 0.4, 0.9], [0.1, 0.5]))
    assert (rate, threshold) == (pytest.approx(0.5), pytest.approx(0.4))


def test_the_confidence_interval_holds_the_rate_shrinks_with_clips_and_is_the_same_again() -> None:
    few, many = ((normal(0.8, n, 1), normal(0.6, n, 2)) for n in (50, 1000))
    low, high = confidence_interval(*few)
    assert low < equal_error(curve(*few))[0] < high
    assert confidence_interval(*few) == (low, high)
    narrow = confidence_interval(*many)
    assert narrow != confidence_interval(*many, seed=1)
    assert narrow[1] - narrow[0] < (high - low) / 2


def test_weights_count_clips_by_their_seconds() -> None:
    weighted = curve([0.9, 0.4], [0.6, 0.1], [3, 1], [1, 4])
    assert weighted.misses[list(weighted.thresholds).index(0.5)] == 0.25
    assert weighted.false_accepts[list(weighted.thresholds).index(0.5)] == pytest.approx(0.2)


def test_too_few_clips_are_told() -> None:
    few = doubts(calibrate(normal(0.9, 40, 1), normal(0.4, 50, 2), 0.01))
    assert "3000 other clips (rule of 30), found 50; with none in 50 the true rate is below 6.0%" in few[0]
    assert "rests on 0 misses" in few[1]
    assert doubts(calibrate(normal(0.8, 3000, 1), normal(0.6, 3000, 2), 0.01)) == []
    assert "check the labels" in doubts(calibrate(normal(0.5, 3000, 1), normal(0.5, 3000, 2), 0.01))[-1]
    assert "no threshold" in doubts(calibrate([0.9], [1.0], 0.01))[-1]


def test_clips_that_were_heard_as_one_voice_make_nothing_surer() -> None:
    same, other = normal(0.75, 40, 1), normal(0.65, 40, 2)
    many = calibrate(np.repeat(same, 50), np.repeat(other, 50), 0.1)
    assert (many.same_clips, many.same_scores) == (2000, 40)
    assert (many.equal_error_rate_low, many.equal_error_rate_high) == pytest.approx(confidence_interval(same, other), abs=0.03)
    assert "the 2000 clips of others were grouped into 40 voices, and count as 40 clips" in doubts(many)
    assert any("needs 300 other clips (rule of 30), found 40" in line for line in doubts(many))


@pytest.mark.parametrize(
    ("same", "other", "rate"), [([], [0.5], 0.01), ([0.5], [], 0.01), ([float("nan")], [0.5], 0.01), ([0.5], [0.5], 0.0)]
)
def test_what_cannot_be_calibrated_is_refused(same: list[float], other: list[float], rate: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        calibrate(same, other, rate)


def test_without_a_reference_a_clip_is_no_reference_of_itself() -> None:
    voices = [Voice(30 * axis, 30.0) for axis in np.eye(4)]
    own, others = leave_one_out(voices[:2], voices[2:], ENCODERS["campplus"])
    assert own.tolist() == [0, 0]  # with itself in the mean it would be 0.7
    assert others.tolist() == [0, 0]


def test_without_a_reference_similarities_are_those_of_publish() -> None:
    rng, of = np.random.default_rng(1), ENCODERS["campplus"]
    voice = rng.standard_normal(192)
    seconds = rng.uniform(1, 9, 60)
    clips = [Voice(s * (v / np.linalg.norm(v)), s) for s in seconds for v in [voice + rng.standard_normal(192) * np.sqrt(1.6 / s)]]
    own, others = leave_one_out(clips[:30], clips[30:], of)
    assert own.mean() == pytest.approx(1, abs=0.06) and others.mean() == pytest.approx(1, abs=0.06)


def test_the_plot_is_an_image_of_the_curve(tmp_path: Path) -> None:
    found = curve(normal(0.8, 400, 1), normal(0.6, 400, 2))
    plot_det({"clips": found}, tmp_path / "det.png", (0.01, 0.9))
    with Image.open(tmp_path / "det.png") as image:
        assert image.size == (960, 900)
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 20
    plot_det({"clips": found}, tmp_path / "det.svg")
    text = (tmp_path / "det.svg").read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert all(f">{label}<" in text for label in ("1 %", "clips", "misses: the voice not taken", "false accepts: other voices taken"))
    plot_det({"clips": found}, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == text
