"""What the commands `references` and `effects` have in common: both put artifacts of media files into a store."""

from pathlib import Path

import click
from rich.table import Table

from components.shared.model import Model
from pipelines.commands.shared import print_out, store_option
from pipelines.inputs.media import MediaKind, newest, recordings
from store.interface import Store
from store.models import ModelStore
from store.objects import open_store

files_argument = click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


def add_media(kind: MediaKind, store: Store, made: Model, folder: Path) -> None:
    """Puts an artifact into a store, and prints its URI."""
    stored = ModelStore(store, kind.folder)
    there = made.version in [m.version for m in stored.versions(made.name)]
    stored.push(folder)
    print_out(f"{made.name} {'is there already' if there else 'was added'}: {stored.uri(made.name, made.version)}")


def add_commands(group: click.Group, kind: MediaKind, one: str) -> None:
    """Adds the commands `list` and `show` to a group, whose help calls an artifact `one`."""

    @group.command("list", help=f"List the {one}s of a store, the newest version of each.")
    @store_option
    def list_all(store_uri: str) -> None:
        store = open_store(store_uri)
        table = Table(kind.label, "version", "made", "files", "seconds", "licence", box=None)
        for model in newest(kind, store):
            rows = recordings(kind, store, model)
            table.add_row(model.name, model.version, model.created, str(len(rows)), f"{sum(r.seconds for r in rows):.1f}", model.licence)
        print_out(table)

    @group.command("show", help=f"Show the files of a {one} in a store.")
    @click.argument("name", metavar="NAME[/VERSION]")
    @store_option
    def show(name: str, store_uri: str) -> None:
        store = open_store(store_uri)
        stored = ModelStore(store, kind.folder)
        name, _, version = name.partition("/")
        model = stored.model(name, version)
        print_out(f"{kind.label} {model.name}, version {model.version}, made {model.created}: {stored.uri(name, model.version)}")
        print_out(
            f"licence: {model.licence or 'unknown'}; versions, the newest first: {', '.join(m.version for m in stored.versions(name))}"
        )
        table = Table("file", "seconds", "sha256 of the media", box=None)
        for row in recordings(kind, store, model):
            table.add_row(row.title, f"{row.seconds:.1f}", row.media_sha256)
        print_out(table)
