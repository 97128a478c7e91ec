"""Turns clips into rows of transcripts."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.shared.audio import read_mono
from components.shared.rows import Clip, Transcript, Vector, span
from components.shared.task import Outcome, Progress, report
from components.transcribe.engines import Engine, Transcription
from components.transcribe.flags import characters, flags
from components.transcribe.settings import EngineSettings
from components.transcribe.sound import batches


def load_engine(settings: EngineSettings, model: Path) -> Engine:
    """Loads the engine, not `none`. Raises StageError if it cannot work with the model, the language or the credentials."""
    if settings.engine == "azure":
        from components.transcribe.azure import load_azure

        return load_azure(settings)
    if settings.engine == "whisper":
        from components.transcribe.whisper import load_whisper

        return load_whisper(model, settings)
    from components.transcribe.pocketsphinx import load_pocketsphinx

    return load_pocketsphinx()


def transcribe(audio: Path, clips: Sequence[Clip], engine: Engine) -> list[Transcript]:
    """Transcribes clips of the recordings in a folder, in order; reports every clip without a transcript."""
    progress = Progress(sum(c.end - c.start for c in clips))
    rows: list[Transcript] = []
    for batch in batches(clips, engine.batch_clips):
        sounds = [read_mono(audio / f"{clip.recording}.flac", *span(clip)) for clip in batch]
        for clip, result in zip(batch, engine.transcribe(sounds), strict=True):
            if result.problem:
                report(f"clip {clip.clip} has no transcript: {result.problem}")
            rows.append(row(clip, result, engine.name))
        progress.add(sum(c.end - c.start for c in batch))
    return rows


def row(clip: Clip, result: Transcription, by: str) -> Transcript:
    """Returns the row of a clip; text and words are in Unicode NFC."""
    text, seconds = unicodedata.normalize("NFC", result.text), clip.end - clip.start
    return Transcript(
        clip=clip.clip,
        text=text,
        language=result.language.lower(),
        confidence=result.confidence,
        characters_per_second=None if result.problem else characters(text) / seconds,
        words=[unicodedata.normalize("NFC", w.text) for w in result.words],
        word_times=Vector(np.array([(w.start, w.end) for w in result.words], "<f4").tobytes()),
        text_flags=",".join(flags(result, seconds)),
        text_by=by,
    )


def within(clips: Sequence[Clip], max_seconds: float) -> Sequence[Clip]:
    """Returns the first clips, with a total length of at most max_seconds."""
    ends = np.cumsum([c.end - c.start for c in clips])
    return clips[: int(np.searchsorted(ends, max_seconds + 1e-6, side="right"))]


def outcome(by: str, clips: Sequence[Clip], rows: Sequence[Transcript], sent: Sequence[Clip]) -> Outcome:
    """Returns the metrics of the stage; `by` is the engine with its model, `sent` the clips that were sent to Azure."""
    transcribed = [r for r in rows if "not_transcribed" not in r.text_flags]
    seconds = {c.clip: c.end - c.start for c in clips}
    return {
        "engine": by,
        "transcribed_clips": len(transcribed),
        "transcribed_seconds": sum(seconds[r.clip] for r in transcribed),
        "characters": sum(characters(r.text) for r in transcribed),
        "flagged_clips": sum(bool(r.text_flags) for r in rows),
        "not_transcribed_clips": len(rows) - len(transcribed),
        "azure_minutes": sum(c.end - c.start for c in sent) / 60,
    }
