"""Reads voices, segments and turns, writes clips."""

from functools import partial
from pathlib import Path

from components.cut.cut import clips_of
from components.cut.pauses import frame_levels
from components.cut.settings import check_settings
from components.cut.turns import borders_of
from components.shared.rows import Clip, Recording, Segment, Turn
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Outcome, Progress, run


def main(
    voices: Path,
    segments: Path,
    turns: Path,
    clips: Path,
    max_seconds: float,
    merge_gap_seconds: float,
    pad_seconds: float,
) -> Outcome:
    check_settings(max_seconds=max_seconds, merge_gap_seconds=merge_gap_seconds, pad_seconds=pad_seconds)
    recordings = read_rows(voices, Recording)
    heard, said = by_recording(read_rows(segments, Segment)), by_recording(read_rows(turns, Turn))
    progress = Progress(sum(r.seconds for r in recordings))
    found: list[Clip] = []
    changes = overlaps = 0
    for recording in recordings:
        rows = heard[recording.recording]
        borders = borders_of(said[recording.recording]) if said[recording.recording] else None
        read_levels = partial(frame_levels, voices / "audio" / f"{recording.recording}.flac")
        lengths = (max_seconds, merge_gap_seconds, pad_seconds)
        found += clips_of(recording.recording, recording.samples, rows, read_levels, *lengths, borders)
        if borders:
            changes, overlaps = changes + len(borders.changes), overlaps + len(borders.overlaps) // 2
        progress.add(recording.seconds)
    write_rows(clips, Clip, found)
    return {
        "clips": len(found),
        "clip_seconds": sum(c.end - c.start for c in found),
        "hard_cuts": sum(c.hard_cut for c in found),
        "speaker_changes": changes,
        "overlaps": overlaps,
        "speech_seconds": sum(s.end - s.start for rows in heard.values() for s in rows if s.label == "speech"),
    }


if __name__ == "__main__":
    run(main)
