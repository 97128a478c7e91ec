"""Reads clean audio, what was extracted from it, and clips, writes transcripts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.shared.audio import renditions
from components.shared.rows import Clip
from components.shared.settings import takes
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, StageError, report, run
from components.shared.transcript import Transcript
from components.transcribe.engines import Transcription
from components.transcribe.settings import AZURE, NONE, EngineSettings, check_settings
from components.transcribe.transcribe import Heard, load_engine, outcome, row, transcribe, within


@takes(EngineSettings)
def main(clean: Path, clips: Path, extracted: Path, model: Path, second_model: Path, transcripts: Path, **given: Any) -> Outcome:
    settings = check_settings(**given)
    if settings.second != NONE and settings.engine == NONE:
        raise StageError(f"parameter transcribe_second: expected none without a transcribe_engine, found {settings.second}: name both")
    found = [] if settings.engine == NONE else read_rows(clips, Clip)
    if not found:
        write_rows(transcripts, Transcript, [])
        return outcome(settings.engine, [], [], 0)
    with renditions(extracted, clean) as audio:
        heard = hear(audio, found, settings.engine, settings, model)
        others = None if settings.second == NONE else hear(audio, found, settings.second, settings, second_model)
    if others is None:
        rows = [row(clip, own) for clip, own in zip(found, heard, strict=True)]
    else:
        if others[0].by == heard[0].by:
            raise StageError(f"parameter transcribe_second_model: expected another model than transcribe_model, found {others[0].by} twice")
        rows = [row(clip, own, other) for clip, own, other in zip(found, heard, others, strict=True)]
    write_rows(transcripts, Transcript, rows)
    asked = asked_of_azure(found, settings) if AZURE in (settings.engine, settings.second) else []
    return outcome(heard[0].by, found, rows, sum(c.end - c.start for c in asked) / 60)


def hear(audio: Path, clips: Sequence[Clip], engine: str, settings: EngineSettings, model: Path) -> list[Heard]:
    """Transcribes clips by an engine, which is loaded for them; Azure gets no more of them than it may."""
    used = load_engine(engine, settings, model)
    asked = asked_of_azure(clips, settings) if engine == AZURE else clips
    found = transcribe(audio, asked, used)
    if beyond := clips[len(asked) :]:
        seconds = sum(c.end - c.start for c in beyond)
        report(f"{len(beyond)} clips of {seconds / 60:.1f} min were not sent: azure_max_minutes {settings.azure_max_minutes:g}")
    return found + [Heard(Transcription(problem="beyond azure_max_minutes"), used.name) for _ in beyond]


def asked_of_azure(clips: Sequence[Clip], settings: EngineSettings) -> Sequence[Clip]:
    """Returns the clips that Azure may get."""
    return within(clips, 60 * settings.azure_max_minutes) if settings.azure_max_minutes else clips


if __name__ == "__main__":
    run(main)
