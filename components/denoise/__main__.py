"""Reads voices, writes them clean."""

from pathlib import Path

import numpy as np

from components.denoise.chain import parse
from components.denoise.denoise import Result, denoise
from components.denoise.loudness import PEAK_LIMIT_DB
from components.shared.rows import Recording
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, report, run


def main(voices: Path, clean: Path, chain: str) -> Outcome:
    parsed = parse(chain)
    recordings = read_rows(voices, Recording)
    progress = Progress(sum(r.seconds for r in recordings))
    results: list[Result] = []
    for recording in recordings:
        if recording.samples:
            file = f"{recording.recording}.flac"
            result = denoise(voices / "audio" / file, clean / "audio" / file, parsed, progress.add)
            results.append(result)
            for line in remarks(result, parsed.loudness_lufs):
                report(f"{recording.recording}: {line}")
    write_rows(clean, Recording, recordings)
    return {
        "held_back_recordings": sum(r.held_back for r in results),
        "unmeasured_recordings": sum(r.loudness_lufs == -np.inf for r in results),
        "clipped_samples": sum(r.clipped_samples for r in results),
    }


def remarks(result: Result, target_lufs: float | None) -> list[str]:
    """What a person should know about a recording, in a line each."""
    lines = []
    if result.loudness_lufs == -np.inf:
        lines.append("no loudness to measure (silent, or shorter than 0.4 s): its gain stays 0 dB")
    if result.held_back:
        reached = result.loudness_lufs + result.gain_db
        lines.append(f"held back at {reached:.1f} of {target_lufs} LUFS: its highest sample would pass {PEAK_LIMIT_DB:g} dBFS")
    if result.clipped_samples:
        lines.append(f"{result.clipped_samples} samples clipped: a filter raised them above full scale; loudness in the chain prevents it")
    return lines


if __name__ == "__main__":
    run(main)
