"""Lists the recordings of sources and their lengths, in the environment of `discover`, whose packages read feeds.

`python -m pipelines.local.listing` reads `{"sources": text, "allow_private": bool}` and prints a `Listing`; only `discover`'s packages
are there. What the listing reports goes to standard error.
"""

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from components.discover.items import SourceError
from components.discover.listing import list_source
from components.discover.sources import parse
from components.shared.audio import measured_seconds
from components.shared.network import public_only
from components.shared.task import StageError, one_line


@dataclasses.dataclass(frozen=True)
class Listing:
    """What sources have."""

    seconds: list[float]
    """The length of each recording; 0 if it is not known without a download."""
    errors: list[str]
    """Why sources could not be listed."""


def listed(text: str) -> Listing:
    """Lists sources; whatever goes wrong with one is an error of that source alone."""
    found: dict[str, float] = {}
    errors = []
    for source in parse(text):
        try:
            for entry in list_source(source):
                item = entry.item
                found[item.recording] = item.seconds or (measured_seconds(Path(item.url)) if item.kind == "local" else 0.0)
        except (SourceError, StageError, OSError) as error:
            errors.append(f"{source.name} cannot be listed: {one_line(error)}")
    return Listing(list(found.values()), errors)


def listed_by(python: Path, environment: Mapping[str, str], text: str, allow_private: bool) -> Listing:
    """Lists sources in a process of `discover`'s environment.

    Raises:
        StageError: The process ended without a list.
    """
    given = json.dumps({"sources": text, "allow_private": allow_private})
    command = [str(python), "-m", "pipelines.local.listing"]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, env=dict(environment), text=True)
    if done.returncode:
        raise StageError("expected a list of the recordings, found none: see the lines above")
    return Listing(**json.loads(done.stdout))


if __name__ == "__main__":
    given = json.load(sys.stdin)
    if not given["allow_private"]:
        public_only()
    with contextlib.redirect_stdout(sys.stderr):
        listing = listed(given["sources"])
    print(json.dumps(dataclasses.asdict(listing)))
