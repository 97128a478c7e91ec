"""The `speechmill` command."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from components.publish.component import publish
from components.shared.task import StageError
from pipelines import environments
from pipelines.dataset import STAGES, dataset
from pipelines.datasets import dataset_group, new_run_id, select_dataset, show, store_option
from pipelines.display import Display
from pipelines.export import ExportError
from pipelines.folder import FOLDER_STAGES, run_on_folder
from pipelines.local import RunError
from pipelines.local import run as run_pipeline
from pipelines.options import GroupedCommand, with_settings
from store.datasets import DatasetStore
from store.ledger import Ledger
from store.objects import StoreError, check_name, open_store

LIST_SUFFIXES = ("", ".txt", ".csv", ".lst", ".list", ".tsv")
SAMPLE = "sample"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="speechmill")
def speechmill() -> None:
    """Turns crawled audio into clean, single-speaker, versioned speech datasets."""


def read_sources(text: str) -> str:
    """The sources themselves, or those in the file that the text names."""
    path = Path(text).expanduser()
    if path.suffix.casefold() in LIST_SUFFIXES and "\n" not in text and len(text) < 4096 and path.is_file():
        return path.read_text(encoding="utf-8-sig")
    return text


@with_settings(*STAGES)
@speechmill.command("run", cls=GroupedCommand)
@click.option(
    "--sources",
    default="sample:",
    show_default=True,
    metavar="TEXT|FILE",
    help="YouTube videos, playlists and channels, RSS feeds, podbbang channels, media URLs, files and folders, "
    "separated by commas or lines; or a file that lists them.",
)
@click.option("--dataset", "name", default=SAMPLE, show_default=True, metavar="NAME", help="The dataset that gets a new version.")
@store_option
@click.option("--allow-private", is_flag=True, help="Fetch from loopback and private addresses as well.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=max(1, (os.cpu_count() or 1) // 2),
    show_default="half the processors",
    metavar="N",
    help="Shards at a time.",
)
def run(sources: str, name: str, store_uri: str, allow_private: bool, jobs: int, **settings: Any) -> None:
    """Make a version of a dataset from sources.

    What an interrupted or an earlier run has finished is taken from its cache. A run that finds nothing new publishes nothing.
    """
    if name == SAMPLE and sources != "sample:":
        raise click.UsageError(f"expected --dataset NAME for your own sources, found none: {SAMPLE!r} is the bundled sample's")
    store = open_store(store_uri)
    check_name(name)
    arguments = {"sources": read_sources(sources), "dataset": name, "store": store.uri, "allow_private": allow_private} | settings
    pythons = {stage.image: environments.ensure(stage.name) for stage in STAGES}
    run_id = new_run_id()
    try:
        with Display() as display:
            root = Path(store.uri) / "runs"
            run_pipeline(dataset, arguments, root=root, pythons=pythons, run_id=run_id, jobs=jobs, display=display)
    except KeyboardInterrupt:
        Ledger(store, name).interrupted(run_id)
        raise
    click.echo()
    if DatasetStore(store, name).versions():
        show(store, name)


@speechmill.group("stage")
def stage_group() -> None:
    """Run one stage on a folder of audio files."""


def _stage_command(stage: Any) -> click.Command:
    @stage_group.command(stage.name, cls=GroupedCommand, help=stage.doc.partition("\n")[0])
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
    def command(source: Path, target: Path, **settings: Any) -> None:
        with tempfile.TemporaryDirectory(dir=target.resolve().parent) as scratch, Display() as display:
            run_on_folder(stage, source, target, settings, Path(scratch), display)

    return with_settings(stage, prefixed=False)(command)


for _stage in FOLDER_STAGES:
    _stage_command(_stage)

_select = click.command("select", cls=GroupedCommand)(select_dataset)
_select.params = [click.Argument(["name"])]
dataset_group.add_command(with_settings(publish, shows_default=False)(store_option(_select)))
speechmill.add_command(dataset_group)


@speechmill.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell's completion script, e.g. for ~/.bashrc: eval "$(speechmill completion bash)"."""
    found = get_completion_class(shell)
    assert found
    click.echo(found(speechmill, {}, "speechmill", "_SPEECHMILL_COMPLETE").source())


def main() -> None:
    """Runs the command; what a person can mend is one line, and Ctrl-C ends with 130."""
    try:
        speechmill(prog_name="speechmill", standalone_mode=False)
    except click.Abort:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except KeyboardInterrupt:
        print("interrupted: what is finished is kept for the next run", file=sys.stderr)
        raise SystemExit(130) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (StoreError, StageError, RunError, ExportError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
