"""The laws of clips, and where cuts lie, on synthetic sound whose pauses are known."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.cut.__main__ import main
from components.cut.cut import MIN_SECONDS, SETTLE_SECONDS, clips_of
from components.cut.pauses import frame_levels
from components.cut.split import split
from components.cut.turns import Borders
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Segment, Turn, to_samples
from components.shared.table import read_rows, write_rows
from components.shared.task import StageError
from tests.artifacts import write_flac, write_recordings

NAME = "0123456789abcdef"
SECONDS = 60


def voice(seconds: float, pauses: list[tuple[float, float]] = (), pause_level: float = 0.001) -> np.ndarray:
    """Noise that swells four times a second, as syllables do, by 10 dB; nearly nothing in the pauses."""
    time = np.arange(to_samples(seconds)) / SAMPLE_RATE_HZ
    sound = np.random.default_rng(7).standard_normal(len(time)) * 0.1 * 10 ** (-(1 + np.cos(2 * np.pi * 4 * time)) / 4)
    for start, end in pauses:
        sound[to_samples(start) : to_samples(end)] *= pause_level
    return sound.astype(np.float32)


def heard(*spans: tuple[float, str]) -> list[Segment]:
    """Segments one after the other; "male" and "female" are speech."""
    rows, at = [], 0
    for seconds, label in spans:
        end = at + to_samples(seconds)
        gender = label if label in ("male", "female") else ""
        rows.append(Segment(NAME, at / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ, "speech" if gender else label, gender))
        at = end
    return rows


def clipped(
    path: Path, length: int, segments: list[Segment], max_s: float = 15.0, gap_s: float = 0.2, pad_s: float = 0.1, **more: object
) -> list[Clip]:
    return clips_of(NAME, length, segments, partial(frame_levels, path), max_s, gap_s, pad_s, **more)


Cut = Callable[..., list[Clip]]


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    """Clips of a sound in which these segments were heard."""

    def run(sound: np.ndarray, *spans: tuple[float, str], **settings: float) -> list[Clip]:
        return clipped(write_flac(tmp_path / "sound.flac", sound), len(sound), heard(*spans), **settings)

    return run


def times(clips: list[Clip]) -> list[tuple[float, float]]:
    return [(round(c.start, 3), round(c.end, 3)) for c in clips]


# --- laws


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of two channels with pauses of 20 ms to 0.6 s, and 20 s without any."""
    rng, at, pauses = np.random.default_rng(1), 0.0, []
    while at < 40:
        at += rng.uniform(0.2, 4)
        pauses.append((at, at := at + rng.uniform(0.02, 0.6)))
    left = voice(SECONDS, pauses)
    return write_flac(tmp_path_factory.mktemp("talk") / "talk.flac", np.stack([left, 0.5 * left], axis=1))


