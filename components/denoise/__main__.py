"""Reads voices and segments, writes denoised voices."""

from collections import Counter
from pathlib import Path

import numpy as np

from components.denoise.chain import build_chain
from components.denoise.denoise import Result, denoise
from components.denoise.loudness import PEAK_LIMIT_DB
from components.denoise.settings import check_settings
from components.shared.rows import Choice, Recording, Segment, span
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Outcome, Progress, report, run


def main(voices: Path, segments: Path, clean: Path, chain: str, threads: int) -> Outcome:
    check_settings(chain=chain, threads=threads)
    steps = build_chain(chain, threads)
    recordings = read_rows(voices, Recording)
    heard = by_recording(read_rows(segments, Segment))
    progress = Progress(sum(r.seconds for r in recordings))
    results: list[Result] = []
    for recording in recordings:
        if recording.samples:
            file = f"{recording.recording}.flac"
            speech = tuple(span(s) for s in heard[recording.recording] if s.label == "speech")
            result = denoise(voices / "audio" / file, clean / "audio" / file, steps, progress.add, speech)
            results.append(result)
            for line in remarks(result, steps.loudness_lufs):
                report(f"{recording.recording}: {line}")
    choices = [c for result in results for c in result.choices]
    write_rows(clean, Choice, choices, "choices")
    write_rows(clean, Recording, recordings)
    return {
        "held_back_recordings": sum(r.held_back for r in results),
        "unmeasured_recordings": sum(r.loudness_lufs == -np.inf for r in results),
        "clipped_samples": sum(r.clipped_samples for r in results),
        "chosen": "; ".join(f"{chain}: {count}" for chain, count in sorted(Counter(c.chain for c in choices if c.chosen).items())),
        "heard": "; ".join(f"{chain}: {worth}" for chain, worth in sorted(mean_scores(choices).items())),
    }


def remarks(result: Result, target_lufs: float | None) -> list[str]:
    """Returns the remarks about a recording for the log, one line each."""
    lines = []
    if result.loudness_lufs == -np.inf:
        lines.append("no loudness to measure (silent, or shorter than 0.4 s): its gain stays 0 dB")
    if result.held_back:
        reached = result.loudness_lufs + result.gain_db
        lines.append(f"held back at {reached:.1f} LUFS (target {target_lufs}): more gain would raise its peak above {PEAK_LIMIT_DB:g} dBFS")
    if result.clipped_samples:
        lines.append(f"{result.clipped_samples} samples clipped: a filter raised them above full scale; loudness in the chain prevents it")
    if result.choices:
        lines.append("; ".join(verdict(c) for c in sorted(result.choices, key=lambda c: not c.chosen)))
    return lines


def mean_scores(choices: list[Choice]) -> dict[str, str]:
    """Returns the mean scores of the candidates of `best`, by chain, over the recordings with speech."""
    by_chain: dict[str, list[Choice]] = {}
    for choice in choices:
        if choice.dnsmos_ovrl is not None:
            by_chain.setdefault(choice.chain, []).append(choice)
    means = {}
    for chain, several in by_chain.items():
        widths = [c.bandwidth_hz for c in several if c.bandwidth_hz]
        width = f", {np.mean(widths):.0f} Hz" if widths else ""
        means[chain] = f"DNSMOS {np.mean([c.dnsmos_ovrl for c in several]):.2f}{width}"
    return means


def verdict(choice: Choice) -> str:
    """Describes a candidate of `best` and its scores in one line."""
    if choice.dnsmos_ovrl is None:
        worth = "too little speech to score"
    else:
        worth = f"DNSMOS {choice.dnsmos_ovrl:.2f}, " + (f"{choice.bandwidth_hz:.0f} Hz" if choice.bandwidth_hz else "no bandwidth")
    return f"{'chosen' if choice.chosen else 'not'} {choice.chain} ({worth})"


if __name__ == "__main__":
    run(main)
