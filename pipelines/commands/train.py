"""`speechmill train …`: trains models on this machine."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from components.shared.model import parse
from components.shared.task import MODEL, StageError
from components.stage import Stage
from components.train_separator.component import train_separator
from components.train_tone.component import train_tone
from components.train_voicefilter.component import train_voicefilter
from pipelines.commands.options import GroupedCommand, with_settings
from pipelines.commands.run import default_runs
from pipelines.commands.shared import new_run_id, store_option
from pipelines.datasets.folders import empty_folder
from pipelines.inputs.settings import check_settings
from pipelines.inputs.slots import SEPARATE, find, local_folder
from pipelines.local.display import Display
from pipelines.local.single import run_stage
from store.interface import Store, StoreError
from store.models import ModelStore
from store.objects import open_store

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group("train")
def command() -> None:
    """Train models on this machine."""


def _sounds(help_text: str) -> Callable[[Command], Command]:
    return click.option(
        "--in",
        "sounds",
        required=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        help=help_text,
    )


_out = click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="An empty or a new folder for the model, with a page of its name beside it; without it the model goes into the store.",
)


@with_settings(train_separator, prefixed=False)
@command.command("separator", cls=GroupedCommand)
@_sounds(
    "Holds train/ and optionally test/, as MusDB; or train.csv and optionally validation.csv, as for Spleeter; or music/, speech/ and "
    "optionally noise/, which are mixed during training."
)
@click.option("--dataset", default="", metavar="NAME", help="A dataset of the store, whose clips are mixed as speech with music/.")
@click.option("--start", default="", metavar="NAME[/VERSION]|FOLDER", help="A model to train further; default: a new one.")
@_out
@store_option
def separator(sounds: Path, dataset: str, start: str, folder: Path | None, store_uri: str, **settings: Any) -> None:
    """Train a model that removes music from speech, or train an existing one further.

    Run the same training again to resume it after an interruption. The option --configuration may name a file.
    """
    store = open_store(store_uri)
    if Path(settings["configuration"]).is_file():
        settings["configuration"] = Path(settings["configuration"]).read_text(encoding="utf-8")
    inputs = {}
    if start:
        found = find(store, SEPARATE, start)
        inputs["start"] = found.resolve() if isinstance(found, Path) else local_folder(store, SEPARATE, found, default_runs(store))
    _train(train_separator, inputs, sounds, dataset, folder, store, settings)


@with_settings(train_voicefilter, prefixed=False)
@command.command("voicefilter", cls=GroupedCommand)
@_sounds(
    "Holds speech/ with a folder for each speaker, or speech.csv with the columns path and speaker; and optionally noise/ and music/. "
    "With --dataset the speech may be missing."
)
@click.option("--dataset", default="", metavar="NAME", help="A dataset of the store, whose kept clips with a speaker are speech.")
@_out
@store_option
def voicefilter(sounds: Path, dataset: str, folder: Path | None, store_uri: str, **settings: Any) -> None:
    """Train a model that takes one person's voice out of a mixture of voices.

    Run the same training again to resume it after an interruption.
    """
    _train(train_voicefilter, {}, sounds, dataset, folder, open_store(store_uri), settings)


@with_settings(train_tone, prefixed=False)
@command.command("tone", cls=GroupedCommand)
@click.option(
    "--in",
    "sounds",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Holds recordings with the file names of RAVDESS, EmoDB, TESS or SAVEE, or tones.csv with the columns path, tone, speaker and "
    "optionally language and gender. With --truth-dataset it may be missing.",
)
@click.option("--dataset", default="", metavar="NAME", help="A dataset of the store, whose surest clips join the training if that helps.")
@_out
@store_option
def tone(sounds: Path | None, dataset: str, folder: Path | None, store_uri: str, **settings: Any) -> None:
    """Train a model that tells tones of speech apart."""
    store = open_store(store_uri)
    if not sounds and not settings["truth_dataset"]:
        raise click.UsageError("expected --in with labeled recordings, or --truth-dataset, found neither")
    with tempfile.TemporaryDirectory() as nothing:
        _train(train_tone, {}, sounds or Path(nothing), dataset, folder, store, settings)


def _train(
    stage: Stage, inputs: dict[str, Path], sounds: Path, dataset: str, folder: Path | None, store: Store, settings: dict[str, Any]
) -> None:
    """Runs a training, and puts the model into a folder or into the store."""
    check_settings(stage.name, settings)
    if folder:
        empty_folder(folder)
    made = default_runs(store).resolve() / "training" / new_run_id()
    inputs = {"sounds": sounds.resolve(), **inputs}
    with Display() as display:
        outputs = run_stage(stage, inputs, {"dataset": dataset, "store": store.uri} | settings, made, display)
    model, page = parse(outputs["model"] / MODEL), outputs.get("page") or outputs["curve"]
    if folder:
        shutil.copytree(outputs["model"], folder, dirs_exist_ok=True)
        shutil.copyfile(page, folder.parent / f"{folder.name}.html")
        if "clips" in outputs:
            shutil.copyfile(outputs["clips"] / "rows.parquet", folder.parent / f"{folder.name}.parquet")
        click.echo(f"wrote the model {model.name}/{model.version} to {folder}, and its page to {folder}.html")
        return
    try:
        ModelStore(store).push(outputs["model"])
    except StoreError as error:
        raise StageError(f"{error}; the model is in {outputs['model']}") from None
    click.echo(f"the model {model.name}/{model.version} is in {store.uri}, its page in {page}")
