"""`speechmill dataset browse`: a local page to listen to the clips of a version, and to filter and sort them."""

import tempfile
from pathlib import Path

import click

from pipelines.commands.shared import store_option
from pipelines.commands.versions import version_option
from store.datasets import DatasetStore
from store.objects import open_store

LIMIT = 50_000


@click.command("browse")
@click.argument("name")
@version_option
@click.option("--where", default="", metavar="SQL", help='Condition on the columns of clips, such as "kept and dnsmos_ovrl < 3".')
@click.option("--limit", default=LIMIT, show_default=True, type=click.IntRange(1), metavar="N", help="The first N clips.")
@click.option(
    "--marks",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Let the page mark clips: their ids go into this file, one a line. Without it the page changes nothing.",
)
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535), help="Port on the loopback address.")
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
@store_option
def browse_dataset(
    name: str, number: int | str | None, where: str, limit: int, marks: Path | None, port: int, opened: bool, store_uri: str
) -> None:
    """Listen to the clips of dataset NAME on a local page.

    Every column can be filtered and sorted. A clip can be heard as it is in the dataset and as it was downloaded. Only this machine can
    open the page. Ctrl-C ends it.
    """
    from pipelines.datasets.browsing import Sounds, clips_of

    dataset = DatasetStore(open_store(store_uri), name)
    version = dataset.version(number)
    clips = clips_of(dataset, version, where, limit)
    from pipelines.datasets.browse_page import HOST, Shown, serve  # takes half a second

    with tempfile.TemporaryDirectory(prefix="speechmill-") as scratch:
        sounds = Sounds(dataset, clips.rows, Path(scratch))
        click.echo(f"{len(clips.rows):,} clips of dataset {name}, version {version.number}: http://{HOST}:{port}; Ctrl-C ends it")
        serve(Shown(f"{name}, version {version.number}", clips, sounds, marks), port, opened)
