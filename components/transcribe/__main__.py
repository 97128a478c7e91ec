"""Reads clean audio and clips, writes transcripts."""

from pathlib import Path

from components.shared.rows import Clip, Transcript
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, report, run
from components.transcribe.engines import Transcription
from components.transcribe.settings import NONE, EngineSettings, check_settings
from components.transcribe.transcribe import load_engine, outcome, row, transcribe, within


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
    check_settings(
        engine=engine,
        language=language,
        batch_clips=batch_clips,
        beam_size=beam_size,
        compute_type=compute_type,
        vad_threshold=vad_threshold,
        vad_pad_seconds=vad_pad_seconds,
        no_speech_probability=no_speech_probability,
        threads=threads,
        azure_concurrency=azure_concurrency,
        azure_attempts=azure_attempts,
        azure_timeout_seconds=azure_timeout_seconds,
        azure_max_minutes=azure_max_minutes,
    )
    settings = EngineSettings(
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
    found = [] if engine == NONE else read_rows(clips, Clip)
    if not found:
        write_rows(transcripts, Transcript, [])
        return outcome(engine, [], [], [])
    used = load_engine(settings, model)
    asked = within(found, 60 * azure_max_minutes) if engine == "azure" and azure_max_minutes else found
    rows = transcribe(clean / "audio", asked, used)
    if beyond := found[len(asked) :]:
        seconds = sum(c.end - c.start for c in beyond)
        report(f"{len(beyond)} clips of {seconds / 60:.1f} min were not sent: azure_max_minutes {azure_max_minutes:g}")
        rows += [row(clip, Transcription(problem="beyond azure_max_minutes"), used.name) for clip in beyond]
    write_rows(transcripts, Transcript, rows)
    return outcome(used.name, found, rows, asked if engine == "azure" else [])


if __name__ == "__main__":
    run(main)
