"""Reads windows and clips, writes speakers."""

from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import Clip, Speaker
from components.shared.table import read_rows, write_rows
from components.shared.task import Lineage, Outcome, Progress, run
from components.shared.windows import NONE, REFERENCE, read_windows
from components.tag_speaker.tag_speaker import compared, heard_in, voice


def main(windows: Path, clips: Path, speakers: Path, lineage: Lineage) -> Outcome:
    reference, measured = reference_of(windows)
    name = "" if reference is None else str(lineage["embed"]["models"]["reference"])
    cut = read_rows(clips, Clip)
    progress = Progress(sum(c.end - c.start for c in cut))
    found: dict[str, Speaker] = {}
    by_recording = {k: list(rows) for k, rows in groupby(cut, attrgetter("recording"))}
    for recording, heard in read_windows(windows):
        for clip in by_recording.get(recording, []):
            found[clip.clip] = heard_in(clip, heard, reference, name)
            progress.add(clip.end - clip.start)
    rows = [found.get(c.clip) or heard_in(c, NONE, reference, name) for c in cut]
    if reference is not None:
        rows = compared(rows, cut, reference)
    write_rows(speakers, Speaker, rows)
    return {"clips": len(rows), "clips_without_voice": sum(not r.vector for r in rows)} | measured


def reference_of(windows: Path) -> tuple[NDArray[np.float64] | None, dict[str, Any]]:
    """The reference's d-vector, if there is a reference, and how sure it is of itself: the similarities of its own windows."""
    own = [heard.vectors for _, heard in read_windows(windows, REFERENCE)]
    if not own:
        return None, {}
    vectors = np.concatenate(own)
    reference = voice(vectors, np.ones(len(vectors)))
    similarities = vectors @ reference
    return reference, {
        "reference_windows": len(vectors),
        "reference_mean_similarity": float(similarities.mean()),
        "reference_lowest_similarity": float(similarities.min()),
    }


if __name__ == "__main__":
    run(main)