@st.composite
def covers(draw: st.DrawFn) -> list[Segment]:
    """Segments that cover the minute."""
    labels = st.sampled_from(["male", "male", "female", "music", "silence", "noise"])
    lengths = st.one_of(
        st.integers(1, 2000), st.integers(1, SECONDS * SAMPLE_RATE_HZ // 100), st.integers(1, SECONDS * SAMPLE_RATE_HZ // 2)
    )
    rows: list[Segment] = []
    at, end = 0, SECONDS * SAMPLE_RATE_HZ
    for length, label in draw(st.lists(st.tuples(lengths, labels), max_size=40)):
        stop = min(at + length, end)
        if at < stop:
            gender = label if label in ("male", "female") else ""
            rows.append(Segment(NAME, at / SAMPLE_RATE_HZ, stop / SAMPLE_RATE_HZ, "speech" if gender else label, gender))
        at = stop
    return [*rows, Segment(NAME, at / SAMPLE_RATE_HZ, SECONDS, "speech", "male")] if at < end else rows


def runs(mask: np.ndarray) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


@settings(max_examples=40, deadline=None)
@given(covers(), st.floats(1.0, 20.0), st.sampled_from([0.0, 0.2, 1.0]), st.sampled_from([0.0, 0.1, 0.5]))
def test_clips_keep_the_laws(talk: Path, rows: list[Segment], max_s: float, gap_s: float, pad_s: float) -> None:
    length = SECONDS * SAMPLE_RATE_HZ
    clips = clipped(talk, length, rows, max_s, gap_s, pad_s)
    spans = [(to_samples(c.start), to_samples(c.end)) for c in clips]
    assert [c.start for c in clips] == [a / SAMPLE_RATE_HZ for a, _ in spans]
    assert [c.end for c in clips] == [b / SAMPLE_RATE_HZ for _, b in spans]
    edges = [e for span in spans for e in span]
    assert edges == sorted(edges)
    assert [e for e in edges if not 0 <= e <= length] == []
    assert all(to_samples(MIN_SECONDS) <= b - a <= max_s * SAMPLE_RATE_HZ for a, b in spans)
    assert len({c.clip for c in clips}) == len(clips)

    gender = np.zeros(length, np.int8)
    for row in rows:
        gender[to_samples(row.start) : to_samples(row.end)] = {"male": 1, "female": 2, "": 0}[row.gender]
    inside = np.zeros(length, bool)
    near = np.zeros(length, bool)  # as far as a border between two genders may move
    for border in np.flatnonzero(gender[:-1] * gender[1:] == 2) + 1:
        near[max(0, border - to_samples(SETTLE_SECONDS)) : border + to_samples(SETTLE_SECONDS)] = True
    for clip, (a, b) in zip(clips, spans, strict=True):
        inside[a:b] = True
        own = {"male": 1, "female": 2}[clip.gender]
        assert not np.any((gender[a:b] == 3 - own) & ~near[a:b])
        for x, y in runs(gender[a:b] == 0):
            at_edge = x == 0 or y == b - a
            assert y - x <= to_samples(max(pad_s, gap_s) if at_edge else gap_s)
    for own in (1, 2):
        assert all(inside[x:y].all() for x, y in runs(gender == own) if y - x >= to_samples(MIN_SECONDS))


@settings(max_examples=15, deadline=None)
@given(covers(), st.integers(100, 4000))
def test_block_size_changes_nothing(talk: Path, rows: list[Segment], block_frames: int) -> None:
    length = SECONDS * SAMPLE_RATE_HZ
    levels = partial(frame_levels, talk, block_frames=block_frames)
    assert clips_of(NAME, length, rows, levels, 5.0, 0.2, 0.1) == clipped(talk, length, rows, 5.0)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-60, -10), min_size=101, max_size=3000), st.integers(0, 440), st.floats(1.0, 30.0))
def test_pieces_of_any_stretch_fit(levels: list[float], rest: int, max_s: float) -> None:
    size, longest = len(levels) * 441 + rest, int(max_s * SAMPLE_RATE_HZ)
    if size > longest:
        edges = [0, *(at for at, _ in split(np.array(levels, np.float32), size, to_samples(MIN_SECONDS), longest)), size]
        assert all(to_samples(MIN_SECONDS) <= b - a <= longest for a, b in pairwise(edges))


# --- where cuts lie


def test_a_long_stretch_is_cut_in_its_pauses(cut: Cut) -> None:
    pauses = [(at, at + 0.3) for at in (3.1, 9.4, 12.2, 21.7, 26.05, 33.3, 41.9, 47.0, 52.5)]
    clips = cut(voice(60, pauses), (60, "female"))
    assert len(clips) >= 4
    assert not any(c.hard_cut for c in clips)
    for clip in clips[:-1]:
        assert any(start <= clip.end <= end for start, end in pauses), clip
    assert all(b.start == a.end for a, b in pairwise(clips))
    assert min(c.end - c.start for c in clips) >= 3


def test_without_a_pause_cuts_are_hard_and_as_few_as_can_be(cut: Cut) -> None:
    clips = cut(voice(40), (40, "male"))
    assert [c.hard_cut for c in clips] == [True, True, False]


def test_one_pause_is_found_whatever_its_place(cut: Cut) -> None:
    clips = cut(voice(16, [(3.5, 3.7)]), (16, "male"))
    assert len(clips) == 2
    assert 3.5 <= clips[0].end <= 3.7
    assert not clips[0].hard_cut


