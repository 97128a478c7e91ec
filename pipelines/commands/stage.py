"""`speechmill stage NAME`: one stage on a folder of audio files."""

import tempfile
from pathlib import Path
from typing import Any

import click

from components.stage import Stage
from pipelines.display import Display
from pipelines.folder import FOLDER_STAGES, run_on_folder
from pipelines.options import GroupedCommand, with_settings
from pipelines.settings import check_settings


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
    def run(source: Path, target: Path, **settings: Any) -> None:
        check_settings(stage.name, settings)
        target.resolve().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.resolve().parent, prefix=".speechmill-") as scratch, Display() as display:
            run_on_folder(stage, source, target, settings, Path(scratch), display)


for _stage in FOLDER_STAGES:
    _add(_stage)
