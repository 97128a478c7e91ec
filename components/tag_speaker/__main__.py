"""Reads windows and clips, writes speakers."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import Clip, Speaker
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Lineage, Outcome, Progress, run
from components.shared.windows import NONE, REFERENCE_TABLE, certainty, read_windows, together
from components.tag_speaker.tag_speaker import compared, speaker_of


def main(windows: Path, clips: Path, speakers: Path, lineage: Lineage) -> Outcome:
    reference, measured = reference_of(windows)
    name = "" if reference is None else str(lineage["embed"]["models"]["reference"])
    cut = read_rows(clips, Clip)
    progress = Progress(sum(c.end - c.start for c in cut))
    found: dict[str, Speaker] = {}
    cuts = by_recording(cut)
    for recording, of_recording in read_windows(windows):
        for clip in cuts[recording]:
            found[clip.clip] = speaker_of(clip, of_recording, reference, name)
            progress.add(clip.end - clip.start)
    rows = [found.get(c.clip) or speaker_of(c, NONE, reference, name) for c in cut]
    if reference is not None:
        rows = compared(rows, cut, reference)
    write_rows(speakers, Speaker, rows)
    return {"clips": len(rows), "clips_without_voice": sum(not r.vector for r in rows)} | measured


def reference_of(windows: Path) -> tuple[NDArray[np.float64] | None, dict[str, float]]:
    """Returns the reference's vector, if there is a reference, and metrics of its consistency."""
    own = [own.vectors for _, own in read_windows(windows, REFERENCE_TABLE)]
    if not own:
        return None, {}
    vectors = np.concatenate(own)
    return together(vectors), certainty(vectors)


if __name__ == "__main__":
    run(main)
