"""`speechmill models …`: lists models, fetches them from their origins, copies them into a store and checks them."""

import time
from pathlib import Path

import click
import rich.progress
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from components.shared.model import Model, parse, read_model
from components.shared.task import MODEL, StageError
from pipelines.commands.shared import print_out, store_option
from pipelines.inputs.registry import BUNDLED_MODELS, FETCHED, entry, fetch, local_folder, registry
from store.bundled import push_bundled
from store.models import ModelStore
from store.objects import open_store

_LINE_SECONDS = 10.0


@click.group("models")
def command() -> None:
    """List, fetch, store and check the models that stages load."""


@command.command("list")
@store_option
def list_models(store_uri: str) -> None:
    """List the models that the project knows, and the other models of a store.

    bundled: in the repository; fetched: on this machine; a version: in the store.
    """
    models = ModelStore(open_store(store_uri))
    stored = {name: models.model(name) for name in models.names()}
    known = registry()
    table = Table("model", "kind", "size", "licence", "here", "in the store", "for", box=None)
    for name, wanted in known.items():
        found = _described(BUNDLED_MODELS / name) or _described(FETCHED / name) or stored.get(name)
        size = sum(f.bytes for f in found.files.values()) if found else wanted.total_bytes
        here = "bundled" if _described(BUNDLED_MODELS / name) else "fetched" if _described(FETCHED / name) else ""
        kind, licence = (found.kind, found.licence) if found else (wanted.kind, wanted.licence)
        table.add_row(name, kind, decimal(size) if size else "", licence, here, _version(stored.get(name)), wanted.purpose)
    for name, model in stored.items():
        if name not in known:
            size = sum(f.bytes for f in model.files.values())
            table.add_row(name, model.kind, decimal(size), model.licence, "", _version(model), f"from {model.origin}")
    print_out(table)


@command.command("fetch")
@click.argument("name")
@click.option("--from", "source", default="", metavar="URL|PATH", help="URL of a mirror, or a downloaded archive or folder.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    show_default=f"{FETCHED}/NAME",
    metavar="FOLDER",
    help="The model's folder.",
)
def fetch_model(name: str, source: str, folder: Path | None) -> None:
    """Fetch the model NAME onto this machine: from its origin, a mirror, or files that you have downloaded.

    Checks the files against the hashes in bundled/models/models.toml. Resumes an interrupted fetch. Uses HTTPS_PROXY, NO_PROXY and
    REQUESTS_CA_BUNDLE. The URL of a mirror names the archive or, with a slash at its end, the folder of the archive or of the files.
    """
    wanted = entry(name)
    if wanted.bundled:
        print_out(f"{name} is in the repository: {local_folder(name)}")
        return
    folder = folder or FETCHED / name
    with Transfers() as transfers:
        model = fetch(wanted, folder, source, transfers.show)
    print_out(
        f"{name}, version {model.version}, is in {folder}: `speechmill models push {name if folder == FETCHED / name else folder} --to …`"
    )


@command.command("push")
@click.argument("model", metavar="[NAME|FOLDER]", default="")
@click.option("--to", "store_uri", default="data", show_default=True, metavar="FOLDER|s3://BUCKET", help="The store.")
@click.option("--again", is_flag=True, help="Write all its files again, to fix those that verify reports.")
def push_model(model: str, store_uri: str, again: bool) -> None:
    """Copy a model into a store: a bundled or fetched one by its NAME, or a trained one by its FOLDER.

    Without either, copy everything that comes with the code, including the defaults of the pipelines. Versions that the store has are
    kept. Only the root user of a bucket can push into it: runs read models and write none.
    """
    if not model:
        for place in push_bundled(open_store(store_uri), again):
            print_out(f"{place} is there")
        return
    folder = Path(model).expanduser()
    if "/" not in model and not (folder / MODEL).is_file():
        folder = local_folder(model)
    models = ModelStore(open_store(store_uri))
    there = {m.version for m in models.versions(parse(folder / MODEL).name)}
    pushed = models.push(folder, again)
    done = "is there already" if pushed.version in there and not again else "was pushed"
    print_out(f"{pushed.name} {done}: {models.uri(pushed.name, pushed.version)}")


@command.command("verify")
@click.argument("name", default="")
@store_option
def verify_models(name: str, store_uri: str) -> None:
    """Check all files of the model NAME, or of all models, on this machine and in a store against their hashes."""
    faults, checked = [], 0
    for folder in sorted({*BUNDLED_MODELS.glob(f"{name or '*'}/{MODEL}"), *FETCHED.glob(f"{name or '*'}/{MODEL}")}):
        checked += 1
        try:
            model = read_model(folder.parent, parse(folder).kind)
            print_out(f"{model.name}/{model.version} in {folder.parent}: whole")
        except StageError as error:
            faults.append(str(error))
    models = ModelStore(open_store(store_uri))
    for stored in [n for n in models.names() if name in ("", n)]:
        for version in models.versions(stored):
            checked += 1
            found = models.verify(stored, version.version)
            faults += found
            if not found:
                print_out(f"{models.uri(stored, version.version)}: whole")
    if not checked:
        raise StageError(f"expected {f'the model {name}' if name else 'models'} on this machine or in {store_uri}, found none")
    if faults:
        raise StageError("; ".join(faults) + ": fetch it again, and write it with `speechmill models push --again`")


class Transfers:
    """Shows the progress and speed of downloads: bars in a terminal, else a line every _LINE_SECONDS."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        columns = (
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.DownloadColumn(),
            rich.progress.TransferSpeedColumn(),
            rich.progress.TimeRemainingColumn(),
        )
        self._bars = rich.progress.Progress(*columns, console=self._console)
        self._tasks: dict[str, rich.progress.TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}
        self._printed = time.monotonic()

    def __enter__(self) -> "Transfers":
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, name: str, have: int, total: int) -> None:
        """Shows that `have` of `total` bytes of a file were received; a total of 0 is unknown."""
        now = time.monotonic()
        began, first = self._began.setdefault(name, (now, have))  # bytes of an earlier transfer do not count for the speed
        if self._console.is_terminal:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=total or None, completed=have)
            self._bars.update(self._tasks[name], completed=have)
        elif now - self._printed >= _LINE_SECONDS or have == total:
            self._printed = now
            rate = f", {decimal(int(max(0, have - first) / (now - began)))}/s" if now > began else ""
            print_out(f"{name}: {decimal(have)}{f' of {decimal(total)}' if total else ''}{rate}")


def _described(folder: Path) -> Model | None:
    return parse(folder / MODEL) if (folder / MODEL).is_file() else None


def _version(model: Model | None) -> str:
    return model.version if model else ""
