"""Reads recordings, writes the loudest second of each."""

from pathlib import Path

from components.loudest.loudest import loudest_second
from components.shared.audio import blocks
from components.shared.rows import Loudest, Recording
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, run


def main(clean: Path, loudest: Path) -> Outcome:
    recordings = read_rows(clean, Recording)
    progress = Progress(sum(r.seconds for r in recordings))
    rows: list[Loudest] = []
    for recording in recordings:
        file = clean / "audio" / f"{recording.recording}.flac"
        seconds = blocks(file, block_seconds=1.0) if recording.samples else ()
        rows.append(Loudest(recording.recording, *loudest_second(seconds)))
        progress.add(recording.seconds)
    write_rows(loudest, Loudest, rows)
    return {"recordings": len(rows)}


if __name__ == "__main__":
    run(main)
