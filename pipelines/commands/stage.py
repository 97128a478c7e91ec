"""`speechmill stage NAME`: one stage on a folder of audio files."""

import tempfile
from pathlib import Path
from typing import Any

import click

from components.separate.component import separate
from components.shared.model import parse
from components.shared.task import MODEL
from components.stage import Stage
from pipelines.commands.shared import store_option
from pipelines.commands.train import separator
from pipelines.display import Display
from pipelines.folder import FOLDER_STAGES, run_on_folder
from pipelines.options import GroupedCommand, with_settings
from pipelines.separation import find, local_folder, told
from pipelines.settings import check_settings
from store.objects import open_store


@click.group("stage")
def command() -> None:
    """Run one stage on a folder of audio files; those that it needs before it run by themselves."""


def _add(stage: Stage) -> None:
    @with_settings(stage, prefixed=False)
    @command.command(stage.name, cls=GroupedCommand, help=stage.doc.partition("\n")[0])
    @click.option(
        "--in",
        "source",
        required=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Audio files, in folders below it as well.",
    )
    @click.option(
        "--out",
        "target",
        required=True,
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="An empty or a new folder; gets files of the same names.",
    )
    def run(source: Path, target: Path, model: str = "", store_uri: str = "", **settings: Any) -> None:
        check_settings(stage.name, settings)
        target.resolve().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.resolve().parent, prefix=".speechmill-") as scratch, Display() as display:
            folder = _model_folder(store_uri, model, Path(scratch)) if model else None
            run_on_folder(stage, source, target, settings, Path(scratch), display, folder)

    if stage is separate:
        store_option(run)


def _model_folder(store_uri: str, wanted: str, scratch: Path) -> Path:
    """A folder with the model that somebody wants, for which nothing is put into a store; says which model it is."""
    store = open_store(store_uri)
    found = find(store, wanted)
    click.echo(told(parse(found / MODEL) if isinstance(found, Path) else found))
    return found if isinstance(found, Path) else local_folder(store, found, scratch)


for _stage in FOLDER_STAGES:
    _add(_stage)
command.add_command(separator, "train_separator")
