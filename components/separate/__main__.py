"""Reads recordings and known effects, writes voices, what was removed, and, if requested, accompaniment."""

from dataclasses import replace
from pathlib import Path

from components.separate.network import load_network
from components.separate.separate import Options, Separated, separate
from components.separate.settings import check_settings
from components.separate.sfx import sfx
from components.separate.tones import tones
from components.shared.rows import Recording, Removed
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, report, run

NOT_KEPT = "not asked for: keep_accompaniment"


def main(
    recordings: Path,
    model: Path,
    effects: Path,
    voices: Path,
    accompaniment: Path,
    removed: Path,
    keep_accompaniment: bool,
    stereo: bool,
    remove_tones: bool,
    batch_segments: int,
    threads: int,
) -> Outcome:
    check_settings(batch_segments=batch_segments, threads=threads)
    network = load_network(model, threads)
    name, band_hz = f"{network.model.name}/{network.model.version}", network.config.band_hz
    report(f"{name} on {network.device}, up to {band_hz:.0f} Hz")
    before = (*((tones(),) if remove_tones else ()), sfx(effects))
    options = Options(stereo, batch_segments, before)
    rows = read_rows(recordings, Recording)
    progress = Progress(sum(r.seconds for r in rows))
    results: list[Separated] = []
    for row in rows:
        if row.samples:
            file = Path("audio", f"{row.recording}.flac")
            other = accompaniment / file if keep_accompaniment else None
            found = separate(recordings / file, voices / file, other, network, options, progress.add)
            if found.samples != row.samples:
                raise ValueError(f"expected {row.samples} samples in {recordings / file}, found {found.samples}: make the recordings again")
            results.append(found)
    taken = [row for result in results for row in result.removed]
    write_rows(removed, Removed, taken)
    write_rows(accompaniment, Recording, rows if keep_accompaniment else [without_audio(r) for r in rows])
    write_rows(voices, Recording, rows)
    return {
        "model": name,
        "device": network.device,
        "band_hz": band_hz,
        "removed_tones": sum(r.filter == "tones" for r in taken),
        "removed_effects": sum(r.filter == "sfx" for r in taken),
        "clipped_samples": sum(r.clipped_samples for r in results),
    }


def without_audio(recording: Recording) -> Recording:
    """The row of a recording whose accompaniment is not written."""
    return replace(recording, samples=0, seconds=0.0, reason=recording.reason or NOT_KEPT)


if __name__ == "__main__":
    run(main)
