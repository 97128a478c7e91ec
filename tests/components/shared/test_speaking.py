"""The speakers of turns, by those of clips."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from components.shared.rows import VOICE, TimelineSpan
from components.shared.speaking import speakers_of, turns_of


@dataclass(frozen=True)
class Clip:
    start: float
    end: float
    speaker: str


def turn(start: float, end: float, voice: str) -> TimelineSpan:
    return TimelineSpan("r", start, end, VOICE, voice)


def test_a_turn_has_the_speaker_of_its_clips_and_else_of_its_voice() -> None:
    turns = [turn(0, 4, "0"), turn(4, 6, "1"), turn(6, 6.5, "0"), turn(7, 8, "2"), turn(8, 9, "")]
    clips = [Clip(0, 3, "s1"), Clip(3, 4, "s2"), Clip(4, 6, "s3"), Clip(8, 9, "s4")]
    assert speakers_of(turns, clips) == ["s1", "s3", "s1", "", ""]


def test_a_short_word_into_another_s_clip_does_not_take_over_its_speaker() -> None:
    turns = [turn(0, 5, "0"), turn(2, 2.5, "1"), turn(6, 8, "1")]
    clips = [Clip(0, 5, "s1"), Clip(6, 8, "s2")]
    assert speakers_of(turns, clips) == ["s1", "s2", "s2"]


def test_a_corrected_clip_changes_its_own_turn_alone() -> None:
    turns = [turn(0, 5, "0"), turn(6, 9, "0"), turn(10, 10.5, "0")]
    assert speakers_of(turns, [Clip(0, 5, "s1"), Clip(6, 9, "s2")]) == ["s1", "s2", "s1"]


def test_only_voices_of_a_timeline_are_turns() -> None:
    spans = [TimelineSpan("r", 0, 1, "speech", "female"), turn(0, 1, "0"), TimelineSpan("r", 0, 1, "tones", "50 Hz")]
    assert turns_of(spans) == [turn(0, 1, "0")]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9), st.sampled_from(["", "0", "1"])), max_size=8), st.integers(0, 6))
def test_every_turn_gets_an_answer_and_only_speakers_of_clips_are_given(found: list[tuple[int, int, str]], clips: int) -> None:
    turns = [turn(start, start + length, voice) for start, length, voice in sorted(found)]
    cut = [Clip(10.0 * n, 10.0 * n + 7, f"s{n % 3}" if n % 4 else "") for n in range(clips)]
    speakers = speakers_of(turns, cut)
    assert len(speakers) == len(turns)
    for spoken, speaker in zip(turns, speakers, strict=True):
        heard = {c.speaker for c in cut for t in turns if t.label == spoken.label and c.start < t.end and t.start < c.end}
        assert not speaker or (spoken.label and speaker in heard)
