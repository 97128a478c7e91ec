"""Reads clean recordings, what was extracted from them, and clips, writes the quality of each clip."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from components.shared.audio import read_mono, renditions
from components.shared.dnsmos import load_dnsmos
from components.shared.rows import Clip, Quality, Recording, span
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, run
from components.shared.threads import cpu_threads
from components.tag_quality.quality import measure
from components.tag_quality.settings import check_settings

MOST_THREADS = 8
"""Threads by default at most: each takes 100 MB, and a container that may use four cores sees all cores of its machine."""


def main(clean: Path, clips: Path, extracted: Path, quality: Path, enabled: bool, hop_seconds: float, threads: int) -> Outcome:
    check_settings(hop_seconds=hop_seconds, threads=threads)
    rows = read_rows(clips, Clip) if enabled else []
    known = {r.recording: r.samples for r in read_rows(clean, Recording)}
    for clip in rows:
        start, stop = span(clip)
        if not 0 <= start < stop <= known.get(clip.recording, 0):
            raise ValueError(f"expected the clip {clip.clip} inside its recording, found samples {start} to {stop}: make the clips again")
    with renditions(extracted, clean) as audio:
        found = measured(rows, audio, hop_seconds, threads) if rows else []
    write_rows(quality, Quality, found)
    return {"clips": len(found), **medians(found)}


def measured(clips: Sequence[Clip], audio: Path, hop_seconds: float, threads: int) -> list[Quality]:
    """Measures clips of the recordings in a folder, one on each thread: the number of threads changes no score."""
    dnsmos = load_dnsmos(hop_seconds, threads=1)
    progress, found = Progress(sum(c.end - c.start for c in clips)), []

    def one(clip: Clip) -> Quality:
        return measure(clip.clip, read_mono(audio / f"{clip.recording}.flac", *span(clip)), dnsmos)

    pool = ThreadPoolExecutor(cpu_threads(threads, MOST_THREADS))
    try:
        for clip, row in zip(clips, pool.map(one, clips), strict=True):
            found.append(row)
            progress.add(clip.end - clip.start)
    finally:
        pool.shutdown(cancel_futures=True)  # so that an error does not wait for all other clips
    return found


def medians(rows: Sequence[Quality]) -> dict[str, float]:
    """Returns the median of each score over the clips that have it."""
    names = ("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "snr_db", "bandwidth_hz", "loudness_lufs", "true_peak_dbtp", "clipped_share")
    scores = {name: [value for row in rows if (value := getattr(row, name)) is not None] for name in names}
    return {f"median_{name}": float(np.median(values)) for name, values in scores.items() if values}


if __name__ == "__main__":
    run(main)
