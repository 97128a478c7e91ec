"""`speechmill dataset …`: looking at, re-selecting and exporting what has been published."""

import secrets
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from components.shared.rows import DatasetRow
from pipelines.display import Display
from pipelines.export import CODECS, export
from store.datasets import DatasetStore, Version, dataset_names
from store.ledger import FAILED, GIVEN_UP, Ledger
from store.objects import Store, open_store

DEFAULT_STORE = "data"

store_option = click.option("--store", "store_uri", default=DEFAULT_STORE, show_default=True, metavar="FOLDER", help="Where datasets are.")
version_option = click.option("--version", "number", type=click.IntRange(1), metavar="N", help="A version; the newest without it.")


def new_run_id() -> str:
    """What a run is called in the tables: when it began, in UTC, and six random hex digits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


@click.group("dataset")
def dataset_group() -> None:
    """Look at, re-select and export published datasets."""


@dataset_group.command("list")
@store_option
def list_datasets(store_uri: str) -> None:
    """List the datasets of a store with their newest versions."""
    store = open_store(store_uri)
    table = Table("dataset", "version", "made", "kept", box=None)
    for name in dataset_names(store):
        for version in DatasetStore(store, name).versions()[-1:]:
            table.add_row(name, *_summary(version))
    _print(table if table.rows else f"no datasets in {store.uri}")


@dataset_group.command("versions")
@click.argument("name")
@store_option
def list_versions(name: str, store_uri: str) -> None:
    """List the versions of dataset NAME: when each was made, by which run, and what it keeps."""
    dataset = DatasetStore(open_store(store_uri), name)
    dataset.version()
    table = Table("version", "made", "kept", "run", "rules", box=None)
    for version in dataset.versions():
        table.add_row(*_summary(version), version.run, _rules(version))
    _print(table)


@dataset_group.command("show")
@click.argument("name")
@version_option
@store_option
def show_dataset(name: str, number: int | None, store_uri: str) -> None:
    """Show what a version of dataset NAME holds, where its seconds went, and what could not be fetched."""
    show(open_store(store_uri), name, number)


def show(store: Store, name: str, number: int | None = None) -> None:
    """Prints a version, the newest without a number."""
    dataset = DatasetStore(store, name)
    version = dataset.version(number)
    rows = dataset.rows(version)
    kept = [r for r in rows if r.kept]
    made, _ = _summary(version)[1:]
    _print(f"dataset {name}, version {version.number} of {dataset.versions()[-1].number}, made {made} by run {version.run}")
    _print(f"in {store.uri}, rules: {_rules(version)}")
    _print(f"{len(kept)} of {len(rows)} clips kept, of {len({r.recording for r in kept})} recordings")
    table = Table("seconds", "", "share", box=None)
    total = sum(version.lineage["seconds"].values())
    for reason, seconds in sorted(version.lineage["seconds"].items(), key=lambda item: (item[0] != "kept_seconds", -item[1])):
        table.add_row(reason.removesuffix("_seconds").replace("_", " "), _clock(seconds), f"{seconds / total:.1%}" if total else "")
    table.add_row("in all", _clock(total), "")
    _print(table)
    if genders := _seconds_by_gender(kept):
        _print("kept by gender: " + ", ".join(f"{gender or 'unknown'} {_clock(seconds)}" for gender, seconds in sorted(genders.items())))
    for row in Ledger(store, name).rows().values():
        if row.outcome in (FAILED, GIVEN_UP):
            _print(f"{row.outcome.replace('_', ' ')}: {row.title or row.url} ({row.recording}): {row.reason}")


def select_dataset(name: str, store_uri: str, **settings: Any) -> None:
    """Re-select the clips of dataset NAME: the rules of its newest version with those given here instead. Touches no audio."""
    from components.publish.component import publish
    from pipelines.single import run_stage

    store = open_store(store_uri)
    newest = DatasetStore(store, name).version()
    rules = newest.lineage["stages"]["publish"]["settings"] | {k.removeprefix("publish_"): v for k, v in settings.items() if v is not None}
    wiring = {"sources": "", "dataset": name, "store": store.uri, "run": new_run_id()}
    with tempfile.TemporaryDirectory() as scratch, Display() as display:
        run_stage(publish, {}, wiring | rules, Path(scratch), display)
    show(store, name)


@dataset_group.command("export")
@click.argument("name")
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="An empty or a new folder.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["files", "jsonl"]),
    default="files",
    show_default=True,
    help="files: 1.flac, 2.flac …; jsonl: audio/<clip>.flac. Both with manifest.jsonl, one line a clip.",
)
@click.option("--codec", type=click.Choice(sorted(CODECS)), default="flac", show_default=True, help="mp3, ogg, m4a and wma lose quality.")
@version_option
@store_option
def export_dataset(name: str, folder: Path, kind: str, codec: str, number: int | None, store_uri: str) -> None:
    """Write the kept clips of dataset NAME as audio files with a manifest."""
    store = open_store(store_uri)
    dataset = DatasetStore(store, name)
    version = dataset.version(number)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"exporting {name}", total=version.lineage["seconds"]["kept_seconds"])
        clips = export(
            store, dataset, version, folder, numbered=kind == "files", codec=codec, done=lambda seconds: progress.advance(bar, seconds)
        )
    _print(f"wrote {clips} clips of version {version.number} of dataset {name} and manifest.jsonl to {folder}")


def _summary(version: Version) -> tuple[str, str, str]:
    made = datetime.fromtimestamp(version.timestamp_ms / 1000).astimezone()
    return str(version.number), f"{made:%Y-%m-%d %H:%M:%S %Z}", _clock(version.lineage["seconds"]["kept_seconds"])


def _rules(version: Version) -> str:
    return ", ".join(f"{name} {value or 'any'}" for name, value in version.lineage["stages"]["publish"]["settings"].items())


def _seconds_by_gender(rows: list[DatasetRow]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        total[row.gender] += row.end - row.start  # type: ignore[assignment]
    return total


def _clock(seconds: float) -> str:
    return f"{seconds // 3600:.0f}:{seconds // 60 % 60:02.0f}:{seconds % 60:05.2f}"


def _print(what: object) -> None:
    Console(highlight=False, markup=False, emoji=False, soft_wrap=True).print(what)
