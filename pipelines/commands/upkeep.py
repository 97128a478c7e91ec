"""`speechmill dataset verify`, `gc`, `forget` and `forgotten`: the care of a store."""

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from components.shared.task import report
from pipelines.commands.shared import print_out, store_option
from store.datasets import DatasetStore
from store.objects import open_store

SHOWN = 20
"""Number of lines of a list to show in text; --json has all."""
_SECONDS_BETWEEN_LINES = 30.0

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object with everything instead of text.")


def print_json(value: Any) -> None:
    """Prints a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=dataclasses.asdict))


def print_some(lines: Sequence[str]) -> None:
    """Prints the first lines, and how many more there are."""
    for line in lines[:SHOWN]:
        print_out(line)
    if len(lines) > SHOWN:
        print_out(f"and {len(lines) - SHOWN} more: --json has all")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that shows how many bytes of how many are done, with the rate and the time that is left.

    In a terminal it is a bar, elsewhere a line now and then; both go to standard error.
    """
    console, start = Console(stderr=True), time.monotonic()
    if not console.is_terminal:
        last = [start]

        def said(done: int, total: int) -> None:
            now = time.monotonic()
            if now - last[0] >= _SECONDS_BETWEEN_LINES or done == total:
                last[0] = now
                click.echo(_line(what, done, total, now - start), err=True)

        yield said
        return
    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _to_error(line: str) -> None:
    click.echo(line, err=True)


def _line(what: str, done: int, total: int, seconds: float) -> str:
    rate = done / max(seconds, 1e-9)
    left = (total - done) / rate if rate else 0.0
    return f"{what}: {done / 1e6:.1f} of {total / 1e6:.1f} MB, {rate / 1e6:.1f} MB/s, {left:.0f} s left"


@click.command("verify")
@click.argument("name")
@click.option("--version", "number", type=click.IntRange(1), metavar="N", help="Number of the version; default: the newest.")
@click.option("--all-versions", is_flag=True, help="Check all versions. A file that several versions share is read once.")
@click.option("--audio", is_flag=True, help="Also decode every audio file and compare its samples with its name, and hash every timeline.")
@click.option("--repair", is_flag=True, help="Make again what can be made: the ledger, a lost lease, and audio by the next run.")
@json_option
@store_option
def verify(name: str, number: int | None, all_versions: bool, audio: bool, repair: bool, as_json: bool, store_uri: str) -> None:
    """Check that a version of dataset NAME is whole.

    All its objects must be there and hold what their names say, and all its sums must agree: of each recording, of the speakers, of the
    lineage and of the ledger. What is damaged is named clip by clip. The exit status is 1 if something is.
    """
    from pipelines.datasets.verify import Verification

    if number and all_versions:
        raise click.UsageError("expected --version or --all-versions, found both")
    store = open_store(store_uri)
    dataset = DatasetStore(store, name)
    versions = [dataset.version(number)] if not all_versions else dataset.versions() or [dataset.version()]
    say = _to_error if as_json else report
    with progress("decoding") as done:
        checked = Verification(store, name, say).check(versions, done if audio else None)
    repaired = None
    if repair and (checked.damage or store.exists(f"datasets/{name}/lease.json")):
        from pipelines.datasets.repair import repair as make_again

        repaired = make_again(store, name, checked, set(), say)
    if as_json:
        print_json({"dataset": name, **dataclasses.asdict(checked)} | ({"repaired": repaired} if repaired else {}))
    else:
        _print_checked(name, checked, repaired)
    if repaired.left if repaired else checked.damage:
        raise SystemExit(1)


def _print_checked(name: str, checked: Any, repaired: Any) -> None:
    numbers = ", ".join(str(n) for n in sorted(checked.versions))
    decoded = f", {checked.decoded} audio files decoded" if checked.decoded else ""
    print_out(f"dataset {name}, version {numbers}: {checked.clips} rows of clips and {checked.objects} objects checked{decoded}")
    if not checked.damage:
        print_out("no damage found")
    kinds = Counter(d.kind for d in checked.damage)
    for kind, count in kinds.most_common():
        print_out(f"{kind}: {count} damaged")
    print_some([_damage(d) for d in checked.damage])
    if repaired:
        _print_repaired(repaired)


def _damage(damage: Any) -> str:
    where = f"clip {damage.clip}" if damage.clip else f"recording {damage.recording}" if damage.recording else ""
    version = f"version {damage.version}" if damage.version else ""
    return ": ".join(part for part in (damage.kind, " of ".join(p for p in (where, version) if p), damage.what, damage.key) if part)


def _print_repaired(repaired: Any) -> None:
    print_out(f"repaired: {repaired.ledger_rows} rows of the ledger; a lease that nobody renews is gone")
    if repaired.queued:
        print_out(f"{len(repaired.queued)} recordings are done again by the next run, if a source still lists them:")
        print_some(repaired.queued)
    if repaired.left:
        print_out(f"{len(repaired.left)} cannot be made again: restore their objects from a backup, or go back to an older version:")
        print_some([_damage(d) for d in repaired.left])
