"""`speechmill references …`: reference voices to compare the clips of a dataset with."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from rich.table import Table

from components.shared.rows import Recording
from components.shared.table import read_rows
from components.shared.task import StageError
from components.shared.windows import together
from pipelines.commands.media import add_commands, add_media, files_argument
from pipelines.commands.shared import print_out, store_option
from pipelines.inputs.media import VOICE_REFERENCE, make
from pipelines.inputs.references import FEW_SECONDS, LEAST_SECONDS, ReferenceFile, agreement, disagreeing, embed_files
from pipelines.local.display import Display
from store.objects import open_store


@click.group("references")
def command() -> None:
    """Add and show reference voices to compare clips with."""


@command.command("add")
@click.argument("name")
@files_argument
@click.option("--licence", default="", metavar="TEXT", help="License of the recordings.")
@store_option
def add(name: str, files: tuple[Path, ...], licence: str, store_uri: str) -> None:
    """Make the reference NAME from files in which only one person speaks, without music, and put it into a store.

    Half a minute is enough; several recordings of different days are better than one long recording. The command prints the similarity of
    the files to the reference and to each other. Adding the same files again changes nothing; other files become a new version, which
    `speechmill run --reference NAME` uses from then on.
    """
    store = open_store(store_uri)
    with tempfile.TemporaryDirectory(prefix="speechmill-") as scratch:
        folder = Path(scratch, "reference")
        folder.mkdir()
        made = make(VOICE_REFERENCE, folder, name, files, licence)
        with Display() as display:
            voices = embed_files(folder, Path(scratch), display)
        _print_report(read_rows(folder, Recording), voices)
        add_media(VOICE_REFERENCE, store, made, folder)


def _print_report(rows: Sequence[Recording], voices: Sequence[ReferenceFile]) -> None:
    """Prints the speech found in a reference's files; raises StageError if there is too little."""
    embedded = {v.recording: v for v in voices}
    if silent := [r.title for r in rows if r.recording not in embedded]:
        raise StageError(f"expected a voice in every file, found none in {', '.join(silent)}: leave out silent files")
    speech_seconds = sum(v.speech_seconds for v in voices)
    if speech_seconds < LEAST_SECONDS:
        raise StageError(f"expected {LEAST_SECONDS:g} s of speech or more, found {speech_seconds:.1f} s: add more or longer files")
    own = together(np.concatenate([v.vectors for v in voices]))
    others = agreement(voices) if len(voices) > 1 else []
    table = Table("file", "seconds", "of speech", "like the reference", "its least window", "like the other files", box=None)
    for number, row in enumerate(rows):
        found = embedded[row.recording]
        similarities = found.vectors @ own
        lengths = (f"{n:.1f}" for n in (row.seconds, found.speech_seconds))
        table.add_row(row.title, *lengths, *(f"{n:.2f}" for n in (similarities.mean(), similarities.min(), *others[number : number + 1])))
    print_out(table)
    windows = np.concatenate([v.vectors for v in voices]) @ own
    print_out(
        f"similarity of the reference's {len(windows)} windows of 1.6 s to the whole: {windows.mean():.2f} on average, "
        f"{windows.min():.2f} at least; 1 is identical"
    )
    for number in disagreeing(others, voices[0].voice_by):
        print_out(
            f"{rows[number].title} disagrees with the others, similarity {others[number]:.2f}: if it has another voice, music or noise, "
            "leave it out"
        )
    if speech_seconds < FEW_SECONDS:
        print_out(f"{speech_seconds:.1f} s of speech is little: with {FEW_SECONDS:g} s or more a voice is recognized more reliably")


add_commands(command, VOICE_REFERENCE, "reference")
