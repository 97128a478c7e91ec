"""`speechmill estimate`: says what a run will cost before it starts."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.table import Table

from components.deployment import LOCAL
from components.discover.sources import parse
from components.shared.logins import remember, without_logins
from components.shared.task import StageError
from pipelines.commands.options import GroupedCommand, with_settings
from pipelines.commands.run import by_kind, default_jobs, read_sources, this_machine
from pipelines.commands.shared import print_out
from pipelines.dataset import SHARD_STAGES, SHARDS_AT_ONCE, STAGES, build
from pipelines.inputs.settings import check_settings
from pipelines.inputs.transcription import ENGINE
from pipelines.local import environments, rates
from pipelines.local.embedded import environment_of
from pipelines.local.estimate import Estimate, Machine, cluster, costs_of, duration, estimate, sentence, size, unmeasured
from pipelines.local.graph import stages_before
from pipelines.local.listing import listed_by


@with_settings(*STAGES)
@click.command("estimate", cls=GroupedCommand)
@click.option("--sources", metavar="TEXT|FILE", help="Sources as `run` takes them. They are listed, and nothing is downloaded.")
@click.option("--hours", type=click.FloatRange(0, min_open=True), metavar="N", help="Hours of audio, in place of the sources.")
@click.option(
    "--on",
    "place",
    type=click.Choice(["machine", "cluster"]),
    default="machine",
    show_default=True,
    help="This machine (embedded and Docker), or a cluster with a place for every pod.",
)
@click.option("--shards", type=click.IntRange(1), metavar="N", help="Number of shards. Default: as discover makes them.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Number of shards at the same time. Default: as a run has it.")
@click.option("--cores", type=click.IntRange(1), metavar="N", help="Cores of the machine. Default: those of this machine.")
@click.option("--gpu", is_flag=True, help="Stages that can use a GPU get one.")
@click.option("--allow-private", is_flag=True, help="Also list from loopback and private addresses.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    sources: str | None,
    hours: float | None,
    place: str,
    shards: int | None,
    jobs: int | None,
    cores: int | None,
    gpu: bool,
    allow_private: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Say what a run will cost: time, core hours, memory, disk, objects and tasks, stage by stage.

    The figures come from measured rates (pipelines/local/rates.json) and hold for machines like the one that was measured. Recordings
    that a dataset has already cost nothing in a run, and are counted here.
    """
    settings, _ = by_kind(options)
    for stage in STAGES:
        check_settings(stage.name, {name: settings[f"{stage.name}_{name}"] for name in stage.settings})
    if (sources is None) == (hours is None):
        raise click.UsageError("expected --sources or --hours, found " + ("neither" if hours is None else "both"))
    notes: list[str] = []
    lengths = [hours * 3600] if hours is not None else _listed(read_sources(sources or ""), allow_private, notes)
    if not any(lengths):
        raise StageError("; ".join(["no length is known: give the hours of audio with --hours", *notes]))
    measured = rates.load()
    costs = costs_of(measured, STAGES, SHARD_STAGES, settings, stages_before(build(LOCAL).pipeline_spec))
    machine = _machine(place, jobs, cores)
    found = estimate(costs, _shards(sum(lengths), settings, shards), 0 if hours else len(lengths), machine)
    notes += _notes(found, measured, settings, gpu, unmeasured(measured, STAGES, settings))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found) | {"notes": notes, "measured": _measured(measured)}, indent=2))
    else:
        _show(found, notes, place)


def _listed(text: str, allow_private: bool, notes: list[str]) -> list[float]:
    """Returns the length of each recording in seconds, 0 if it is not known without a download; adds what to say of them."""
    text, logins = without_logins(text)
    remember(logins)
    parse(text)  # so that a source that is not valid is refused before a process starts
    python = environments.ensure("discover")
    found = listed_by(python, environment_of(python), text, allow_private)
    notes += found.errors
    if unknown := sum(not seconds for seconds in found.seconds):
        notes.append(f"{unknown} of {len(found.seconds)} recordings state no length and are not counted: --hours takes the hours of all")
    return found.seconds


def _shards(seconds: float, settings: Mapping[str, Any], wanted: int | None) -> Sequence[float]:
    """Returns the hours of each shard."""
    count = wanted or max(1, math.ceil(seconds / settings["discover_shard_seconds"]))
    return [seconds / count / 3600] * count


def _machine(place: str, jobs: int | None, cores: int | None) -> Machine:
    if place == "machine":
        found = this_machine(jobs or default_jobs())
        return found if cores is None else dataclasses.replace(found, cores=cores)
    return cluster(STAGES, jobs or SHARDS_AT_ONCE)


def _notes(found: Estimate, measured: rates.Rates, settings: Mapping[str, Any], gpu: bool, unknown: Sequence[str]) -> list[str]:
    """Returns what the figures leave out."""
    notes = [f"not measured, counted as with its default: {what}" for what in unknown]
    if settings[ENGINE] in ("auto", "whisper"):
        notes.append("transcripts by whisper are counted as of the size of tiny, and auto as none: larger models take longer")
    if gpu:
        notes.append("no stage was measured on a GPU: the figures are of CPUs")
    if (most := settings["discover_max_shards"]) and found.shards > most:
        notes.append(f"a run takes at most {most} shards (discover_max_shards): these are {math.ceil(found.shards / most)} runs")
    return [*notes, f"measured {_measured(measured)}; downloads depend on the network and are not in the time"]


def _measured(measured: rates.Rates) -> str:
    return f"{measured.date} at commit {measured.commit} on {measured.machine}, with {measured.audio}"


def _show(found: Estimate, notes: Sequence[str], place: str) -> None:
    click.echo(sentence(found))
    where = "pods" if place == "cluster" else "tasks"
    click.echo(
        f"{found.shards} shards, {found.tasks} {where}, {found.core_hours:.2g} core hours, at most {size(found.peak_memory_mb)} of memory"
        f"{' a pod' if place == 'cluster' else ''}, {size(found.artifact_mb)} of artifacts in runs/, {size(found.store_mb)} in the store, "
        f"about {found.store_objects} objects"
    )
    table = Table("stage", where, "CPU", "alone", "memory", "artifacts", box=None)
    for cost in found.stages:
        alone, cpu = duration(cost.seconds_alone), duration(cost.cpu_seconds)
        table.add_row(cost.stage, str(cost.tasks), cpu, alone, size(cost.peak_memory_mb), size(cost.artifact_mb))
    print_out(table)
    for note in notes:
        click.echo(note)
