"""`speechmill models …`: what the project's models are, and how they come from their origins into a store."""

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
    """List the models that the project knows, and those that a store has beside them.

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
@click.option("--from", "source", default="", metavar="URL|PATH", help="A mirror's URL; or the archive or folder that you fetched.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    show_default=f"{FETCHED}/NAME",
    metavar="FOLDER",
    help="The model's folder.",
)
def fetch_model(name: str, source: str, folder: Path | None) -> None:
    """Fetch the model NAME onto this machine: from its origin, from a mirror, or from what you have fetched by hand.

    It is checked against the hashes in bundled/models/models.toml. What an interrupted fetch has left is used by the next. The
    variables HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE are heeded. A mirror's URL leads to the archive, or with a slash at
    its end to the folder of the archive or of the files.
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
@click.option("--again", is_flag=True, help="Write all its files once more, to mend what verify found.")
def push_model(model: str, store_uri: str, again: bool) -> None:
    """Put a model into a store: one that was bundled or fetched, by its NAME, or a trained one, by its FOLDER.

    Without either: all that comes with the code, which is what pipelines load by default and more.

    What is there already stays as it is. Into a bucket only its root user can push: runs read models and write none.
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
    """Read every file of the model NAME, or of all models, here and in a store, and check it against its hash."""
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
        raise StageError("; ".join(faults) + ": fetch it anew, and write it with `speechmill models push --again`")


class Transfers:
    """Shows how many bytes are here and how fast they come: a bar in a terminal, else a line now and then."""

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
        """Takes note of a block."""
        now = time.monotonic()
        began, first = self._began.setdefault(name, (now, have))  # what was there before is no speed of this transfer
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
