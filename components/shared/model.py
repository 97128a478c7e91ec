"""A model as a folder: its files, and `model.json`, which describes it and holds the hash of every other file.

The version of a model is a hash of its files, so the same files have the same version in every place.
"""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from components.shared.files import atomic_write, sha256
from components.shared.task import LINEAGE, MODEL, StageError

_ADVICE = "a model is a folder from `speechmill models fetch` or from a training run"


@dataclass(frozen=True)
class File:
    """One file of a model."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Model:
    """The contents of `model.json`."""

    name: str
    version: str
    """12 hex digits of a hash of the files' paths and hashes."""
    kind: str
    """The program that loads it: spleeter, ina, whisper and so on."""
    licence: str
    origin: str
    """A URL, or the program that trained it."""
    created: str
    """Time of creation, ISO 8601; a name without a version means the newest version."""
    files: dict[str, File]
    """The files by their paths in the folder, with / as separator."""


def describe(folder: Path, name: str, kind: str, licence: str, origin: str, created: str) -> Model:
    """Writes `model.json` for the files in a folder. It is written last: if it exists, the model is complete."""
    files = {p.relative_to(folder).as_posix(): _file(p) for p in sorted(folder.rglob("*")) if p.is_file() and _counts(p, folder)}
    model = Model(name, version_of(files), kind, licence, origin, created, files)
    with atomic_write(folder / MODEL) as part:
        part.write_text(json.dumps(dataclasses.asdict(model), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return model


def read_model(folder: Path, kind: str) -> Model:
    """Reads the description of a model and checks every file against its hash.

    Raises StageError if the folder holds no model or one of another kind, or if a file is missing, truncated or different.
    """
    model = parse(folder / MODEL)
    if model.kind != kind:
        raise StageError(f"expected a model of kind {kind} in {folder}, found {model.name} of kind {model.kind}: choose another model")
    for path, wanted in model.files.items():
        file = folder / path
        found = _file(file) if file.is_file() else None
        if found != wanted:
            seen = "none" if found is None else f"{found.bytes} bytes with sha256 {found.sha256[:12]}"
            raise StageError(
                f"expected {wanted.bytes} bytes with sha256 {wanted.sha256[:12]} in {file}, a file of the model {model.name}, "
                f"found {seen}: fetch and push the model again"
            )
    return model


def parse(path: Path) -> Model:
    """Reads a `model.json`. Raises StageError if it is invalid or its version does not match its files."""
    if not path.is_file():
        raise StageError(f"expected a model in {path.parent}, found no {MODEL} there: {_ADVICE}")
    return parse_text(path.read_bytes(), path)


def parse_text(text: bytes, path: Path | str) -> Model:
    """Parses the text of a `model.json` from `path`, as `parse` does."""
    try:
        fields = json.loads(text)
        model = Model(**fields | {"files": {name: File(**file) for name, file in fields["files"].items()}})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StageError(f"expected the description of a model in {path}, found something else ({error}): {_ADVICE}") from None
    outside = [name for name in model.files if os.path.isabs(name) or ".." in name.split("/")]  # noqa: PTH117  # a name, not a path yet
    if outside or not model.files or version_of(model.files) != model.version:
        raise StageError(f"expected version {model.version} of {model.name} in {path}, found other files than that version's: {_ADVICE}")
    return model


def version_of(files: dict[str, File]) -> str:
    """Computes the version of a model with these files."""
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        digest.update(f"{name}\0{file.sha256}\n".encode())
    return digest.hexdigest()[:12]


def _counts(path: Path, folder: Path) -> bool:
    return path.relative_to(folder).parts[0] not in (MODEL, LINEAGE) and not path.name.startswith(".")


def _file(path: Path) -> File:
    return File(sha256(path), path.stat().st_size)
