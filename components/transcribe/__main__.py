"""Reads clean audio and clips, writes transcripts."""

from pathlib import Path
from typing import Any

from components.shared.rows import Clip, Transcript
from components.shared.settings import takes
from components.shared.table import read_rows, write_rows
from components.shared.task import Outcome, report, run
from components.transcribe.engines import Transcription
from components.transcribe.settings import NONE, EngineSettings, check_settings
from components.transcribe.transcribe import load_engine, outcome, row, transcribe, within


@takes(EngineSettings)
def main(clean: Path, clips: Path, model: Path, transcripts: Path, **given: Any) -> Outcome:
    settings = check_settings(**given)
    found = [] if settings.engine == NONE else read_rows(clips, Clip)
    if not found:
        write_rows(transcripts, Transcript, [])
        return outcome(settings.engine, [], [], [])
    used = load_engine(settings, model)
    most_minutes = settings.azure_max_minutes if settings.engine == "azure" else 0
    asked = within(found, 60 * most_minutes) if most_minutes else found
    rows = transcribe(clean / "audio", asked, used)
    if beyond := found[len(asked) :]:
        seconds = sum(c.end - c.start for c in beyond)
        report(f"{len(beyond)} clips of {seconds / 60:.1f} min were not sent: azure_max_minutes {most_minutes:g}")
        rows += [row(clip, Transcription(problem="beyond azure_max_minutes"), used.name) for clip in beyond]
    write_rows(transcripts, Transcript, rows)
    return outcome(used.name, found, rows, asked if settings.engine == "azure" else [])


if __name__ == "__main__":
    run(main)
