"""Reads clean audio and clips, writes transcripts."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.shared.audio import read_mono
from components.shared.rows import Clip, Transcript, Vector, span
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, Progress, report, run
from components.transcribe.engines import NONE, Engine, Heard, Settings
from components.transcribe.flags import characters, flags
from components.transcribe.sound import batches


def main(
    clean: Path,
    clips: Path,
    model: Path,
    transcripts: Path,
    engine: str,
    language: str,
    word_times: bool,
    batch_clips: int,
    beam_size: int,
    fallback: bool,
    compute_type: str,
    vad_filter: bool,
    vad_threshold: float,
    vad_pad_seconds: float,
    no_speech_probability: float,
    threads: int,
    azure_concurrency: int,
    azure_attempts: int,
    azure_timeout_seconds: float,
    azure_max_minutes: float,
) -> Outcome:
    settings = Settings(
        engine=engine,
        language=language,
        word_times=word_times,
        batch_clips=batch_clips,
        beam_size=beam_size,
        fallback=fallback,
        compute_type=compute_type,
        vad_filter=vad_filter,
        vad_threshold=vad_threshold,
        vad_pad_seconds=vad_pad_seconds,
        no_speech_probability=no_speech_probability,
        threads=threads,
        azure_concurrency=azure_concurrency,
        azure_attempts=azure_attempts,
        azure_timeout_seconds=azure_timeout_seconds,
        azure_max_minutes=azure_max_minutes,
    )
    settings.check()
    found = [] if engine == NONE else read_rows(clips, Clip)
    if not found:
        write_rows(transcripts, Transcript, [])
        return outcome(engine, [], [], [])
    used = load_engine(settings, model)
    asked = within(found, 60 * azure_max_minutes) if engine == "azure" and azure_max_minutes else found
    rows = heard_rows(clean / "audio", asked, used)
    if beyond := found[len(asked) :]:
        seconds = sum(c.end - c.start for c in beyond)
        report(f"{len(beyond)} clips of {seconds / 60:.1f} min were not sent: azure_max_minutes {azure_max_minutes:g}")
        rows += [row(clip, Heard(problem="beyond azure_max_minutes"), used.name) for clip in beyond]
    write_rows(transcripts, Transcript, rows)
    return outcome(used.name, found, rows, asked if engine == "azure" else [])


def load_engine(settings: Settings, model: Path) -> Engine:
    """The engine that the settings name, ready to hear; not for `none`.

    Raises:
        StageError: The model, the language or the credentials do not suit it.
    """
    if settings.engine == "azure":
        from components.transcribe.azure import load_azure

        return load_azure(settings)
    if settings.engine == "whisper":
        from components.transcribe.whisper import load_whisper

        return load_whisper(model, settings)
    from components.transcribe.pocketsphinx import load_pocketsphinx

    return load_pocketsphinx()


def heard_rows(audio: Path, clips: Sequence[Clip], engine: Engine) -> list[Transcript]:
    """What an engine makes of the clips, in their order; those without a transcript are told one by one."""
    progress = Progress(sum(c.end - c.start for c in clips))
    rows: list[Transcript] = []
    for batch in batches(clips, engine.batch_clips):
        sounds = [read_mono(audio / f"{clip.recording}.flac", *span(clip)) for clip in batch]
        for clip, heard in zip(batch, engine.hear(sounds), strict=True):
            if heard.problem:
                report(f"clip {clip.clip} has no transcript: {heard.problem}")
            rows.append(row(clip, heard, engine.name))
        progress.add(sum(c.end - c.start for c in batch))
    return rows


def row(clip: Clip, heard: Heard, by: str) -> Transcript:
    """The row of a clip; text and words in Unicode's NFC."""
    text, seconds = unicodedata.normalize("NFC", heard.text), clip.end - clip.start
    return Transcript(
        clip=clip.clip,
        text=text,
        language=heard.language.lower(),
        confidence=heard.confidence,
        characters_per_second=None if heard.problem else characters(text) / seconds,
        words=[unicodedata.normalize("NFC", w.text) for w in heard.words],
        word_times=Vector(np.array([(w.start, w.end) for w in heard.words], "<f4").tobytes()),
        text_flags=",".join(flags(heard, seconds)),
        text_by=by,
    )


def within(clips: Sequence[Clip], max_seconds: float) -> Sequence[Clip]:
    """The first clips, so many that they last no longer than that together."""
    ends = np.cumsum([c.end - c.start for c in clips])
    return clips[: int(np.searchsorted(ends, max_seconds + 1e-6, side="right"))]


def outcome(by: str, clips: Sequence[Clip], rows: Sequence[Transcript], sent: Sequence[Clip]) -> Outcome:
    """The metrics."""
    told = [r for r in rows if "not_transcribed" not in r.text_flags]
    seconds = {c.clip: c.end - c.start for c in clips}
    return {
        "engine": by,
        "transcribed_clips": len(told),
        "transcribed_seconds": sum(seconds[r.clip] for r in told),
        "characters": sum(characters(r.text) for r in told),
        "flagged_clips": sum(bool(r.text_flags) for r in rows),
        "not_transcribed_clips": len(rows) - len(told),
        "azure_minutes": sum(c.end - c.start for c in sent) / 60,
    }


if __name__ == "__main__":
    run(main)
