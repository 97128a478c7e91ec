"""Reads clean recordings, turns and a model, writes what was extracted."""

from pathlib import Path

import numpy as np

from components.extract.extract import CONTEXT, Judge
from components.extract.extract import extracted as extract_voice
from components.extract.patch import Patched
from components.extract.settings import check_settings
from components.extract.target import Target, overlaps, target_of
from components.shared.audio import read
from components.shared.clip_voices import reference_voice
from components.shared.dnsmos import load_dnsmos
from components.shared.extraction import Extraction
from components.shared.inference import load_voicefilter
from components.shared.model import read_model
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Turn
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Outcome, Progress, StageError, report, run
from components.shared.voice_encoder import load_encoder
from components.shared.voicefilter import GRAPH, KIND, read_config
from components.shared.windows import read_windows


def main(clean: Path, turns: Path, model: Path, extracted: Path, enabled: bool, min_similarity_gain: float, threads: int) -> Outcome:
    check_settings(min_similarity_gain=min_similarity_gain, threads=threads)
    if not enabled:
        write_rows(extracted, Extraction, [])
        return {"stretches": 0, "extracted_stretches": 0}
    named, config = read_model(model, KIND), read_config(model)
    report(f"extracts with {named.name}/{named.version}")
    targets = _targets(turns, config.voice_by)
    masks = load_voicefilter(model / GRAPH, threads)
    judge = Judge(load_encoder(config.voice_by, threads), load_dnsmos(threads=threads))
    recordings, said = read_rows(clean, Recording), by_recording(read_rows(turns, Turn))
    progress = Progress(sum(r.seconds for r in recordings))
    rows: list[Extraction] = []
    for recording in recordings:
        name, target = recording.recording, targets.get(recording.recording)
        if recording.samples and target:
            file = Path("audio", f"{name}.flac")
            with Patched(clean / file, extracted / file, recording.samples) as patched:
                for start, stop in overlaps(said[name], target.voice):
                    first, last = max(0, start - CONTEXT), min(recording.samples, stop + CONTEXT)
                    pcm = read(clean / file, first, last)
                    own = extract_voice(pcm, start - first, stop - first, target.vector, masks)
                    found = judge.judge(pcm[start - first : stop - first], own, target.vector)
                    kept = found.is_better(min_similarity_gain)
                    rows.append(Extraction(name, start / SAMPLE_RATE_HZ, stop / SAMPLE_RATE_HZ, kept, *found))
                    if kept:
                        patched.replace(start, own)
                patched.finish()
        progress.add(recording.seconds)
    write_rows(extracted, Extraction, rows)
    return {
        "stretches": len(rows),
        "extracted_stretches": sum(row.kept for row in rows),
        "stretch_seconds": sum(row.end - row.start for row in rows),
        "extracted_seconds": sum(row.end - row.start for row in rows if row.kept),
        "similarity_gain": float(np.mean([_gain(row) for row in rows if row.kept])) if any(row.kept for row in rows) else 0.0,
    }


def _gain(row: Extraction) -> float:
    return (row.similarity_after or 0.0) - (row.similarity_before or 0.0)


def _targets(turns: Path, voice_by: str) -> dict[str, Target]:
    """The wanted voice of each recording that has it. Raises StageError if the vectors are not those that the model knows."""
    reference, _ = reference_voice(turns)
    found = {}
    for recording, windows in read_windows(turns):
        if windows.voice_by != voice_by:
            raise StageError(
                f"expected vectors of {voice_by}, which the model was trained with, in {turns}, found those of {windows.voice_by}: "
                f"set diarize_engine to {voice_by}, or choose another extract_model"
            )
        target = target_of(windows, reference)
        if target:
            found[recording] = target
    return found


if __name__ == "__main__":
    run(main)
