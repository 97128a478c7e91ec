"""Folds, scores, self-training and file names, as functions."""

from pathlib import PurePath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.tone.measures import MEASURES
from components.train_tone.names import Label, label_of
from components.train_tone.scores import scored
from components.train_tone.selftraining import Rules, attempt, choose
from components.train_tone.training import CLASSIFIERS, Clips, compare, fitted, folds, recall


def clips(rng: np.random.Generator, speakers: int, each: int, shift: float = 6.0, first: int = 0) -> Clips:
    """Clips of two tones that differ in all measures by `shift` deviations, of speakers that differ by more."""
    count = speakers * each * 2
    who, high = np.repeat(np.arange(speakers), each * 2), np.arange(count) % 2
    table = rng.standard_normal((count, len(MEASURES))) + 50 * who[:, None] + shift * high[:, None]
    return Clips(table, np.where(high, "loud", "soft"), np.array([f"s{first + n}" for n in who]), ["female"] * count)


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60).filter(lambda s: len(set(s)) > 1), st.integers(2, 12))
def test_no_speaker_is_in_training_and_test_and_every_clip_is_left_out_once(speakers: list[int], most: int) -> None:
    names = np.array([f"s{n}" for n in speakers])
    parts = folds(names, most)
    assert 2 <= len(parts) <= most
    assert np.array_equal(np.sum(parts, axis=0), np.ones(len(names)))
    for part in parts:
        assert part.any() and not set(names[part]) & set(names[~part])


def test_tones_are_told_apart_within_speakers_and_a_tone_that_is_only_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    far, none = clips(rng, 4, 8), clips(rng, 4, 8, shift=0.0)
    for some, low, high in ((far, 0.99, 1.0), (none, 0.2, 0.8)):
        found = compare(some, folds(some.speakers, 10), ["logistic", "discriminant"], 0, 4)
        assert low <= recall(some.tones, found.honest) <= high
        assert found.recalls[found.chosen] == max(found.recalls.values())


def test_self_training_keeps_to_its_limits_and_leaves_the_voices_of_the_part_out() -> None:
    rng = np.random.default_rng(1)
    labeled, others = clips(rng, 3, 6), clips(rng, 3, 10, first=1)  # s1 and s2 are also labeled speakers
    pipeline, deviations = fitted(labeled, lambda: CLASSIFIERS["logistic"](0))
    found = choose(pipeline, deviations, labeled, others, Rules(0.5, 4, 0.5), frozenset({"s1"}))
    chosen = others.some(found.chosen)
    assert set(chosen.speakers.tolist()) == {"s2", "s3"}
    for tone in ("loud", "soft"):
        assert np.sum(found.extra.tones == tone) <= 0.5 * np.sum(labeled.tones == tone)
        assert all(np.sum((chosen.speakers == s) & (found.extra.tones == tone)) <= 4 for s in ("s2", "s3"))
    assert np.mean(found.extra.tones == chosen.tones) > 0.9
    assert not choose(pipeline, deviations, labeled, others, Rules(1.0, 4, 0.5), frozenset()).chosen.any()


def test_clips_that_are_no_gain_do_not_join() -> None:
    rng = np.random.default_rng(2)
    labeled, others = clips(rng, 3, 6), clips(rng, 2, 6, first=7)
    parts = folds(labeled.speakers, 10)
    done = attempt(labeled, others, parts, lambda: CLASSIFIERS["logistic"](0), Rules(0.5, 4, 1.0), 1.0)
    assert done.guess.chosen.any() and not done.adopted and "no, they do not join" in str(done)


def test_scores_count_clips_and_a_perfect_one_has_no_interval() -> None:
    tones, speakers = np.array(["a", "a", "b", "b"]), np.array(["x", "y", "x", "y"])
    right = np.array([[0.8, 0.2], [0.9, 0.1], [0.1, 0.9], [0.2, 0.8]])
    found = scored(tones, speakers, right)
    assert (found.accuracy.value, found.recall.low, found.recall.high) == (1.0, 1.0, 1.0)
    assert found.calibration_error == pytest.approx(0.15)
    half = scored(tones, speakers, right[:, ::-1] * [[1], [0], [0], [1]] + right * [[0], [1], [1], [0]])
    assert half.confusion.tolist() == [[1, 1], [1, 1]] and half.recall.low <= half.recall.value == 0.5 <= half.recall.high
    three = scored(np.array(["a", "a", "a", "b"]), speakers, np.array([[0.9, 0.1]] * 4))
    assert (three.accuracy.value, three.recall.value) == (0.75, 0.5)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("Actor_12/03-01-05-02-01-01-12.wav", Label("angry", "ravdess-12", "en", "female")),
        ("03-01-01-01-01-01-01.flac", Label("neutral", "ravdess-01", "en", "male")),
        ("wav/03a01Fa.wav", Label("happy", "emodb-03", "de", "male")),
        ("08b10Lc.wav", Label("bored", "emodb-08", "de", "female")),
        ("OAF_angry/OAF_back_angry.wav", Label("angry", "tess-oaf", "en", "female")),
        ("YAF_dog_ps.wav", Label("surprised", "tess-yaf", "en", "female")),
        ("OA_bite_neutral.wav", Label("neutral", "tess-oaf", "en", "female")),
        ("DC_su07.wav", Label("surprised", "savee-dc", "en", "male")),
        ("JE/sa15.wav", Label("sad", "savee-je", "en", "male")),
    ],
)
def test_file_names_of_the_collections_are_read(path: str, label: Label) -> None:
    assert label_of(PurePath(path)) == label


@pytest.mark.parametrize("path", ["03-02-05-02-01-01-12.wav", "03-01-09-01-01-01-01.wav", "a01.wav", "show.mp3", "OAF_back_bored.wav"])
def test_other_names_have_a_reason(path: str) -> None:
    assert isinstance(label_of(PurePath(path)), str)
