"""`speechmill dataset …`: shows, re-selects and exports published datasets."""

import shutil
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from components.publish.repeats import groups
from pipelines.commands import upkeep
from pipelines.commands.browse import browse_dataset
from pipelines.commands.diff import diff_versions
from pipelines.commands.export import export_dataset, push_export
from pipelines.commands.history import show_history
from pipelines.commands.log import log_dataset
from pipelines.commands.shared import new_run_id, print_out, show, store_option
from pipelines.commands.sql import query_dataset
from pipelines.commands.versions import COMMANDS, version_option
from pipelines.datasets.lineage import reported
from pipelines.datasets.truth import read_truth_file
from pipelines.local.display import Display
from store.datasets import DatasetStore, rules
from store.ledger import Ledger
from store.objects import open_store
from store.repeats import RepeatStore
from store.truth import write_truth
from store.upgrade import is_old, upgrade


class DatasetGroup(click.Group):
    """Makes `select` only when it is used, because its options are the settings of `publish` and need kfp."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), "select"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _select() if cmd_name == "select" else super().get_command(ctx, cmd_name)


@click.group("dataset", cls=DatasetGroup)
def command() -> None:
    """Show, compare, tag and export published datasets, and select their clips again."""


for managed in (*COMMANDS, browse_dataset, diff_versions, export_dataset, push_export, log_dataset, query_dataset, show_history):
    command.add_command(managed)


def _select() -> click.Command:
    from components.publish.component import publish
    from pipelines.commands.options import GroupedCommand, with_settings
    from pipelines.local.single import run_stage

    @with_settings(publish, shows_default=False)
    @click.command("select", cls=GroupedCommand)
    @click.argument("name")
    @store_option
    def select(name: str, store_uri: str, **settings: Any) -> None:
        """Select the clips of dataset NAME again, as a new version.

        Rules that are not given here stay as in the newest version. The command reads no audio.
        """
        store = open_store(store_uri)
        before = rules(DatasetStore(store, name).version().lineage)
        wanted = before | {n.removeprefix("publish_"): value for n, value in settings.items() if value is not None}
        wiring = {"sources_sha256": "", "dataset": name, "store": store.uri, "run": (run := new_run_id())}
        told = reported(store, name, run, {f"publish_{rule}": value for rule, value in wanted.items()})
        with tempfile.TemporaryDirectory() as scratch, Display() as display, told:
            run_stage(publish, {}, wiring | wanted, Path(scratch), display)
        show(store, name)

    return select


@command.command("repeats")
@click.argument("name")
@store_option
def list_repeats(name: str, store_uri: str) -> None:
    """List the repeats in dataset NAME (jingles, advertisements, reruns): length, count, first occurrence."""
    store = open_store(store_uri)
    DatasetStore(store, name).version()
    known = Ledger(store, name).rows()
    table = Table("seconds", "heard", "recordings", "first", "at second", box=None)
    for group in groups(RepeatStore(store, name).rows()):
        first, places = group.first, [group.first, *group.repeats]
        source = known.get(first.recording)
        title = (source.title or source.url) if source else ""
        heard, recordings = str(len(places)), str(len({p.recording for p in places}))
        table.add_row(f"{first.end - first.start:.1f}", heard, recordings, f"{title} ({first.recording})", f"{first.start:.1f}")
    print_out(table if table.rows else f"no repeats are known in dataset {name}")


@command.command("report")
@click.argument("name")
@version_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Output file; default: NAME-vN.html.")
@click.option("--open", "opened", is_flag=True, help="Open the report in the browser.")
@store_option
def report_dataset(name: str, number: int | str | None, out: Path | None, opened: bool, store_uri: str) -> None:
    """Write the report of a version of dataset NAME, with clips to listen to, as one HTML file."""
    from components.report.component import report
    from pipelines.local.single import run_stage

    store = open_store(store_uri)
    version = DatasetStore(store, name).version(number)
    path = (out or Path(f"{name}-v{version.number}.html")).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    wiring = {"dataset": name, "store": store.uri, "version": version.number}
    with tempfile.TemporaryDirectory() as scratch, Display() as display:
        shutil.copyfile(run_stage(report, {}, wiring, Path(scratch), display)["page"], path)
    print_out(f"wrote version {version.number} of dataset {name} to {path}, {path.stat().st_size / 1e6:.1f} MB")
    if opened and not webbrowser.open(path.as_uri()):
        print_out(f"no browser could be started: open {path.as_uri()} in one")


@command.command("upgrade")
@click.argument("name")
@store_option
def upgrade_dataset(name: str, store_uri: str) -> None:
    """Bring dataset NAME of an earlier release into the form of this one, with all its versions."""
    store = open_store(store_uri)
    if not is_old(store, name):
        print_out(f"dataset {name} has the form of this release")
        return
    print_out(f"made {upgrade(store, name)} versions of dataset {name} again")


@command.command("truth")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option
def keep_truth(name: str, file: Path, store_uri: str) -> None:
    """Store the true tones of dataset NAME's recordings, in place of older ones, for comparison in the report.

    FILE is CSV with the header source,start,end,tone, or JSON lines with these keys: a recording's URL or file name, start and end of a
    stretch in seconds, and its tone, empty if unknown.
    """
    store = open_store(store_uri)
    DatasetStore(store, name).version()
    rows = read_truth_file(file)
    write_truth(store, name, rows)
    print_out(f"stored the tones of {len(rows)} stretches in {len({r.source for r in rows})} recordings of dataset {name}")


command.add_command(upkeep.verify)
command.add_command(upkeep.forget)
command.add_command(upkeep.list_forgotten)
command.add_command(upkeep.collect_garbage)
