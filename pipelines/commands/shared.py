"""Shared by the commands: the option --store, and the output of versions."""

import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from components.shared.model import Model
from components.shared.rows import DatasetRow
from components.shared.rules import SETTINGS
from pipelines.inputs.slots import NONE, SLOTS, Slot, describe_choice
from store.datasets import DatasetStore, Version, rules, speaker_names
from store.interface import Store
from store.ledger import CHANGED, FAILED, FILTERED, GIVEN_UP, Ledger

store_option = click.option(
    "--store", "store_uri", default="data", show_default=True, metavar="FOLDER|s3://BUCKET", help="Folder or bucket of the store."
)

_MOST = 10
"""Number of speakers and other values to list."""


def new_run_id() -> str:
    """Returns an id for a run: its start in UTC and six random hex digits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def show(store: Store, name: str, number: int | None = None) -> None:
    """Prints a version; without a number, the newest."""
    dataset = DatasetStore(store, name)
    version = dataset.version(number)
    rows = dataset.rows(version)
    kept = [r for r in rows if r.kept]
    made, _ = summary(version)[1:]
    print_out(f"dataset {name}, version {version.number} of {dataset.versions()[-1].number}, made {made} by run {version.run}")
    print_out(f"in {store.uri}, rules: {rules_of(version)}")
    for line in _made_by(version.lineage["stages"]):
        print_out(line)
    if line := _correction(version.lineage.get("correction", {})):
        print_out(line)
    for recording, reason in version.lineage.get("replaced", {}).items():
        print_out(f"its clips of {recording} are those of another file than before: {reason}")
    print_out(f"{len(kept)} of {len(rows)} clips kept, of {len({r.recording for r in kept})} recordings")
    table = Table("seconds", "", "share", box=None)
    total = sum(version.lineage["seconds"].values())
    for reason, seconds in sorted(version.lineage["seconds"].items(), key=lambda item: (item[0] != "kept_seconds", -item[1])):
        table.add_row(reason.removesuffix("_seconds").replace("_", " "), clock(seconds), f"{seconds / total:.1%}" if total else "")
    table.add_row("in all", clock(total), "")
    print_out(table)
    names = speaker_names(version.lineage)
    if line := _speakers(version):
        print_out(line)
    for column in ("gender", "speaker", "tone", "language"):
        by_value = _seconds_by(column, kept)
        if column == "gender" or by_value.keys() - {""}:
            most = [
                f"{_named(value or 'unknown', names if column == 'speaker' else {})} {clock(seconds)}"
                for value, seconds in by_value.most_common(_MOST)
            ]
            more = f" and {len(by_value) - _MOST} more" if len(by_value) > _MOST else ""
            print_out(f"kept by {column}: {', '.join(most)}{more}")
    show_left_out(store, name)


def show_left_out(store: Store, name: str) -> None:
    """Prints recordings and sources of a dataset that failed or have other files now, and recordings left out by their length."""
    ledger = Ledger(store, name).rows().values()
    for row in [r for r in ledger if r.reason.startswith(CHANGED)]:
        print_out(f"not up to date: {row.title or row.url} ({row.recording}): {row.reason}")
    for row in [r for r in ledger if r.outcome in (FAILED, GIVEN_UP)]:
        print_out(f"{row.outcome.replace('_', ' ')}: {row.title or row.url} ({row.recording}): {row.reason}")
    filtered = [r for r in ledger if r.outcome == FILTERED]
    for row in filtered[:_MOST]:
        print_out(f"left out by its length: {row.title or row.url} ({row.recording}): {row.reason}")
    if len(filtered) > _MOST:
        print_out(f"left out by their lengths: {len(filtered) - _MOST} more recordings")


def print_choice(slot: Slot, model: Model, more: str = "") -> None:
    """Prints the choice of a model for a slot, if there is a line for it."""
    if line := describe_choice(slot, model):
        click.echo(line + more)


def summary(version: Version) -> tuple[str, str, str]:
    made = datetime.fromtimestamp(version.timestamp_ms / 1000).astimezone()
    return str(version.number), f"{made:%Y-%m-%d %H:%M:%S %Z}", clock(version.lineage["seconds"]["kept_seconds"])


def rules_of(version: Version) -> str:
    """Returns the settings of `publish` that made a version, without those that reject no clip."""
    neutral = {s.name: s.neutral for s in SETTINGS}
    given = rules(version.lineage)
    return ", ".join(f"{name} {value}" for name, value in given.items() if value not in ("", neutral.get(name))) or "none"


def _made_by(stages: Mapping[str, Any]) -> list[str]:
    """Returns lines about the models, reference and engine that made a version."""
    models = {slot: stages.get(slot.stage, {}).get("models", {}).get(slot.input, "") for slot in SLOTS.values()}
    lines = [f"{slot.use} {model}" for slot, model in models.items() if model and not model.startswith(f"{NONE}/")]
    engine = stages.get("transcribe", {}).get("settings", {}).get("engine", NONE)
    return [*lines, f"transcripts are written by {engine}"] if engine != NONE else lines


def _correction(said: Mapping[str, Any]) -> str:
    """Returns what a person corrected of the speakers in a version; empty if nothing."""
    if not said:
        return ""
    if said["action"] == "name":
        return f"corrected: {said['speaker']} was named {said['name']}"
    if said["action"] == "merge":
        return f"corrected: {', '.join(said['clips'])} merged into {said['into']}"
    return f"corrected: {said['clips']['clips']} clips of {said['speaker']} split off as {said['into']}"


def _speakers(version: Version) -> str:
    """Returns each speaker's share of all speech in a version, kept or not, the dominant one first; empty without names."""
    speech = version.lineage.get("speakers", {})
    if not speech.get("dominant"):
        return ""
    seconds = Counter(speech["seconds"]).most_common(_MOST)
    names = speaker_names(version.lineage)
    most = [f"{_named(speaker, names)} {spoken / speech['speech_seconds']:.1%}" for speaker, spoken in seconds]
    more = f" and {speech['count'] - len(most)} more" if speech["count"] > len(most) else ""
    return f"speech by speaker: {', '.join(most)}{more}; {_named(speech['dominant'], names)} is dominant"


def _named(speaker: str, names: Mapping[str, str]) -> str:
    """A speaker's id, and the name if there is one."""
    return f"{speaker} ({names[speaker]})" if speaker in names else speaker


def _seconds_by(column: str, rows: list[DatasetRow]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        total[getattr(row, column)] += row.end - row.start  # type: ignore[assignment]
    return total


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, such as 0:02:59.99."""
    hundredths = round(100 * seconds)
    return f"{hundredths // 360_000}:{hundredths // 6000 % 60:02d}:{hundredths % 6000 / 100:05.2f}"


def print_out(what: object) -> None:
    """Prints text or a table; does not wrap lines in a pipe."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 1000
    console.print(what)