def test_the_closure_of_a_plosive_is_no_pause(cut: Cut) -> None:
    closures = [(at / 10, at / 10 + 0.06) for at in range(2, 198, 4)]
    clips = cut(voice(20, [*closures, (11.3, 11.5)]), (20, "male"))
    assert len(clips) == 2
    assert 11.3 <= clips[0].end <= 11.5
    assert not clips[0].hard_cut
    without = cut(voice(20, closures), (20, "male"))
    assert [c.hard_cut for c in without] == [True, False]


def test_pauses_are_found_over_quiet_music(cut: Cut) -> None:
    time = np.arange(to_samples(20)) / SAMPLE_RATE_HZ
    music = 0.012 * np.sin(2 * np.pi * 220 * time) + 0.008 * np.sin(2 * np.pi * 331 * time)
    clips = cut(voice(20, [(8.0, 8.3)]) + music.astype(np.float32), (20, "male"))
    assert len(clips) == 2
    assert 8.0 <= clips[0].end <= 8.3
    assert not clips[0].hard_cut


def test_what_is_a_pause_follows_the_level_of_the_voice(cut: Cut) -> None:
    pauses = [(at, at + 0.2) for at in (9.0, 20.0, 34.0, 43.0, 52.0)]
    sound = voice(60, pauses, pause_level=0.05)
    sound[to_samples(25) :] *= 0.1
    clips = cut(sound, (60, "male"))
    assert not any(c.hard_cut for c in clips)
    late = [c.end for c in clips[:-1] if c.end > 33]
    assert len(late) >= 2
    assert all(any(start <= end <= start + 0.2 for start, _ in pauses) for end in late)


def test_a_border_between_genders_moves_into_the_pause_beside_it(cut: Cut) -> None:
    clips = cut(voice(10, [(4.6, 4.9)]), (5, "male"), (5, "female"))
    assert [c.gender for c in clips] == ["male", "female"]
    assert 4.6 <= clips[0].end == clips[1].start <= 4.9
    assert not clips[0].hard_cut


def test_a_border_between_genders_without_a_pause_is_a_hard_cut(cut: Cut) -> None:
    clips = cut(voice(10, [(3.0, 3.3)]), (5, "male"), (5, "female"))
    assert [c.hard_cut for c in clips] == [True, False]
    assert abs(clips[0].end - 5) <= SETTLE_SECONDS


def test_digital_silence_is_cut_like_any_pause(cut: Cut) -> None:
    clips = cut(np.zeros(to_samples(40), np.float32), (40, "male"))
    assert max(c.end - c.start for c in clips) <= 15 + 1e-9
    assert sum(c.end - c.start for c in clips) == pytest.approx(40)


# --- joining, padding, leaving out


def test_speech_is_joined_over_a_gap_of_the_longest_length_and_no_more(cut: Cut) -> None:
    sound = voice(10)
    assert times(cut(sound, (2, "male"), (0.1, "noise"), (0.1, "silence"), (2, "male"), (5.8, "music"))) == [(0, 4.3)]
    assert times(cut(sound, (2, "male"), (0.21, "noise"), (2, "male"), (5.79, "music"))) == [(0, 2.1), (2.11, 4.31)]


def test_two_genders_are_never_joined(cut: Cut) -> None:
    clips = cut(voice(10), (2, "male"), (0.1, "silence"), (2, "female"), (5.9, "music"))
    assert times(clips) == [(0, 2.05), (2.05, 4.2)]
    assert [c.gender for c in clips] == ["male", "female"]


def test_where_gender_was_not_asked_for_there_is_one_stretch(tmp_path: Path) -> None:
    rows = [Segment(NAME, 0.0, 2.0, "speech", ""), Segment(NAME, 2.0, 5.0, "speech", "")]
    path = write_flac(tmp_path / "a.flac", voice(5))
    assert [(c.start, c.end, c.gender) for c in clipped(path, to_samples(5), rows)] == [(0, 5, "")]


