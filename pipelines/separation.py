"""Which model takes the music out: found by its name, or put into the store, and told in one line, before a run begins."""

import os
import re
import shutil
from pathlib import Path

from components.deployment import ROOT
from components.shared.model import Model, parse, read_model
from components.shared.task import MODEL, StageError
from pipelines.registry import FETCHED
from store.models import ModelStore
from store.objects import Store, StoreError

AUTO = "auto"
PREFERRED = "spleeter-2stems-16khz"
BUNDLED = ROOT / "models" / "speech-2stems-small"
KIND = "spleeter"
_NAMED = re.compile(r"([a-z0-9][a-z0-9_-]*)(?:/([0-9a-f]{12}))?")


def bundled() -> Model:
    """The model that comes with this code."""
    return parse(BUNDLED / MODEL)


def uri(store: str, model: Model) -> str:
    """Where a store has a model."""
    return f"{store}/models/{model.name}/{model.version}"


def find(store: Store, wanted: str) -> Model | Path:
    """The model that somebody wants: one of the store, or a folder, which may be in no store yet.

    Args:
        store: The store of the run, from which alone a cluster's tasks can be handed a model.
        wanted: AUTO, which is PREFERRED if the store has it, else the bundled model; NAME, its newest version there, or what
            `speechmill models fetch` has fetched; NAME/VERSION; the URI of a model in the store; or a folder.

    Raises:
        StageError: There is no such model, or `separate` cannot use it.
    """
    models, own = ModelStore(store), bundled()
    found: Model | Path
    if wanted == AUTO:
        found = next(iter(models.versions(PREFERRED)), BUNDLED)
    elif named := _named(wanted, store):
        name, version = named
        if name == own.name and version in ("", own.version):
            found = BUNDLED
        elif not version and (FETCHED / name / MODEL).is_file() and not models.versions(name):
            found = FETCHED / name
        else:
            found = models.model(name, version)
    else:
        found = Path(os.path.expanduser(wanted))  # noqa: PTH111  # pathlib's raises for a user who is none
    model = parse(found / MODEL) if isinstance(found, Path) else found
    if model.kind != KIND:
        raise StageError(f"separate_model: expected a model of kind {KIND}, found {model.name} of kind {model.kind}: choose another one")
    return found


def choose(store: Store, wanted: str) -> Model:
    """What `find` finds, in the store from now on."""
    found = find(store, wanted)
    if isinstance(found, Model):
        return found
    try:
        return ModelStore(store).push(found)
    except StoreError as error:
        raise StoreError(
            f"separate_model: expected the model in {found} in {store.uri}, and could not put it there ({error}): "
            f"as the store's root user, speechmill models push {found} --to {store.uri}"
        ) from None


def told(model: Model) -> str:
    """What a person is told of the choice."""
    line = f"music is taken out by {model.name} {model.version}"
    if model != bundled():
        return line
    return (
        f"{line}, bundled; {PREFERRED} separates better: speechmill models fetch {PREFERRED}, then models push {PREFERRED} --to the store"
    )


def local_folder(store: Store, model: Model, runs: Path) -> Path:
    """A whole model of the store as a folder of this machine: tasks have no access to a bucket, so its copy is made once, below `runs`."""
    if "://" not in store.uri:
        folder = Path(uri(store.uri, model))
        read_model(folder, KIND)
        return folder
    folder = runs / "models" / model.name / model.version
    try:
        read_model(folder, KIND)
    except StageError:  # none, or a spoiled one
        shutil.rmtree(folder, ignore_errors=True)
        ModelStore(store).fetch(model.name, model.version, folder)
    return folder


def _named(wanted: str, store: Store) -> tuple[str, str] | None:
    """Name and version, perhaps none, in a text; None if it is the path of a folder."""
    is_uri, prefix = "://" in wanted, f"{store.uri}/models/"
    match = _NAMED.fullmatch(wanted.rstrip("/").removeprefix(prefix) if is_uri else wanted)
    if is_uri and not (match and match[2]):
        raise StageError(
            f"separate_model: expected {prefix}NAME/VERSION, since a run is handed models of its own store alone, found {wanted}: "
            f"speechmill models push NAME --to {store.uri}"
        )
    return (match[1], match[2] or "") if match and not (Path(wanted) / MODEL).is_file() else None
