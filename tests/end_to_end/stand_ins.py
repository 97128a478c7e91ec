"""Takes the place of `separate` and `segment` in tests of what is around them: TensorFlow alone takes ten seconds to start.

`python stand_ins.py -m components.<stage> EXECUTOR_INPUT IMAGE`, as a run starts a stage.
"""

import shutil
import sys
from pathlib import Path

from components.shared.rows import Recording, Removed, Segment
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, run


def separate(recordings: Path, voices: Path, accompaniment: Path, removed: Path) -> Outcome:
    """Nothing is music."""
    if (recordings / "audio").exists():
        shutil.copytree(recordings / "audio", voices / "audio")
    write_rows(voices, Recording, read_rows(recordings, Recording))
    write_rows(accompaniment, Recording, [])
    write_rows(removed, Removed, [])
    return {}


def segment(voices: Path, segments: Path) -> Outcome:
    """All is a woman's speech."""
    rows = [r for r in read_rows(voices, Recording) if r.samples]
    write_rows(segments, Segment, [Segment(r.recording, 0.0, r.seconds, "speech", "female") for r in rows])
    return {}


STAND_INS = {"components.separate": separate, "components.segment": segment}

if __name__ == "__main__":
    stage = sys.argv[2]
    del sys.argv[1:3]
    run(STAND_INS[stage])