def test_padding_stays_inside_the_recording_and_neighbors_share_the_room(cut: Cut) -> None:
    clips = cut(voice(10), (0.05, "silence"), (3, "male"), (0.5, "music"), (3, "male"), (3.41, "music"), (0.04, "female"), pad_s=0.4)
    assert times(clips) == [(0, 3.3), (3.3, 6.95), (9.56, 10.0)]


def test_the_longest_length_holds_with_padding(cut: Cut) -> None:
    assert len(cut(voice(17), (1, "music"), (14.8, "male"), (1.2, "music"))) == 1
    assert len(cut(voice(17), (1, "music"), (14.81, "male"), (1.19, "music"))) == 2


def test_speech_too_short_for_a_clip_is_left_out(cut: Cut) -> None:
    assert cut(voice(2), (1, "music"), (0.099, "male"), (0.901, "music")) == []
    assert times(cut(voice(2), (1, "music"), (0.1, "male"), (0.9, "music"))) == [(0.9, 1.2)]


def test_a_turn_ends_a_stretch(tmp_path: Path) -> None:
    path = write_flac(tmp_path / "a.flac", voice(10, [(3.9, 4.2)]))
    inside = clipped(path, to_samples(10), heard((10, "male")), borders=Borders([to_samples(4)]))
    assert [c.gender for c in inside] == ["male", "male"]
    assert 3.9 <= inside[0].end == inside[1].start <= 4.2
    in_gap = clipped(path, to_samples(10), heard((3.9, "male"), (0.2, "silence"), (5.9, "male")), borders=Borders([to_samples(4)]))
    assert times(in_gap) == [(0, 4.0), (4.0, 10)]


# --- the stage


def run_stage(
    folder: Path, sounds: dict[str, np.ndarray], segments: list[Segment], **settings: float
) -> tuple[dict[str, object], list[Clip]]:
    voices, heard_in, nobody, out = (folder / name for name in ("voices", "segments", "turns", "clips"))
    for path in (heard_in, nobody, out):
        path.mkdir()
    write_recordings(voices, sounds)
    write_rows(heard_in, Segment, segments)
    defaults = {"max_seconds": 15.0, "merge_gap_seconds": 0.2, "pad_seconds": 0.1}
    write_rows(nobody, Turn, [])
    outcome = main(voices, heard_in, nobody, out, **defaults | settings)
    return dict(outcome), read_rows(out, Clip)


def test_the_stage_writes_clips_of_every_recording_and_none_of_a_failed_one(tmp_path: Path) -> None:
    stereo = np.stack([voice(40), voice(40)], axis=1)
    sounds = {"aaaaaaaaaaaaaaaa": voice(12, [(6, 6.4)]), "bbbbbbbbbbbbbbbb": np.zeros(0, np.float32), NAME: stereo}
    rows = [
        Segment("aaaaaaaaaaaaaaaa", 0.0, 2.0, "music", ""),
        Segment("aaaaaaaaaaaaaaaa", 2.0, 12.0, "speech", "male"),
        *heard((40, "female")),
    ]
    outcome, clips = run_stage(tmp_path, sounds, rows)
    assert [c.clip for c in clips[:2]] == ["aaaaaaaaaaaaaaaa-00001900", f"{NAME}-00000000"]
    assert {c.recording for c in clips} == {"aaaaaaaaaaaaaaaa", NAME}
    assert outcome == {
        "clips": 4,
        "clip_seconds": pytest.approx(50.1),
        "hard_cuts": 2,
        "speaker_changes": 0,
        "overlaps": 0,
        "speech_seconds": pytest.approx(50.0),
    }


@pytest.mark.parametrize(("name", "value"), [("max_seconds", 0.9), ("merge_gap_seconds", -0.1), ("pad_seconds", float("nan"))])
def test_a_parameter_out_of_range_is_named(tmp_path: Path, name: str, value: float) -> None:
    with pytest.raises(StageError, match=f"parameter cut_{name}: expected .* seconds, found"):
        run_stage(tmp_path, {}, [], **{name: value})
