"""`speechmill dataset verify`, `gc`, `forget` and `forgotten`: the care of a store."""

import dataclasses
import getpass
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import report
from pipelines.commands.shared import new_run_id, print_out, store_option
from pipelines.commands.versions import json_option, print_json, version_option
from store.datasets import DatasetStore
from store.objects import check_name, open_store

SHOWN = 20
"""Number of lines of a list to show in text; --json has all."""
_SECONDS_BETWEEN_LINES = 30.0


class Age(click.ParamType[float]):
    """A length of time such as 24h or 7d, in seconds."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([mhd])", str(value))
        if not found:
            self.fail(f"expected minutes, hours or days such as 30m, 24h or 7d, found {value}", param, ctx)
        return float(found[1]) * {"m": 60, "h": 3600, "d": 86400}[found[2]]


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
@version_option
@click.option("--all-versions", is_flag=True, help="Check all versions. A file that several versions share is read once.")
@click.option("--audio", is_flag=True, help="Also decode every audio file and compare its samples with its name, and hash every timeline.")
@click.option("--repair", is_flag=True, help="Make again what can be made: the ledger, a lost lease, and audio by the next run.")
@json_option
@store_option
def verify(name: str, number: int | str | None, all_versions: bool, audio: bool, repair: bool, as_json: bool, store_uri: str) -> None:
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
        from store.forgotten import Forgotten

        repaired = make_again(store, name, checked, Forgotten(store, name).recordings(), say)
    if as_json:
        print_json({"dataset": name, **dataclasses.asdict(checked)} | ({"repaired": repaired} if repaired else {}), indent=2)
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
    print_out(f"repaired {repaired.ledger_rows} rows of the ledger, and removed a lease that nobody renewed")
    if repaired.queued:
        print_out(f"{len(repaired.queued)} recordings are done again by the next run, if a source still lists them:")
        print_some(repaired.queued)
    if repaired.left:
        print_out(f"{len(repaired.left)} cannot be made again: restore their objects from a backup, or go back to an older version:")
        print_some([_damage(d) for d in repaired.left])


@click.command("forget")
@click.argument("name")
@click.option("--url", "urls", multiple=True, metavar="URL", help="A recording by its URL; may be given several times.")
@click.option("--recording", "recordings", multiple=True, metavar="ID", help="A recording by its id; may be given several times.")
@click.option("--speaker", "speakers", multiple=True, metavar="ID|NAME", help="A speaker; may be given several times.")
@click.option("--purge", is_flag=True, help="Also remove them from every version, from the logs and from the store. It cannot be undone.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the record. Name no person here: the record stays.")
@click.option("--by", default="", metavar="WHO", help="Who asks for it, for the record; default: the name of this machine's user.")
@json_option
@store_option
def forget(
    name: str,
    urls: tuple[str, ...],
    recordings: tuple[str, ...],
    speakers: tuple[str, ...],
    purge: bool,
    reason: str,
    by: str,
    as_json: bool,
    store_uri: str,
) -> None:
    """Take recordings or speakers out of dataset NAME, in a new version, and never fetch these recordings again.

    Older versions keep them, unless --purge is given: it removes audio, timelines, fingerprints, vectors, texts, titles, URLs and names
    from all versions. A purge that was interrupted is completed by the same command, or by --purge alone.
    """
    from pipelines.datasets.forgetting import forget_all

    if not (urls or recordings or speakers or purge):
        raise click.UsageError("expected --url, --recording or --speaker, found none of them")
    store = open_store(store_uri)
    wishes = {"urls": urls, "recordings": recordings, "speakers": speakers}
    done = forget_all(store, name, new_run_id(), wishes, purge, reason, by or getpass.getuser(), _to_error if as_json else report)
    if as_json:
        print_json({"dataset": name, **dataclasses.asdict(done)}, indent=2)
        return
    _print_forgotten(name, done, store_uri)


def _print_forgotten(name: str, done: Any, store_uri: str) -> None:
    forgot = done.forgot
    if forgot and (forgot.recordings or forgot.speakers):
        what = [f"{len(found)} {kind}s" for kind, found in (("recording", forgot.recordings), ("speaker", forgot.speakers)) if found]
        where = (
            f": version {forgot.version} is without {forgot.clips} clips, {forgot.seconds:.1f} s" if forgot.version else ", in no version"
        )
        print_out(f"dataset {name} forgot {' and '.join(what)}{where}")
        if forgot.rest:
            print_out(f"{len(forgot.rest)} recordings lost the clips of a forgotten speaker; they keep the others and are never done again")
    if done.purged and done.purged.subjects:
        shared = f"; {done.purged.shared} more stay, which clips of others share" if done.purged.shared else ""
        print_out(f"purged {', '.join(done.purged.subjects)} from all versions: {done.purged.audio} audio files are deleted{shared}")
        for reference in done.purged.references:
            print_out(f"deleted the reference {reference}, which held a forgotten voice or clip")
    for reference in done.references:
        print_out(f"the reference {reference} still holds a forgotten voice or clip: --purge deletes it")
    if done.runs:
        print_out(f"{len(done.runs)} of them still have sound in runs/ of the store, which these commands remove:")
        bucket = " --bucket" if "://" in store_uri else ""
        print_some([f"speechmill runs prune --holding {recording} --yes --store {store_uri}{bucket}" for recording in done.runs])
    if "://" in store_uri:
        print_out("runs on this machine have their artifacts beside it: the same without --bucket removes them")
    print_out("not touched: the source itself, exports, backups, and caches of a cluster (docs/upkeep.md)")


@click.command("forgotten")
@click.argument("name")
@json_option
@store_option
def list_forgotten(name: str, as_json: bool, store_uri: str) -> None:
    """List what dataset NAME has forgotten: when, what, by whom, why, and whether it was purged."""
    from store.forgotten import Forgotten

    rows = sorted(Forgotten(open_store(store_uri), name).rows(), key=lambda t: (t.forgotten, t.subject))
    if as_json:
        print_json({"dataset": name, "forgotten": rows}, indent=2)
        return
    table = Table("forgotten", "kind", "id", "version", "clips", "seconds", "by", "reason", "purged", box=None)
    for t in rows:
        purged = t.purged or ("under way: run the command again" if t.purge else "")
        seconds = f"{t.samples / SAMPLE_RATE_HZ:.1f}"
        table.add_row(t.forgotten, t.kind, t.id, str(t.version or ""), str(t.clips), seconds, t.by, t.reason, purged)
    print_out(table if rows else f"dataset {name} has forgotten nothing")


@click.command("gc")
@click.argument("name")
@click.option("--older-than", "age_seconds", type=Age(), default="24h", show_default=True, metavar="AGE", help="Delete nothing younger.")
@click.option("--yes", is_flag=True, help="Delete it. Without this the command only says what it would delete.")
@json_option
@store_option
def collect_garbage(name: str, age_seconds: float, yes: bool, as_json: bool, store_uri: str) -> None:
    """Delete what no version of dataset NAME uses: audio, timelines, files of versions and fingerprints that runs left.

    It waits while a run publishes the dataset. Audio stays as long as a run may be at work.
    """
    from pipelines.datasets.garbage import Collector
    from store.lease import lease

    store = open_store(store_uri)
    if not any(True for _ in store.keys(f"datasets/{check_name(name)}/")):
        DatasetStore(store, name).version()
    collector, say = Collector(store, name, age_seconds), _to_error if as_json else report
    if yes:
        with lease(store, name, "dataset gc", say):
            found = collector.find()
            collector.delete(found)
    else:
        found = collector.find()
    kinds = {k: {"objects": found.objects[k], "bytes": found.size_bytes[k]} for k in sorted(found.objects)}
    total = {"objects": sum(found.objects.values()), "bytes": sum(found.size_bytes.values())}
    if as_json:
        print_json({"dataset": name, "deleted": yes, "kinds": kinds, **total, "young": found.young, "waits": found.waits}, indent=2)
        return
    table = Table("kind", "objects", "MB", box=None)
    for kind, amount in [*kinds.items(), ("in all", total)]:
        table.add_row(kind, str(amount["objects"]), f"{amount['bytes'] / 1e6:.1f}")
    print_out(table)
    if found.young:
        print_out(f"{found.young} more unused objects are younger than the age, and stay")
    if found.waits:
        print_out(found.waits)
    if not total["objects"]:
        print_out(f"dataset {name} has nothing to delete")
    else:
        print_out("deleted" if yes else "nothing was deleted: --yes deletes it")
