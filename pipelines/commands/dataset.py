"""`speechmill dataset …`: shows, re-selects and exports published datasets."""

import shutil
import tempfile
import webbrowser
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from components.publish.repeats import groups
from pipelines.commands import upkeep
from pipelines.commands.browse import browse_dataset
from pipelines.commands.diff import diff_versions
from pipelines.commands.history import show_history
from pipelines.commands.log import log_dataset
from pipelines.commands.shared import new_run_id, print_out, show, store_option
from pipelines.commands.sql import query_dataset
from pipelines.commands.versions import COMMANDS, version_option
from pipelines.datasets.described import describe
from pipelines.datasets.export import CODECS, export
from pipelines.datasets.facts import facts_of
from pipelines.datasets.formats import FORMATS
from pipelines.datasets.lineage import reported
from pipelines.datasets.timelines import export_timelines
from pipelines.datasets.truth import read_truth_file
from pipelines.local.display import Display
from store.datasets import DatasetStore, rules
from store.ledger import Ledger
from store.objects import open_store
from store.repeats import RepeatStore
from store.truth import write_truth
from store.upgrade import is_old, upgrade

AUDIO_FORMATS = ("files", "jsonl")


class DatasetGroup(click.Group):
    """Makes `select` only when it is used, because its options are the settings of `publish` and need kfp."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), "select"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _select() if cmd_name == "select" else super().get_command(ctx, cmd_name)


@click.group("dataset", cls=DatasetGroup)
def command() -> None:
    """Show, compare, tag and export published datasets, and select their clips again."""


for managed in (*COMMANDS, browse_dataset, diff_versions, log_dataset, query_dataset, show_history):
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


@command.command("export")
@click.argument("name")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="An empty or a new folder, or that of an interrupted export.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice([*AUDIO_FORMATS, *FORMATS]),
    default="files",
    show_default=True,
    help="files: 1.flac, 2.flac …; jsonl: audio/<clip>.flac. Both with manifest.jsonl, one line per clip. rttm, textgrid (Praat), srt, eaf "
    "(ELAN): no sound, but who speaks when and what, in <recording>.rttm and so on, with manifest.jsonl, one line per recording.",
)
@click.option("--codec", type=click.Choice(sorted(CODECS)), help="Of files and jsonl; default: flac. mp3, ogg, m4a and wma lose quality.")
@click.option(
    "--all-clips", is_flag=True, help="Of srt and eaf: rejected clips too. An rttm has all turns, and a textgrid all clips, in any case."
)
@version_option
@store_option
def export_dataset(
    name: str, folder: Path, kind: str, codec: str | None, all_clips: bool, number: int | str | None, store_uri: str
) -> None:
    """Write the kept clips of dataset NAME as audio files with a manifest, or its timelines in a format of other tools.

    Beside them are a dataset card, README.md, and a description in Croissant, croissant.json, both with the licenses.
    """
    if kind in FORMATS and codec:
        raise click.UsageError(f"--codec: expected it with --format {' or '.join(AUDIO_FORMATS)}, found it with {kind}, which has no sound")
    if kind not in FORMATS and all_clips:
        raise click.UsageError(f"--all-clips: expected it with --format {' or '.join(FORMATS)}, found it with {kind}")
    store = open_store(store_uri)
    dataset = DatasetStore(store, name)
    version = dataset.version(number)
    facts = facts_of(store.uri, dataset, version)
    from pipelines.dataset import STAGES  # imports kfp

    defaults = {stage.name: {name: p.default for name, p in stage.settings.items()} for stage in STAGES}
    described = partial(describe, facts=facts, kind=kind, rejected=all_clips, defaults=defaults)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"exporting {name}", total=1 if kind in FORMATS else version.lineage["seconds"]["kept_seconds"])

        def done(amount: float) -> None:
            progress.advance(bar, amount)

        if kind in FORMATS:
            wrote = export_timelines(store, dataset, version, folder, kind=kind, rejected=all_clips, done=done, describe=described)
            said, before = f"{wrote.turns} turns and {wrote.clips} clips in {wrote.recordings} recordings", ""
        else:
            clips, found = export(
                store, dataset, version, folder, numbered=kind == "files", codec=codec or "flac", done=done, describe=described
            )
            before = f"; {found} of them had been written by an export that was interrupted" if found else ""
            said = f"{clips} clips"
    print_out(
        f"wrote {said} of version {version.number} of dataset {name}, manifest.jsonl, README.md and croissant.json to {folder}{before}"
    )


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
