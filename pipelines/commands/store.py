"""`speechmill store …`: the bucket that outlives runs."""

from pathlib import Path

import click

from pipelines.commands.shared import print_out
from store.bundled import push_bundled
from store.init import initialize
from store.objects import open_store


@click.group("store")
def command() -> None:
    """Make the store that outlives runs."""


@command.command("init")
@click.argument("uri", metavar="s3://BUCKET")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Where files with new users' secrets go.")
@click.option("--renew", is_flag=True, help="Give users that exist new secrets; the old ones are refused from then on.")
def init_store(uri: str, out: Path | None, renew: bool) -> None:
    """Make a bucket and its three users on a MinIO server, as the server's root user, and put into it what
    runs load by default and what comes with the code.

    BUCKET-runner reads models, references, effects, plans and sources (media that you put there) and works in runs;
    BUCKET-publisher reads everything and writes plans and datasets; BUCKET-reader reads datasets. A user that
    exists keeps its secret. The secrets of new ones go into files USER.env (for a shell or Docker) and USER.yaml (for kubectl)
    that only you can read, unless SPEECHMILL_RUNNER_SECRET_KEY, SPEECHMILL_PUBLISHER_SECRET_KEY and SPEECHMILL_READER_SECRET_KEY
    give them.

    AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment lead to the server as its root user.
    """
    for line in initialize(uri, out, renew):
        print_out(line)
    for place in push_bundled(open_store(uri)):
        print_out(f"{place} is there")
