"""`speechmill store …`: creates the store."""

from pathlib import Path

import click

from pipelines.commands.shared import print_out
from store.bundled import push_bundled
from store.init import initialize
from store.objects import open_store


@click.group("store")
def command() -> None:
    """Create a store for datasets, models and references."""


@command.command("init")
@click.argument("uri", metavar="s3://BUCKET")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Folder for files with the secrets of new users."
)
@click.option("--renew", is_flag=True, help="Give existing users new secrets; the old ones become invalid.")
def init_store(uri: str, out: Path | None, renew: bool) -> None:
    """Create a bucket and its users on a MinIO server, and copy everything that comes with the code into it.

    BUCKET-runner reads models, references, effects, plans and sources (media that you put there) and writes runs; BUCKET-publisher
    reads everything and writes plans and datasets; BUCKET-reader reads datasets; BUCKET-steward may also delete in datasets, for `dataset
    gc` and `dataset forget`. Existing users keep their secrets. Those of new users come from SPEECHMILL_RUNNER_SECRET_KEY,
    SPEECHMILL_PUBLISHER_SECRET_KEY, SPEECHMILL_READER_SECRET_KEY and SPEECHMILL_STEWARD_SECRET_KEY, or go into the files USER.env (for
    a shell or Docker) and USER.yaml (for kubectl), which only you can read. The steward is made with its secret or --out only.

    AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must give access to the server as its root user.
    """
    for line in initialize(uri, out, renew):
        print_out(line)
    for place in push_bundled(open_store(uri)):
        print_out(f"{place} is there")
