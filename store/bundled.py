"""Puts what comes with the code for pipelines to load into a store: `python -m store.bundled s3://BUCKET [--from FOLDER]`.

That is every model, every reference and every kit of effects below the code's own folders of these names. What is there already is
left as it is, so it may be run again at any time, and after an upgrade has to be. Into a bucket only its root user can put them:
AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.
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


def push_bundled(store: Store, again: bool = False, bundled: Path = BUNDLED) -> list[str]:
    """Puts everything into a store, and returns where it is there.

    Args:
        store: Where to.
        again: Whether files that are there are written once more.
        bundled: The folder that holds `models`, `references` and `effects`.

    Raises:
        StageError: One of them is not whole, or there is none at all.
        StoreError: The store cannot take one.
    """
    found = [path.parent for kind in (MODELS, REFERENCES, EFFECTS) for path in sorted((bundled / kind).glob(f"*/{MODEL}"))]
    if not found:
        raise StageError(f"expected models below {bundled}, found none: name the folder that holds {MODELS}, {REFERENCES} and {EFFECTS}")
    pushed = [(ModelStore(store, folder.parent.name), folder) for folder in found]
    return [models.uri(model.name, model.version) for models, folder in pushed for model in [models.push(folder, again)]]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; ends with MENDABLE and one line where a person can mend it."""
    assert __doc__
    parser = argparse.ArgumentParser("python -m store.bundled", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri", metavar="s3://BUCKET")
    parser.add_argument("--from", dest="bundled", type=Path, default=BUNDLED, metavar="FOLDER", help="holds models, references and effects")
    given = parser.parse_args(arguments)
    try:
        for uri in push_bundled(open_store(given.uri), bundled=given.bundled):
            report(f"{uri} is there")
    except (StageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(MENDABLE) from None


if __name__ == "__main__":
    main()
