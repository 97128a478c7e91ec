"""Reads clean recordings, what was extracted from them, clips and turns, writes the tone of every clip."""

from collections import Counter, defaultdict
from pathlib import Path

from threadpoolctl import threadpool_limits

from components.shared.audio import renditions
from components.shared.clip_voices import clip_voices
from components.shared.model import parse, read_model
from components.shared.rows import Clip, Tone
from components.shared.table import read_rows, write_rows
from components.shared.task import MODEL, Outcome, Progress, report, run
from components.shared.tone.classifier import NONE, Classifier, load_classifier
from components.shared.tone.voices import by_gender
from components.tag_tone.settings import check_settings
from components.tag_tone.tag_tone import measure_clips
from components.tag_tone.tag_tone import tones as name_tones


def main(
    clean: Path,
    clips: Path,
    turns: Path,
    extracted: Path,
    model: Path,
    tones: Path,
    enabled: bool,
    clusters: int,
    voice_normalization: bool,
) -> Outcome:
    check_settings(clusters=clusters)
    if not enabled:
        write_rows(tones, Tone, [])
        return {"clips": 0}
    classifier = _classifier(model)
    rows = read_rows(clips, Clip)
    progress = Progress(sum(c.end - c.start for c in rows))
    # products are small: with a thread per core most of the time would be waiting
    with threadpool_limits(1, "blas"), renditions(extracted, clean) as audio:
        measured = list(measure_clips(audio, rows, progress.add))
    voices = clip_voices(turns, rows)
    labels = by_gender(voices.labels, [c.gender for c in rows])
    found = name_tones(measured, labels, classifier, clusters, voice_normalization)
    write_rows(tones, Tone, found)
    without_voice = int((~voices.heard).sum())
    if without_voice:
        report(f"{without_voice} of {len(rows)} clips have no voice vector: those of the same gender count as one voice")
    return {"clips": len(rows), "voices": len(set(labels.tolist())), "clips_without_voice": without_voice, **_facts(rows, found)}


def _classifier(model: Path) -> Classifier | None:
    if parse(model / MODEL).kind == NONE:
        read_model(model, NONE)
        report("no model: tones are clusters, tone-1 the calmest of each voice")
        return None
    classifier = load_classifier(model)
    report(f"{classifier.model.name}/{classifier.model.version}: {', '.join(classifier.classes)}")
    return classifier


def _facts(clips: list[Clip], rows: list[Tone]) -> dict[str, float]:
    """Counts clips and seconds by tone."""
    counts, seconds = Counter[str](), defaultdict[str, float](float)
    for clip, row in zip(clips, rows, strict=True):
        name = row.tone or "unvoiced"
        counts[name] += 1
        seconds[name] += clip.end - clip.start
    return {f"clips_{n}": counts[n] for n in sorted(counts)} | {f"seconds_{n}": seconds[n] for n in sorted(seconds)}


if __name__ == "__main__":
    run(main)
