"""`compare`: grids of settings, the figures side by side, and the small model that judges them."""

import io
import math
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipelines.commands.compare import parse_grids
from pipelines.datasets.comparison import FIGURES, Comparison, Variant, grid_points, notes_of, variant
from pipelines.datasets.comparison_page import page, rows_of
from pipelines.datasets.downstream import BANDS, Scores, error_db, log_mel, moments, scores, total
from store.objects import open_store
from tests.pipelines.published import Dataset, clip

RATE_HZ = 16_000


def voice(seconds: float, seed: int) -> np.ndarray:
    """A buzz with the formants and the rhythm of a voice."""
    rng, count = np.random.default_rng(seed), round(seconds * RATE_HZ)
    pitch_hz = 120 + 20 * np.cumsum(rng.standard_normal(count)) / np.sqrt(RATE_HZ)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    buzz = sum(np.sin(n * phase) / n**1.2 for n in range(1, 30))
    beats = np.arange(0, count + 2400, 2400)
    syllables = np.interp(np.arange(count), beats, rng.uniform(0.05, 1, len(beats)))
    return np.asarray(0.1 * buzz * syllables, np.float32)


def with_noise(sound: np.ndarray, snr_db: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    return np.asarray(sound + noise * np.sqrt(np.mean(sound**2) / 10 ** (snr_db / 10)), np.float32)


def test_a_grid_has_every_combination_and_values_of_the_settings_types() -> None:
    grid = parse_grids(("publish-min-seconds=0.3, 1.5", "--publish_genders=male;male,female", "diarize_enabled=yes,no"))
    assert grid == {"publish_min_seconds": [0.3, 1.5], "publish_genders": ["male", "male,female"], "diarize_enabled": [True, False]}
    points = grid_points(grid)
    assert len(points) == 8 and points[0] == {"publish_min_seconds": 0.3, "publish_genders": "male", "diarize_enabled": True}
    assert len({tuple(p.values()) for p in points}) == 8


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("publish_min_second=1",), "a setting of the run, found 'publish_min_second=1'"),
        (("publish_min_seconds",), "a setting of the run, found 'publish_min_seconds'"),
        (("store=a,b",), "a setting of the run, found 'store=a,b'"),
        (("publish_min_seconds=1,x",), "'x' is not a valid float"),
        (("publish_min_seconds=1,1.0",), "different values of publish_min_seconds"),
        (("publish_min_seconds=1", "publish_min_seconds=2"), "publish_min_seconds twice"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        parse_grids(texts)


def test_figures_are_those_of_the_kept_clips_by_their_seconds(tmp_path: Path) -> None:
    show = Dataset(open_store(str(tmp_path / "store")))
    rows = [clip("a-1", 2.0, dnsmos_ovrl=2.0), clip("a-2", 6.0, dnsmos_ovrl=4.0), clip("a-3", 1.0, dnsmos_ovrl=5.0)]
    show.publish("run-1", [*rows, clip("a-4", 4.0)])  # the clip of 1 s is too short to be kept
    found, version = variant(show.store, "show", {"publish_min_seconds": 1.0}, 12.0)
    assert version.number == 1 and found.recordings == ("a",)
    assert found.figures["clips"] == 3 and found.figures["kept hours"] == pytest.approx(12 / 3600)
    assert found.figures["DNSMOS OVRL"] == pytest.approx(3.5)
    assert found.figures["median clip, s"] == 4.0 and found.figures["SNR, dB"] is None


def made(**figures: float | None) -> Variant:
    return Variant({"x": 1}, "show", 1, {f.name: None for f in FIGURES} | figures, {"kept_seconds": 3600.0}, ("a",))


def test_the_best_of_each_line_is_marked_unless_all_are_equal_or_nobody_can_say() -> None:
    variants = [made(**{"kept hours": 1.0, "clips": 10.0, "purity": 0.9}), made(**{"kept hours": 2.0, "clips": 30.0, "purity": 0.9})]
    rows = {name: best for name, _, best in rows_of(Comparison("show", variants))}
    assert rows == {"kept hours": {1}, "clips": set(), "purity": set()}


def test_scores_within_their_intervals_are_both_the_best() -> None:
    errors_of = [(1.0, 1.1, 0.9), (1.05, 1.1, 1.0), (3.0, 3.1, 2.9)]
    variants = [replace(made(), downstream=Scores(own, 60.0)) for own in errors_of]
    assert rows_of(Comparison("show", variants))[-1][2] == {0, 1}


def test_other_recordings_are_told() -> None:
    same, other = made(), replace(made(), recordings=("a", "b"), values={"x": 2})
    assert notes_of([same, same]) == []
    assert notes_of([same, other]) == [
        "The variants do not hold the same recordings, so their figures differ for that reason, too: 1 (x 1), 2 (x 2)."
    ]


def test_the_page_escapes_what_comes_from_strangers(tmp_path: Path) -> None:
    show = Dataset(open_store(str(tmp_path / "store")))
    show.publish("run-1", [clip("a-1", 2.0, title="<script>alert(1)</script>", text="a & b", audio_sha256="0" * 64)])
    found, version = variant(show.store, "show", {"publish_genders": "<b>"}, None)
    text = page(Comparison("show", [found]), [(show.versions, show.versions.rows(version))])
    assert "<script" not in text and "<b>" not in text and "a &amp; b" in text
    assert "0:00:02.00 of" in text and "The store does not have its sound." in text


def test_noisier_and_narrower_clips_teach_less_about_clean_speech() -> None:
    judge = total(moments(log_mel(voice(4, seed), RATE_HZ)) for seed in range(100, 106))
    sounds = [voice(4, seed) for seed in range(12)]
    clean, noisy, noisier = (
        error_db(total(moments(log_mel(with_noise(s, snr_db, i), RATE_HZ)) for i, s in enumerate(sounds)), judge) for snr_db in (60, 20, 5)
    )
    assert clean < noisy < noisier


def test_loudness_teaches_nothing() -> None:
    judge, sounds = moments(log_mel(voice(6, 1), RATE_HZ)), [voice(4, seed) for seed in range(2, 8)]
    loud, soft = (error_db(total(moments(log_mel(gain * s, RATE_HZ)) for s in sounds), judge) for gain in (1.0, 0.05))
    assert soft == pytest.approx(loud, abs=1e-3)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(0, 1000))
def test_sums_of_parts_are_the_sum_of_all(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [moments(rng.standard_normal((length, BANDS))) for length in lengths]
    found = total(parts)
    assert found.count == sum(max(0, length - 6) for length in lengths)
    assert np.allclose(found.targets, sum(p.targets for p in parts)) and np.allclose(found.inputs, sum(p.inputs for p in parts))


def test_models_are_trained_on_the_budget_and_the_same_seeds_give_the_same_scores() -> None:
    sounds = {str(seed): voice(3, seed) for seed in range(8)}
    read_keys = []

    def read(key: str) -> bytes:
        read_keys.append(key)
        file = io.BytesIO()
        soundfile.write(file, sounds[key], RATE_HZ, format="flac")
        return file.getvalue()

    judge = moments(log_mel(voice(6, 99), RATE_HZ))
    clips = [(key, 3.0) for key in sounds]
    first, again = (scores(clips, read, judge, 10.0, seeds=3) for _ in range(2))
    assert first == again and first.train_seconds == 12.0 and len(read_keys) == 2 * 3 * 4
    assert 0 < first.margin < math.inf and min(first.errors_db) <= first.mean <= max(first.errors_db)


def test_a_model_without_frames_is_an_error() -> None:
    with pytest.raises(ValueError, match="found 0 and 0"):
        error_db(total([]), total([]))
