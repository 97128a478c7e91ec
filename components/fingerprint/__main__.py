"""Reads recordings and writes the acoustic fingerprint of each."""

from pathlib import Path

from components.fingerprint.fingerprint import HOP_SECONDS, SPAN_SECONDS, hashes
from components.shared.rows import Fingerprint, Recording
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, run


def main(recordings: Path, fingerprints: Path) -> Outcome:
    found = read_rows(recordings, Recording)
    progress = Progress(sum(r.seconds for r in found))
    rows: list[Fingerprint] = []
    for recording in found:
        found_hashes = hashes(recordings / "audio" / f"{recording.recording}.flac").tobytes() if recording.samples else b""
        rows.append(Fingerprint(recording.recording, HOP_SECONDS, SPAN_SECONDS, found_hashes))
        progress.add(recording.seconds)
    write_rows(fingerprints, Fingerprint, rows)
    return {"recordings": len(rows), "hashes": sum(len(r.hashes) // 4 for r in rows)}


if __name__ == "__main__":
    run(main)
