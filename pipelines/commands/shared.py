"""Shared by the commands: the option --store, and the output of versions."""

import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from components.shared.model import Model
from components.shared.refusals import group_of, grouped
from components.shared.rules import SETTINGS
from pipelines.datasets.diff_text import clock, correction
from pipelines.datasets.summary import summary_of
from pipelines.inputs.slots import NONE, SLOTS, Slot, describe_choice
from store.datasets import Version, rules, speaker_names
from store.interface import Store
from store.ledger import CHANGED, FAILED, FILTERED, GIVEN_UP, ROLLED_BACK, Ledger, LedgerRow

store_option = click.option(
    "--store", "store_uri", default="data", show_default=True, metavar="FOLDER|s3://BUCKET", help="Folder or bucket of the store."
)

_MOST = 10
"""Number of speakers and other values to list."""


def new_run_id() -> str:
    """Returns an id for a run: its start in UTC and six random hex digits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def show(store: Store, name: str, wanted: int | str | None = None) -> None:
    """Prints a version; without a number or tag, the newest."""
    found = summary_of(store, name, wanted)
    version, lineage = found.version, found.lineage
    made, _ = summary(version)[1:]
    tags = f", tagged {', '.join(found.tags)}" if found.tags else ""
    print_out(f"dataset {name}, version {version.number} of {found.newest}, made {made} by run {version.run}{tags}")
    print_out(f"in {store.uri}, rules: {rules_of(version)}")
    for line in _made_by(lineage["stages"]):
        print_out(line)
    if before := lineage.get("rolled_back_to"):
        print_out(f"rolled back to version {before}")
    if said := lineage.get("correction"):
        print_out(correction(said))
    for recording, reason in lineage.get("replaced", {}).items():
        print_out(f"its clips of {recording} are those of another file than before: {reason}")
    clips = lineage["clips"]
    print_out(f"{clips['kept']} of {clips['all']} clips kept, of {found.kept_recordings} recordings")
    print_out(_seconds_table(lineage["seconds"]))
    if line := _speakers(version):
        print_out(line)
    names = speaker_names(lineage)
    for column, by_value in found.kept_seconds.items():
        if column == "gender" or by_value.keys() - {""}:
            most = [
                f"{_named(value or 'unknown', names if column == 'speaker' else {})} {clock(seconds)}"
                for value, seconds in list(by_value.items())[:_MOST]
            ]
            more = f" and {len(by_value) - _MOST} more" if len(by_value) > _MOST else ""
            print_out(f"kept by {column}: {', '.join(most)}{more}")
    show_left_out(store, name)


def _seconds_table(outcomes: Mapping[str, float]) -> Table:
    """The seconds of a version by outcome, the kept ones first."""
    table, total = Table("seconds", "", "share", box=None), sum(outcomes.values())
    for reason, seconds in sorted(outcomes.items(), key=lambda item: (item[0] != "kept_seconds", -item[1])):
        table.add_row(reason.removesuffix("_seconds").replace("_", " "), clock(seconds), f"{seconds / total:.1%}" if total else "")
    table.add_row("in all", clock(total), "")
    return table


def show_left_out(store: Store, name: str) -> None:
    """Prints recordings and sources of a dataset that failed or have other files now, and recordings left out or rolled back."""
    ledger = Ledger(store, name).noted()
    for row in [r for r in ledger if r.reason.startswith(CHANGED)]:
        print_out(f"not up to date: {row.title or row.url} ({row.recording}): {row.reason}")
    show_failures(ledger)
    filtered = [r for r in ledger if r.outcome == FILTERED]
    for row in filtered[:_MOST]:
        print_out(f"left out by its length: {row.title or row.url} ({row.recording}): {row.reason}")
    if len(filtered) > _MOST:
        print_out(f"left out by their lengths: {len(filtered) - _MOST} more recordings")
    gone = [r for r in ledger if r.outcome == ROLLED_BACK]
    for row in gone[:_MOST]:
        print_out(f"rolled back: {row.title or row.url} ({row.recording}): {row.reason}")
    if len(gone) > _MOST:
        print_out(f"rolled back: {len(gone) - _MOST} more recordings")


def show_failures(rows: Iterable[LedgerRow]) -> None:
    """Prints those recordings and sources that failed or were given up, grouped by reason, with advice."""
    lost: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        if row.outcome in (FAILED, GIVEN_UP):
            lost[group_of(row.reason)].append(row)
    for group in grouped(row.reason for own in lost.values() for row in own):
        members = lost[group.name]
        for row in members[:_MOST]:
            print_out(f"{row.outcome.replace('_', ' ')}: {row.title or row.url} ({row.recording}): {row.reason}")
        if len(members) > _MOST:
            print_out(f"{group.name.replace('_', ' ')}: {len(members) - _MOST} more")
        if group.advice:
            print_out(f"{group.name.replace('_', ' ')}, {group.count} in all: {group.advice}")


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


def print_out(what: object) -> None:
    """Prints text or a table; does not wrap lines in a pipe."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 1000
    console.print(what)
