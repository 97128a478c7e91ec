"""`speechmill effects …`: kits of sounds that `separate` finds and removes."""

import tempfile
from pathlib import Path

import click
from rich.table import Table

from pipelines.commands.media import add_commands, add_media, files_argument
from pipelines.commands.shared import print_out, store_option
from pipelines.inputs.effects import SHORT_SECONDS, make_kit
from pipelines.inputs.media import EFFECT_KIT
from store.objects import open_store


@click.group("effects")
def command() -> None:
    """Add and show kits of sound effects to remove from recordings."""


@command.command("add")
@click.argument("name")
@files_argument
@click.option("--licence", default="", metavar="TEXT", help="License of the sounds.")
@store_option
def add(name: str, files: tuple[Path, ...], licence: str, store_uri: str) -> None:
    """Make the kit NAME from files with one sound effect each, without other sound, and put it into a store.

    Use the files that the show itself plays: the stage finds the same sound, not a similar one. Adding the same files again changes
    nothing; other files become a new version, which `speechmill run --separate-effects NAME` uses from then on.
    """
    store = open_store(store_uri)
    with tempfile.TemporaryDirectory(prefix="speechmill-") as scratch:
        folder = Path(scratch)
        made, samples = make_kit(folder, name, files, licence)
        table = Table("file", "seconds", "without silence", box=None)
        for sample in samples:
            table.add_row(sample.title, f"{sample.seconds:.2f}", f"{sample.sounding_seconds:.2f}")
        print_out(table)
        for sample in samples:
            if sample.sounding_seconds < SHORT_SECONDS:
                print_out(f"{sample.title} is short: effects of {SHORT_SECONDS:g} s or more are found more reliably")
        add_media(EFFECT_KIT, store, made, folder)


add_commands(command, EFFECT_KIT, "kit")
