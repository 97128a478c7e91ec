"""Reads voices and segments, writes clips."""

from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from components.cut.cut import check_settings, clips_of
from components.cut.pauses import frame_levels
from components.shared.rows import Clip, Recording, Segment
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, run


def main(voices: Path, segments: Path, clips: Path, max_seconds: float, merge_gap_seconds: float, pad_seconds: float) -> Outcome:
    check_settings(max_seconds, merge_gap_seconds, pad_seconds)
    recordings = read_rows(voices, Recording)
    heard = {k: list(rows) for k, rows in groupby(read_rows(segments, Segment), attrgetter("recording"))}
    progress = Progress(sum(r.seconds for r in recordings))
    found: list[Clip] = []
    for recording in recordings:
        read_levels = partial(frame_levels, voices / "audio" / f"{recording.recording}.flac")
        rows = heard.get(recording.recording, [])
        found += clips_of(recording.recording, recording.samples, rows, read_levels, max_seconds, merge_gap_seconds, pad_seconds)
        progress.add(recording.seconds)
    write_rows(clips, Clip, found)
    return {
        "clips": len(found),
        "clip_seconds": sum(c.end - c.start for c in found),
        "hard_cuts": sum(c.hard_cut for c in found),
        "speech_seconds": sum(s.end - s.start for rows in heard.values() for s in rows if s.label == "speech"),
    }


if __name__ == "__main__":
    run(main)
