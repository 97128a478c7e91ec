"""`speechmill stage NAME`: runs one stage on a folder of audio files."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from components.extract.component import extract
from components.shared.model import parse
from components.shared.task import MODEL
from components.stage import Stage
from components.tag_speaker.component import tag_speaker
from components.transcribe.component import transcribe
from pipelines.commands.options import GroupedCommand, SlotOption, with_settings
from pipelines.commands.shared import print_choice, store_option
from pipelines.commands.train import separator, tone, voicefilter
from pipelines.commands.transfers import Transfers
from pipelines.inputs.settings import check_settings
from pipelines.inputs.slots import REFERENCE, SLOTS, Slot, fetch_preferred, find, local_folder
from pipelines.inputs.transcription import settle
from pipelines.local.display import Display
from pipelines.local.folder import FOLDER_STAGES, run_on_folder
from store.interface import Store
from store.objects import open_store


@click.group("stage")
def command() -> None:
    """Run one stage on a folder of audio files, with the stages that it depends on."""


def _add(stage: Stage) -> None:
    @with_settings(stage, prefixed=False)
    @command.command(stage.name, cls=GroupedCommand, help=stage.doc.partition("\n")[0])
    @click.option(
        "--in",
        "source",
        required=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Folder with audio files. Subfolders are included.",
    )
    @click.option(
        "--out",
        "target",
        required=True,
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Empty or new folder for the results, which are named after the audio files.",
    )
    def run(source: Path, target: Path, store_uri: str = "", **settings: Any) -> None:
        wanted = {name: settings.pop(name) for name in list(settings) if name in SLOTS}
        if stage is transcribe:
            settings, wanted = _settled(settings, wanted, store_uri)
        if stage is extract:
            settings["enabled"] = True
        check_settings(stage.name, settings)
        target.resolve().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.resolve().parent, prefix=".speechmill-") as scratch, Display() as display:
            given = {n: _model_folder(open_store(store_uri), SLOTS[n], name, Path(scratch)) for n, name in wanted.items()}
            models: dict[str, dict[str, Path]] = {}
            for slot in SLOTS.values():
                models.setdefault(slot.stage, {})[slot.input] = given.get(slot.parameter, slot.bundled_folder)
            run_on_folder(stage, source, target, settings, Path(scratch), display, models)

    if stage is extract:
        run.params = [option for option in run.params if option.name != "enabled"]
    if stage is tag_speaker:
        run.params.append(SlotOption(REFERENCE, stage, prefixed=False))
    if any(option.name in SLOTS for option in run.params):
        store_option(run)


def _settled(settings: Mapping[str, Any], wanted: Mapping[str, str], store_uri: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Resolves `auto` in the engine and the model of `transcribe`, and prints the choice."""
    prefix = f"{transcribe.name}_"
    whole, models, line = settle({prefix + name: value for name, value in settings.items()}, wanted, lambda: open_store(store_uri))
    click.echo(line)
    return {name.removeprefix(prefix): value for name, value in whole.items()}, models


def _model_folder(store: Store, slot: Slot, wanted: str, scratch: Path) -> Path:
    """Returns a local folder of the model that `wanted` names, and prints the choice. Puts nothing into a store."""
    with Transfers() as transfers:
        fetch_preferred(store, slot, wanted, transfers.show)
    found = find(store, slot, wanted)
    print_choice(slot, parse(found / MODEL) if isinstance(found, Path) else found)
    return found if isinstance(found, Path) else local_folder(store, slot, found, scratch)


for _stage in FOLDER_STAGES:
    _add(_stage)
command.add_command(separator, "train_separator")
command.add_command(voicefilter, "train_voicefilter")
command.add_command(tone, "train_tone")
