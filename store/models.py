"""Models, references and known effects in the store.

Each version is a folder `<folder>/<name>/<version>/` of files that never change. `model.json` is
written last: if it exists, the version is complete. Only the root user of a bucket can push models,
so that a compromised stage cannot replace one.
"""

import hashlib
import re
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from components.shared.model import File, Model, parse, parse_text, read_model
from components.shared.task import MODEL, StageError
from store.interface import Store, StoreError
from store.objects import check_name, is_name

MODELS, REFERENCES, EFFECTS = "models", "references", "effects"
"""Folders of a store, one for each kind."""


def place(name: str, version: str, folder: str = MODELS) -> str:
    """The folder of a model's version in a store, without a trailing slash. Raises StoreError if name or version is invalid."""
    if not _is_version(version):
        raise StoreError(
            f"expected a version of 12 hex digits of {name} in {folder}, found {version!r}: leave the version out for the newest"
        )
    return f"{folder}/{check_name(name, 'model')}/{version}"


class ModelStore:
    """Reads and writes models in a store. With `folder` REFERENCES or EFFECTS it handles references or effects in the same way."""

    def __init__(self, store: Store, folder: str = MODELS) -> None:
        self._store, self._folder = store, folder

    def push(self, folder: Path, again: bool = False) -> Model:
        """Copies a model to the store, after checking every file against its hash. Atomic and idempotent.

        It skips a version that the store has, and resumes an interrupted push. With `again` it writes all files again, to repair
        what `verify` found. Raises StageError if the folder holds no complete model, and StoreError if the store refuses or does
        not answer, or if `model.json` lists itself.
        """
        model = read_model(folder, parse(folder / MODEL).kind)
        check_name(model.name, "model")
        _made(model)
        if MODEL in model.files:
            raise StoreError(
                f"expected model files with other names than {MODEL}, found that name in the files of {folder}: rename the file"
            )
        target = self._place(model.name, model.version)
        if self._store.exists(target + MODEL) and not again:
            return self.model(model.name, model.version)
        for path in model.files:
            if again or not self._store.exists(target + path):
                self._store.write_file(target + path, folder / path)
        self._store.write(target + MODEL, (folder / MODEL).read_bytes())
        return model

    def names(self) -> list[str]:
        """Names of all models that have a complete version, sorted."""
        return [name for name in self._store.folders(f"{self._folder}/") if is_name(name) and self._versions(name)]

    def versions(self, name: str) -> list[Model]:
        """All complete versions of a model, newest first by the time of their creation, not of their push."""
        check_name(name, "model")
        return sorted((self.model(name, v) for v in self._versions(name)), key=lambda m: (_made(m), m.version), reverse=True)

    def model(self, name: str, version: str = "") -> Model:
        """The description of a version of a model, by default the newest version.

        Raises StoreError if the store has no complete version or its description is of another model, and StageError if the
        description cannot be read.
        """
        check_name(name, "model")
        if not version:
            if versions := self.versions(name):
                return versions[0]
            raise self._missing(name, "")
        key = self._place(name, version) + MODEL
        if not self._store.exists(key):
            raise self._missing(name, version)
        model = parse_text(self._store.read(key), f"{self._store.uri}/{key}")
        if (model.name, model.version) != (name, version):
            raise StoreError(
                f"expected the description of {name}/{version} in {self._store.uri}/{key}, "
                f"found the description of {model.name}/{model.version}: "
                f"remove {self._folder}/{name}/{version} from the store, and push the model with `speechmill models push`"
            )
        return model

    def uri(self, name: str, version: str = "") -> str:
        """The URI of a version of a model, by default the newest, for a pipeline's importer."""
        return f"{self._store.uri}/{place(name, self.model(name, version).version, self._folder)}"

    def verify(self, name: str, version: str = "") -> list[str]:
        """Checks all files of a version in the store against their hashes. Returns one line per missing or damaged file."""
        model = self.model(name, version)
        source, faults = self._place(name, model.version), []
        for path, wanted in model.files.items():
            found = self._file(source + path) if self._store.exists(source + path) else None
            if found != wanted:
                seen = "none" if found is None else f"{found.bytes} bytes with sha256 {found.sha256[:12]}"
                faults.append(f"{source}{path}: expected {wanted.bytes} bytes with sha256 {wanted.sha256[:12]}, found {seen}")
        return faults

    def fetch(self, name: str, version: str, folder: Path) -> Model:
        """Copies a version of a model to a new folder; an empty `version` is the newest. Atomic.

        Raises StoreError if `folder` exists or the store has no such version, and StageError if a file does not match its hash.
        """
        model = self.model(name, version)
        source = self._place(name, model.version)
        if folder.exists():
            raise StoreError(f"expected no folder {folder} yet, found one: name another folder, or remove it")
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
        try:
            for path in (*model.files, MODEL):
                (part / path).parent.mkdir(parents=True, exist_ok=True)
                with (part / path).open("xb") as file:
                    file.writelines(self._store.blocks(source + path))
            read_model(part, model.kind)
            part.chmod(0o755)  # mkdtemp's folders are private
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return model

    def _versions(self, name: str) -> list[str]:
        return [
            v for v in self._store.folders(f"{self._folder}/{name}/") if _is_version(v) and self._store.exists(self._place(name, v) + MODEL)
        ]

    def _place(self, name: str, version: str) -> str:
        return place(name, version, self._folder) + "/"

    def _file(self, key: str) -> File:
        digest, size = hashlib.sha256(), 0
        for block in self._store.blocks(key):
            digest.update(block)
            size += len(block)
        return File(digest.hexdigest(), size)

    def _missing(self, name: str, version: str) -> StoreError:
        there = ", ".join(self._versions(name) if version else self.names()) or "none"
        kind, put = {
            MODELS: ("model", f"models push {name} --to"),
            REFERENCES: ("reference", f"references add {name} FILE … --store"),
            EFFECTS: ("effects", f"effects add {name} FILE … --store"),
        }[self._folder]
        return StoreError(
            f"expected {f'version {version}' if version else 'a version'} of the {kind} {name} in {self._store.uri}, found "
            f"{'versions' if version else self._folder} {there}: add it with `speechmill {put} {self._store.uri}`"
        )


def _is_version(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{12}", text))


def _made(model: Model) -> datetime:
    try:
        made = datetime.fromisoformat(model.created)
    except ValueError:
        raise StageError(
            f"expected an ISO 8601 time as `created` in {MODEL} of the model {model.name}, found {model.created!r}: correct it"
        ) from None
    return made if made.tzinfo else made.replace(tzinfo=UTC)
