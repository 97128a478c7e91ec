"""Copies bundled models, references and effects to a store: `python -m store.bundled s3://BUCKET`.

They come with the code, in the folder `bundled`. Run the command again after every upgrade: it skips
versions that the store has. Only the root user of a bucket can write them; set AWS_ENDPOINT_URL,
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from components.shared.task import MENDABLE, MODEL, StageError, report
from store.interface import Store
from store.models import EFFECTS, MODELS, REFERENCES, ModelStore
from store.objects import open_store

BUNDLED = Path(__file__).resolve().parent.parent / "bundled"
FETCHED = Path("data", "fetched-models")
"""Default folder for fetched models."""
SPLEETER = "spleeter-2stems-16khz"
"""The model that `separate` uses by default. It is fetched, because it is too large for the repository."""


def push_bundled(store: Store, again: bool = False, bundled: Path = BUNDLED) -> list[str]:
    """Copies all bundled models, references and effects to a store; returns the URI of each.

    With `again` it also writes the files that the store has. Raises StageError if a bundled folder is incomplete or damaged, or if
    there is none.
    """
    found = [path.parent for kind in (MODELS, REFERENCES, EFFECTS) for path in sorted((bundled / kind).glob(f"*/{MODEL}"))]
    if not found:
        raise StageError(f"expected models below {bundled}, found none: name the folder that holds {MODELS}, {REFERENCES} and {EFFECTS}")
    pushed = [(ModelStore(store, folder.parent.name), folder) for folder in found]
    return [models.uri(model.name, model.version) for models, folder in pushed for model in [models.push(folder, again)]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line. Prints an error that a person can fix on one line; the exit status is then MENDABLE."""
    assert __doc__
    parser = argparse.ArgumentParser("python -m store.bundled", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri", metavar="s3://BUCKET")
    parser.add_argument(
        "--from", dest="bundled", type=Path, default=BUNDLED, metavar="FOLDER", help="folder that holds models, references and effects"
    )
    given = parser.parse_args(arguments)
    try:
        for uri in push_bundled(open_store(given.uri), bundled=given.bundled):
            report(f"{uri} is there")
    except (StageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(MENDABLE) from None


if __name__ == "__main__":
    main()
