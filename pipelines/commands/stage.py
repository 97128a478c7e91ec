"""`speechmill stage NAME`: one stage on a folder of audio files."""

import tempfile
from pathlib import Path
from typing import Any

import click

from components.shared.model import parse
from components.shared.task import MODEL
from components.stage import Stage
from pipelines.commands.shared import store_option
from pipelines.commands.train import separator
from pipelines.display import Display
from pipelines.folder import FOLDER_STAGES, run_on_folder
from pipelines.options import GroupedCommand, with_settings
from pipelines.settings import check_settings
from pipelines.slots import SLOTS, Slot, find, local_folder, told
from store.objects import Store, open_store


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
    def run(source: Path, target: Path, store_uri: str = "", **settings: Any) -> None:
        wanted = {SLOTS[name]: settings.pop(name) for name in list(settings) if name in SLOTS}
        check_settings(stage.name, settings)
        target.resolve().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.resolve().parent, prefix=".speechmill-") as scratch, Display() as display:
            models = {slot: _model_folder(open_store(store_uri), slot, name, Path(scratch)) for slot, name in wanted.items()}
            run_on_folder(stage, source, target, settings, Path(scratch), display, models)

    if any(slot.stage == stage.name for slot in SLOTS.values()):
        store_option(run)


def _model_folder(store: Store, slot: Slot, wanted: str, scratch: Path) -> Path:
    """A folder with what somebody wants, for which nothing is put into a store; says what it is."""
    found = find(store, slot, wanted)
    click.echo(told(slot, parse(found / MODEL) if isinstance(found, Path) else found))
    return found if isinstance(found, Path) else local_folder(store, slot, found, scratch)


for _stage in FOLDER_STAGES:
    _add(_stage)
command.add_command(separator, "train_separator")
