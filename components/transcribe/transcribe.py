"""Turns clips into rows of transcripts."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.shared.audio import read_mono
from components.shared.rows import Clip, Vector, span
from components.shared.task import Outcome, Progress, report
from components.shared.transcript import Transcript
from components.transcribe.edges import cut_word
from components.transcribe.engines import Engine, Transcription
from components.transcribe.flags import agreement, characters, flags
from components.transcribe.settings import EngineSettings
from components.transcribe.sound import batches


def load_engine(name: str, settings: EngineSettings, model: Path) -> Engine:
    """Loads an engine, not `none`. Raises StageError if it cannot work with the model, the language or the credentials."""
    if name == "azure":
        from components.transcribe.azure import load_azure

        return load_azure(settings)
    if name == "whisper":
        from components.transcribe.whisper import load_whisper

        return load_whisper(model, settings)
    if name == "vosk":
        from components.transcribe.vosk import load_vosk

        return load_vosk(model, settings)
    from components.transcribe.pocketsphinx import load_pocketsphinx

    return load_pocketsphinx()


@dataclass(frozen=True)
class Heard:
    """An engine's result for one clip."""

    result: Transcription
    by: str
    """Engine and model."""
    cut_word: bool = False
    """Whether an edge of the clip cuts a word."""


def transcribe(audio: Path, clips: Sequence[Clip], engine: Engine) -> list[Heard]:
    """Transcribes clips of the recordings in a folder, in order; reports every clip without a transcript."""
    progress = Progress(sum(c.end - c.start for c in clips))
    found: list[Heard] = []
    for batch in batches(clips, engine.batch_clips):
        sounds = [read_mono(audio / f"{clip.recording}.flac", *span(clip)) for clip in batch]
        for clip, pcm, result in zip(batch, sounds, engine.transcribe(sounds), strict=True):
            if result.problem:
                report(f"clip {clip.clip} has no transcript of {engine.name}: {result.problem}")
            found.append(Heard(result, engine.name, cut_word(result, pcm)))
        progress.add(sum(c.end - c.start for c in batch))
    return found


def row(clip: Clip, heard: Heard, second: Heard | None = None) -> Transcript:
    """Returns the row of a clip with the result of the engine, and that of the second one; texts and words are in Unicode NFC."""
    result = heard.result
    text, seconds = unicodedata.normalize("NFC", result.text), clip.end - clip.start
    return Transcript(
        clip=clip.clip,
        text=text,
        language=result.language.lower(),
        confidence=result.confidence,
        characters_per_second=None if result.problem else characters(text) / seconds,
        words=[unicodedata.normalize("NFC", w.text) for w in result.words],
        word_times=Vector(np.array([(w.start, w.end) for w in result.words], "<f4").tobytes()),
        text_flags=",".join(flags(result, seconds, heard.cut_word)),
        text_by=heard.by,
        text_agreement=agreement(result, second.result) if second else None,
        text_second=unicodedata.normalize("NFC", second.result.text) if second else "",
        text_second_by=second.by if second else "",
    )


def within(clips: Sequence[Clip], max_seconds: float) -> Sequence[Clip]:
    """Returns the first clips, with a total length of at most max_seconds."""
    ends = np.cumsum([c.end - c.start for c in clips])
    return clips[: int(np.searchsorted(ends, max_seconds + 1e-6, side="right"))]


def outcome(by: str, clips: Sequence[Clip], rows: Sequence[Transcript], azure_minutes: float) -> Outcome:
    """Returns the metrics of the stage; `by` is the engine with its model, `azure_minutes` what was sent to Azure."""
    transcribed = [r for r in rows if "not_transcribed" not in r.text_flags]
    seconds = {c.clip: c.end - c.start for c in clips}
    agreements = [r.text_agreement for r in rows if r.text_agreement is not None]
    return {
        "engine": by,
        "transcribed_clips": len(transcribed),
        "transcribed_seconds": sum(seconds[r.clip] for r in transcribed),
        "characters": sum(characters(r.text) for r in transcribed),
        "flagged_clips": sum(bool(r.text_flags) for r in rows),
        "not_transcribed_clips": len(rows) - len(transcribed),
        "azure_minutes": azure_minutes,
        **({"median_text_agreement": float(np.median(agreements))} if agreements else {}),
    }
