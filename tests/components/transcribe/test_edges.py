"""Clips that begin or end inside a word."""

import numpy as np
import pytest

from components.shared.rows import SAMPLE_RATE_HZ
from components.transcribe.edges import cut_word
from components.transcribe.engines import Transcription, Word
from components.transcribe.flags import flags


def buzz(seconds: float, quiet_seconds: float = 0.0) -> np.ndarray:
    """A loud buzz that is followed by near silence."""
    times = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tail = np.random.default_rng(0).normal(0, 10, round(quiet_seconds * SAMPLE_RATE_HZ))
    return np.concatenate([8000 * np.sign(np.sin(2 * np.pi * 140 * times)), tail]).astype(np.int16)


def said(*words: tuple[float, float]) -> Transcription:
    return Transcription("word " * len(words), "en", None, tuple(Word("word", *times) for times in words))


def test_a_loud_clip_whose_last_word_ends_with_it_is_cut() -> None:
    assert cut_word(said((0.4, 0.9), (1.2, 2.0)), buzz(2.0))
    assert cut_word(said((0.0, 0.9), (1.2, 1.6)), buzz(2.0)), "at the start as well"
    assert cut_word(said((0.4, 0.9), (1.2, 1.75)), buzz(2.0)), "engines often end a word early that is cut"


def test_a_word_beside_a_quiet_edge_or_far_from_it_is_not() -> None:
    assert not cut_word(said((0.4, 0.9), (1.2, 2.0)), buzz(1.8, quiet_seconds=0.2))
    assert not cut_word(said((0.4, 0.9), (1.2, 1.6)), buzz(2.0)), "noise or music goes on, the words do not"


def test_without_words_or_sound_nothing_is_said_to_be_cut() -> None:
    assert not cut_word(said(), buzz(2.0))
    assert not cut_word(said((0.0, 0.0)), buzz(0.0))


@pytest.mark.parametrize("is_cut", [True, False])
def test_the_flag_stands_among_the_others(is_cut: bool) -> None:
    found = Transcription("a sentence of words", "en", None, ())
    assert flags(found, 2.0, is_cut) == ["cut_word"] * is_cut
