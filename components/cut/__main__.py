"""Reads voices, segments and windows, writes clips."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from components.cut.cut import clips_of, turns_in
from components.cut.pauses import frame_levels
from components.cut.settings import check_settings
from components.shared.encoders import vectors_of
from components.shared.rows import Clip, Recording, Segment
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Outcome, Progress, run
from components.shared.windows import NONE, Windows, read_windows


def main(
    voices: Path,
    segments: Path,
    windows: Path,
    clips: Path,
    max_seconds: float,
    merge_gap_seconds: float,
    pad_seconds: float,
    change_similarity: float,
) -> Outcome:
    check_settings(
        max_seconds=max_seconds, merge_gap_seconds=merge_gap_seconds, pad_seconds=pad_seconds, change_similarity=change_similarity
    )
    recordings = read_rows(voices, Recording)
    heard = by_recording(read_rows(segments, Segment))
    progress = Progress(sum(r.seconds for r in recordings))
    found: dict[str, list[Clip]] = {}
    changes = 0
    for recording, voice in _with_windows(recordings, windows):
        read_levels = partial(frame_levels, voices / "audio" / f"{recording.recording}.flac")
        rows = heard[recording.recording]
        turns = turns_in(rows, read_levels, voice, merge_gap_seconds, change_similarity or vectors_of(voice.voice_by).change)
        changes += len(turns)
        lengths = (max_seconds, merge_gap_seconds, pad_seconds)
        found[recording.recording] = clips_of(recording.recording, recording.samples, rows, read_levels, *lengths, turns)
        progress.add(recording.seconds)
    in_order = [clip for recording in recordings for clip in found[recording.recording]]
    write_rows(clips, Clip, in_order)
    return {
        "clips": len(in_order),
        "clip_seconds": sum(c.end - c.start for c in in_order),
        "hard_cuts": sum(c.hard_cut for c in in_order),
        "speaker_changes": changes,
        "speech_seconds": sum(s.end - s.start for rows in heard.values() for s in rows if s.label == "speech"),
    }


def _with_windows(recordings: Sequence[Recording], windows: Path) -> Iterator[tuple[Recording, Windows]]:
    """Yields recordings with their windows; recordings without windows come last."""
    waiting = {r.recording: r for r in recordings}
    for name, heard in read_windows(windows):
        yield waiting.pop(name), heard
    for recording in waiting.values():
        yield recording, NONE


if __name__ == "__main__":
    run(main)
