"""Models, references and known effects that outlive a run: <folder>/<name>/<version>/, files that never change,
`model.json` last: it is there = the model is whole.

Who pushes a model into a bucket is its root user: the two users of runs read models and write none, so that no stage, also one
that was taken over, puts a model into the place of another.
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
"""The folders of a store that hold them."""


def place(name: str, version: str, folder: str = MODELS) -> str:
    """Where a version of a model lies in a store: the key that the keys of its files begin with, without a slash at its end."""
    if not _is_version(version):
        raise StoreError(f"expected a model's version of 12 hex digits, found {version!r}")
    return f"{folder}/{check_name(name, 'model')}/{version}"


class ModelStore:
    """Puts models into a store and says what is there. `folder` is MODELS, REFERENCES or EFFECTS: these are kept in the same way."""

    def __init__(self, store: Store, folder: str = MODELS) -> None:
        self._store, self._folder = store, folder

    def push(self, folder: Path, again: bool = False) -> Model:
        """Puts a model, a folder with its `model.json`, into the store, whole or not at all.

        What is there already is left as it is, and what an interrupted push has left is used.

        Args:
            folder: The model; every file is checked against its hash first.
            again: Whether all its files are written once more, to mend what `verify` found.

        Raises:
            StageError: The folder holds no whole model.
            StoreError: The store cannot take it.
        """
        model = read_model(folder, parse(folder / MODEL).kind)
        check_name(model.name, "model")
        _made(model)
        if MODEL in model.files:
            raise StoreError(f"expected a model whose files are not called {MODEL}, found one in {folder}: name it otherwise")
        target = self._place(model.name, model.version)
        if self._store.exists(target + MODEL) and not again:
            return self.model(model.name, model.version)
        for path in model.files:
            if again or not self._store.exists(target + path):
                self._store.write_file(target + path, folder / path)
        self._store.write(target + MODEL, (folder / MODEL).read_bytes())
        return model

    def names(self) -> list[str]:
        """Names of all models of which a whole version is there, in order."""
        return [name for name in self._store.folders(f"{self._folder}/") if is_name(name) and self._versions(name)]

    def versions(self, name: str) -> list[Model]:
        """All whole versions of a model, the newest first: by when they were made, not by when they were pushed."""
        check_name(name, "model")
        return sorted((self.model(name, v) for v in self._versions(name)), key=lambda m: (_made(m), m.version), reverse=True)

    def model(self, name: str, version: str = "") -> Model:
        """What a version of a model is, the newest without a version; StoreError where it is not there."""
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
                f"expected the description of {name}/{version} in {self._store.uri}/{key}, found that of {model.name}/{model.version}: "
                f"remove {self._folder}/{name}/{version} from the store, and push the model with `speechmill models push`"
            )
        return model

    def uri(self, name: str, version: str = "") -> str:
        """Where a version of a model lies, for a pipeline's importer; the newest without a version."""
        return f"{self._store.uri}/{place(name, self.model(name, version).version, self._folder)}"

    def verify(self, name: str, version: str = "") -> list[str]:
        """What is wrong with a version's files in the store, a line each; reads all of them."""
        model = self.model(name, version)
        source, faults = self._place(name, model.version), []
        for path, wanted in model.files.items():
            found = self._file(source + path) if self._store.exists(source + path) else None
            if found != wanted:
                seen = "none" if found is None else f"{found.bytes} bytes with sha256 {found.sha256[:12]}"
                faults.append(f"{source}{path}: expected {wanted.bytes} bytes with sha256 {wanted.sha256[:12]}, found {seen}")
        return faults

    def fetch(self, name: str, version: str, folder: Path) -> Model:
        """Copies a version of a model, the newest without a version, into a new folder, which appears whole or not at all."""
        model = self.model(name, version)
        source = self._place(name, model.version)
        if folder.exists():
            raise StoreError(f"expected no folder {folder} yet, found one: name another, or remove it")
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
            f"{'versions' if version else self._folder} {there}: `speechmill {put} {self._store.uri}` puts it there"
        )


def _is_version(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{12}", text))


def _made(model: Model) -> datetime:
    try:
        made = datetime.fromisoformat(model.created)
    except ValueError:
        raise StageError(f"expected an ISO 8601 time as `created` of the model {model.name}, found {model.created!r}") from None
    return made if made.tzinfo else made.replace(tzinfo=UTC)
