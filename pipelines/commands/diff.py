"""`speechmill dataset diff`: what differs between two versions, and why."""

from pathlib import Path

import click
from rich.table import Table

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import one_line
from pipelines.commands.shared import print_out, store_option
from pipelines.commands.versions import VERSION, json_option, print_json
from pipelines.datasets.diff import HOURS_BY, Diff, diff, diff_json
from pipelines.datasets.diff_text import NAMES, by_value, causes, clock
from store.datasets import DatasetStore, speaker_names
from store.objects import open_store

_COLUMNS, _VALUES = 12, 10


@click.command("diff")
@click.argument("name")
@click.argument("before", type=VERSION, metavar="N|TAG")
@click.argument("after", type=VERSION, metavar="N|TAG")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page with clips to listen to.")
@click.option("--clips", type=click.IntRange(0, 100), default=6, show_default=True, help="Most clips of each kind of change on the page.")
@json_option
@store_option
def diff_versions(name: str, before: int | str, after: int | str, html: Path | None, clips: int, as_json: bool, store_uri: str) -> None:
    """Compare two versions of dataset NAME: which clips differ, the hours of each speaker and tone, and why."""
    store = open_store(store_uri)
    dataset = DatasetStore(store, name)
    found = diff(dataset, dataset.version(before), dataset.version(after), clips if html else 0)
    if html:
        from pipelines.datasets.diff_page import page

        html.absolute().parent.mkdir(parents=True, exist_ok=True)
        html.write_text(page(dataset, found), encoding="utf-8")
    if as_json:
        print_json(diff_json(name, found))
        return
    _print(name, found)
    if html:
        print_out(f"wrote {html}, {html.stat().st_size / 1e6:.1f} MB")


def _print(name: str, found: Diff) -> None:
    clips = found.clips
    print_out(f"dataset {name}, version {found.before.number} → version {found.after.number}")
    table = Table("clips", "", "seconds", box=None)
    for kind, words in NAMES.items():
        if clips.clips[kind]:
            table.add_row(words, str(clips.clips[kind]), clock(clips.samples[kind] / SAMPLE_RATE_HZ))
    table.add_row("no change", str(clips.clips["same"]), "")
    print_out(table)
    if columns := [f"{column} {count}" for column, count in clips.columns.most_common() if count]:
        more = f" and {len(columns) - _COLUMNS} more" if len(columns) > _COLUMNS else ""
        print_out(f"columns that differ: {', '.join(columns[:_COLUMNS])}{more}")
    names = speaker_names(found.before.lineage) | speaker_names(found.after.lineage)
    for column in HOURS_BY:
        values = by_value(found, column)
        table = Table(f"kept by {column}", "before", "after", "change", box=None)
        for value, old, new in values[:_VALUES]:
            named = f"{value} ({names[value]})" if column == "speaker" and value in names else value or "unknown"
            table.add_row(one_line(named), clock(old), clock(new), clock(new - old))
        if values:
            print_out(table)
        if len(values) > _VALUES:
            print_out(f"and {len(values) - _VALUES} more")
    lines = [one_line(line) for line in causes(found)]
    print_out("\n".join(["why:", *(f"  {line}" for line in lines)]) if lines else "nothing explains it in the lineage of the versions")
