"""Where nothing is touched: a function of the energies of frames, and the recording made of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.separate.passing import Rule, blended, gains, rule
from components.separate.stream import Part

FRAME_SECONDS = 512 / 44_100
RULE = rule(-20, FRAME_SECONDS)
LITTLE = Rule(reach=2, far=4, enter=0.01, leave=0.04, silence=1e-6, least=8, edge=2, fade=2)
SPEECH, BED, MUSIC, SILENCE = (1e-2, 1e-6), (1e-2, 1e-3), (1e-6, 1e-2), (0.0, 0.0)
"""Powers of speech and accompaniment: speech alone, over music, music alone, nothing."""


def gain(*stretches: tuple[tuple[float, float], float], rule: Rule = RULE) -> np.ndarray:
    """Gains of stretches with powers that last so many seconds."""
    counts = [round(seconds / FRAME_SECONDS) for _, seconds in stretches]
    powers = np.repeat(np.array([p for p, _ in stretches]).T, counts, axis=1)
    return np.concatenate(list(gains([(powers[0], powers[1])], rule)))


def passed(found: np.ndarray, start: float, stop: float) -> float:
    """Share of the seconds from start to stop that pass."""
    return float(np.mean(found[round(start / FRAME_SECONDS) : round(stop / FRAME_SECONDS)] == 1))


def touched(found: np.ndarray, start: float, stop: float) -> bool:
    """Whether nothing passes from start to stop."""
    return not np.any(found[round(start / FRAME_SECONDS) : round(stop / FRAME_SECONDS)])


def test_speech_passes_and_music_does_not() -> None:
    found = gain((SPEECH, 10), (BED, 10), (MUSIC, 5), (SPEECH, 10))
    assert passed(found, 0, 8.5) == passed(found, 26.5, 35) == 1
    assert touched(found, 9.9, 25.1)


def test_a_stretch_is_left_before_the_music_begins_and_entered_after_it_ends() -> None:
    for kind in (BED, MUSIC):
        found = gain((SPEECH, 10), (kind, 10), (SPEECH, 10))
        assert touched(found, 9.8, 20.2)
        assert passed(found, 0, 9) == passed(found, 21, 30) == 1


def test_the_recording_as_a_whole_passes_if_it_has_no_music() -> None:
    assert np.all(gain((SPEECH, 0.5)) == 1)
    assert np.all(gain((SPEECH, 30)) == 1)


def test_the_recording_as_a_whole_is_separated_if_it_has_music_all_the_time() -> None:
    assert not np.any(gain((BED, 0.5)))
    assert not np.any(gain((BED, 30), (MUSIC, 10), (BED, 10)))


def test_a_short_stretch_between_two_pieces_of_music_does_not_pass() -> None:
    assert not np.any(gain((MUSIC, 10), (SPEECH, 2.5), (MUSIC, 10)))
    assert np.any(gain((MUSIC, 10), (SPEECH, 5), (MUSIC, 10)) == 1)


def test_silence_decides_nothing() -> None:
    assert np.all(gain((SILENCE, 20)) == 1)
    assert np.all(gain((SILENCE, 5), (SPEECH, 5), (SILENCE, 20), (SPEECH, 5)) == 1)
    found = gain((SPEECH, 10), (MUSIC, 5), (SILENCE, 20), (MUSIC, 5), (SILENCE, 10))
    assert touched(found, 10, 50)


def test_what_lies_between_the_thresholds_changes_nothing() -> None:
    between = (1e-2, 2e-4)  # -17 dB
    assert passed(gain((SPEECH, 5), (between, 20)), 0, 20) == 1
    assert touched(gain((MUSIC, 5), (between, 20)), 0, 25)
    assert not np.any(gain((between, 20)))


def test_a_higher_threshold_lets_more_pass() -> None:
    shares = [float(np.mean(gain((SPEECH, 5), (BED, 5), (MUSIC, 5), rule=rule(db, FRAME_SECONDS)))) for db in (-45, -30, -5)]
    assert shares[0] == 0 < shares[1] < shares[2]


def test_gains_never_jump() -> None:
    found = gain((SPEECH, 10), (BED, 10), (SPEECH, 10), (MUSIC, 3), (SPEECH, 20))
    steps = np.abs(np.diff(found))
    assert 0.02 <= FRAME_SECONDS / np.max(steps) <= 0.05


kinds = st.sampled_from([SPEECH, BED, MUSIC, SILENCE, (1e-2, 2e-4)])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(kinds, st.integers(1, 40)), max_size=12), st.lists(st.integers(0, 50), min_size=1, max_size=12))
def test_every_frame_gets_its_gain_whatever_the_pieces(stretches: list[tuple[tuple[float, float], int]], sizes: list[int]) -> None:
    powers = np.repeat(np.array([p for p, _ in stretches]).reshape(-1, 2).T, [n for _, n in stretches], axis=1)
    cuts = np.cumsum(sizes)
    pieces = zip(*(np.split(row, cuts) for row in powers), strict=True)
    whole = np.concatenate(list(gains([(powers[0], powers[1])], LITTLE)))
    assert len(whole) == powers.shape[1]
    assert np.all((whole >= 0) & (whole <= 1))
    assert np.array_equal(whole, np.concatenate(list(gains(pieces, LITTLE))))
    music = (powers[1] > LITTLE.leave * powers[0]) & (powers.sum(axis=0) > 1e-3)
    for i in range(LITTLE.far, len(music) - LITTLE.far):
        assert not whole[i] or not music[i - LITTLE.far : i + LITTLE.far + 1].all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(kinds, st.integers(1, 40)), min_size=1, max_size=8), st.integers(3, 60), st.integers(0, 3))
def test_samples_are_the_mix_where_they_pass_and_speech_elsewhere(
    stretches: list[tuple[tuple[float, float], int]], per_part: int, missing: int
) -> None:
    step, rng = 4, np.random.default_rng(0)
    powers = np.repeat(np.array([p for p, _ in stretches]).T, [n for _, n in stretches], axis=1).astype(np.float32)
    powers = np.pad(powers, ((0, 0), (2, 6)))  # a recording is framed from before its beginning to behind its end
    samples = max(1, (powers.shape[1] - 8) * step - missing)
    tracks = rng.standard_normal((3, samples, 1)).astype(np.float32)
    ends = range(0, powers.shape[1], per_part)
    parts = (Part(tracks[:, max(0, i - 4) * step : max(0, i + per_part - 4) * step], *powers[:, i : i + per_part]) for i in ends)
    found = list(blended(parts, LITTLE, step))
    speech, other = np.concatenate([r.tracks for r in found], axis=1)
    assert speech.shape == other.shape == (samples, 1)
    weights = np.concatenate(list(gains([(powers[0], powers[1])], LITTLE)))[2:]
    whole = np.interp(np.arange(samples) / step, np.arange(len(weights)), weights)
    pure, none = whole == 1, whole == 0
    assert np.array_equal(speech[pure], tracks[0][pure]) and not np.any(other[pure])
    assert np.array_equal(speech[none], tracks[1][none]) and np.array_equal(other[none], tracks[2][none])
    assert sum(r.passed for r in found) == np.count_nonzero(pure)
    assert np.allclose(speech[:, 0], whole * tracks[0, :, 0] + (1 - whole) * tracks[1, :, 0], atol=1e-6)


def test_a_rule_is_in_frames_of_the_model() -> None:
    coarse = rule(-20, 1024 / 44_100)
    assert RULE.reach == pytest.approx(2 * coarse.reach, abs=1)
    assert RULE.enter == coarse.enter == pytest.approx(0.01)
