"""`speechmill run`: runs the dataset pipeline on this machine."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from components.deployment import Deployment, deployed
from components.discover.media import START_BYTES, is_text
from components.shared.logins import remember, without_logins
from components.shared.model import Model
from components.shared.task import StageError
from pipelines.cluster.workflow import RunError
from pipelines.commands.options import GroupedCommand, with_settings
from pipelines.commands.shared import new_run_id, print_choice, show, show_left_out, store_option
from pipelines.commands.transfers import Transfers
from pipelines.dataset import SHARD_STAGES, STAGES, build
from pipelines.datasets.lineage import reported
from pipelines.inputs.settings import check_settings
from pipelines.inputs.slots import AUTO, EXTRACT, NONE, REFERENCE, SLOTS, Slot, choose, fetch_preferred, local_folder
from pipelines.inputs.transcription import settle, uses_azure
from pipelines.local import docker, embedded, environments, rates, room
from pipelines.local.display import Display
from pipelines.local.estimate import Costs, Machine, costs_of
from pipelines.local.forecast import Forecast
from pipelines.local.graph import stages_before
from pipelines.local.runner import run as run_pipeline
from pipelines.local.tasks import Executor
from store.datasets import DatasetStore
from store.interface import Store
from store.ledger import Ledger
from store.objects import check_name, open_store
from store.plans import read_plan

LIST_SUFFIXES = ("", ".txt", ".csv", ".lst", ".list", ".tsv")
SAMPLE = "sample"


def read_sources(text: str) -> str:
    """Returns the text itself, or the contents of the file that it names. A file without an ending may also be a recording."""
    path = Path(os.path.expanduser(text))  # noqa: PTH111  # pathlib's raises for an unknown user
    if "\n" not in text and len(text) < 4096 and path.suffix.casefold() in LIST_SUFFIXES and path.is_file():
        with path.open("rb") as file:
            if not path.suffix and not is_text(file.read(START_BYTES)):
                return text
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise StageError(f"expected a list of sources as UTF-8 text in {path}, found other bytes: {error.reason}") from None
    return text


@contextlib.contextmanager
def alone(runs: Path, name: str) -> Iterator[None]:
    """Locks the dataset for this run, because a run beside it would count its recordings as lost."""
    path = runs / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageError(f"another run of dataset {name} is at work in {runs}: wait until it ends") from None
        yield


def default_runs(store: Store) -> Path:
    """Returns the default folder for artifacts of runs: inside a store that is a folder, beside the default store for a bucket."""
    return Path("data", "runs", store.uri.removeprefix("s3://")) if "://" in store.uri else Path(store.uri, "runs")


def make_executor(runner: str, store: Store, runs: Path, sources: str) -> Executor:
    """Makes the executor for the tasks of the current deployment; raises StageError if something is missing."""
    if runner == "embedded":
        return embedded.executor({stage.image: embedded.program(stage) for stage in STAGES})
    docker.check_images(stage.image for stage in STAGES)
    return docker.executor({stage.image: stage.needs for stage in STAGES}, docker.Place(store.uri, runs, sources))


def by_kind(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Splits the options of a run into settings of stages and names of models."""
    return {n: value for n, value in options.items() if n not in SLOTS}, {n: options[n] for n in SLOTS}


def check_run(sources: str, name: str, settings: Mapping[str, Any], models: Mapping[str, str]) -> None:
    """Rejects arguments that are invalid wherever the run is executed."""
    if name == SAMPLE and sources != "sample:":
        raise click.UsageError(f"expected --dataset NAME for your own sources, found none: {SAMPLE!r} is the bundled sample's")
    check_name(name)
    for stage in STAGES:
        check_settings(stage.name, {setting: settings[f"{stage.name}_{setting}"] for setting in stage.settings})
    if models[REFERENCE.parameter] not in ("", AUTO, NONE) and not settings["diarize_enabled"]:
        raise StageError(f"reference: expected diarize_enabled true for {models[REFERENCE.parameter]}, found false: leave one of them out")
    if settings["extract_enabled"] and models[EXTRACT.parameter] in ("", AUTO, NONE):
        raise StageError(f"extract_model: expected a model for extract_enabled, found {NONE}: name one (docs/voicefilter.md)")
    if settings["extract_enabled"] and not settings["diarize_enabled"]:
        raise StageError("extract_enabled: expected diarize_enabled true, found false: leave one of them out")


def give_back(store_uri: str, name: str, run_id: str) -> None:
    """Does not count the run as an attempt at its recordings. Prints an error of the store, but does not hide the run's own error."""
    try:
        Ledger(open_store(store_uri), name).interrupted(run_id)
    except StageError as error:
        click.echo(f"this run counts as an attempt at its recordings, since the store does not answer: {error}", err=True)


def default_jobs() -> int:
    """Returns the number of shards that a run processes at the same time by default."""
    return max(1, (os.cpu_count() or 1) // 2)


def this_machine(jobs: int) -> Machine:
    """Returns what this machine has for a run."""
    return Machine(room.cores(), room.memory_mb(), jobs)


def make_room(machine: Machine, costs: Costs) -> room.Room:
    """Returns the room of a machine for tasks that cost this much."""
    stages = costs.stages
    return room.Room(
        machine.cores,
        machine.memory_mb,
        peak_mb=lambda stage: stages[stage].peak_memory_mb,
        weight=lambda stage: stages[stage].start_seconds + stages[stage].cpu_seconds_per_hour,
    )


@dataclass(frozen=True)
class Place:
    """Where runs on this machine keep their results, and how they use the machine."""

    store: Store
    runner: str
    """embedded or docker."""
    runs: Path
    """Folder for artifacts and their cache."""
    jobs: int
    """Number of shards to process at the same time."""
    allow_private: bool


@dataclass(frozen=True)
class Work:
    """What a run is to do, with the choices of its options made."""

    sources: str
    settings: Mapping[str, Any]
    deployment: Deployment
    execute: Executor
    """Runs its tasks."""
    models: Mapping[Slot, Model]
    transcripts: str
    """A line about who writes the transcripts."""


def settled(place: Place, sources: str, name: str, options: Mapping[str, Any]) -> Work:
    """Checks the options of a run, chooses its models and puts them into the store.

    Raises StageError if an option is invalid or the runner lacks something; nothing is written then.
    """
    settings, models, transcripts = settle(*by_kind(options), lambda: place.store)
    check_run(sources, name, settings, models)
    sources, logins = without_logins(read_sources(sources))
    remember(logins)  # the stages get them as secrets, so that no parameter, file or log holds them
    deployment = Deployment(gpu=environments.has_gpu(), azure=uses_azure(settings))
    with deployed(deployment):
        execute = make_executor(place.runner, place.store, place.runs, sources)
    with Transfers() as transfers:
        for parameter, slot in SLOTS.items():
            fetch_preferred(place.store, slot, models[parameter], transfers.show)
    chosen = {slot: choose(place.store, slot, models[parameter]) for parameter, slot in SLOTS.items()}
    return Work(sources, settings, deployment, execute, chosen, transcripts)


def make_version(place: Place, name: str, work: Work) -> Forecast:
    """Runs the pipeline, which makes a version of a dataset. Returns what is known of the time that it took."""
    store, settings = place.store, work.settings
    arguments = {"sources": work.sources, "dataset": name, "store": store.uri, "allow_private": place.allow_private} | dict(settings)
    arguments |= {slot.parameter: str(local_folder(store, slot, model, place.runs)) for slot, model in work.models.items()}
    run_id, machine, pipeline = new_run_id(), this_machine(place.jobs), build(work.deployment)
    costs = costs_of(rates.load(), STAGES, SHARD_STAGES, settings, stages_before(pipeline.pipeline_spec))
    try:
        with alone(place.runs, name), Display() as display, reported(store, name, run_id, settings):
            root = place.runs / place.runner  # the kinds of runs do not share a cache
            forecast = Forecast(costs, machine, lambda shard: [item.seconds for item in read_plan(store, shard)], display)
            execute = room.bounded(forecast.following(work.execute), make_room(machine, costs))
            with forecast.shown():
                run_pipeline(pipeline, arguments, root=root, execute=execute, run_id=run_id, jobs=place.jobs, display=display)
            display.line("run", forecast.account())
    except (KeyboardInterrupt, RunError) as end:
        if not isinstance(end, RunError) or end.mendable:
            give_back(store.uri, name, run_id)
        raise
    return forecast


def print_choices(work: Work) -> None:
    """Prints who writes the transcripts, and the models of a run."""
    click.echo(work.transcripts)
    for slot, model in work.models.items():
        print_choice(slot, model)


def run_options(command: click.Command) -> click.Command:
    """Adds the options of a run on this machine, those of its stages among them."""
    for option in _OPTIONS:
        option(command)
    return with_settings(*STAGES)(command)


_OPTIONS = (
    click.option(
        "--sources",
        default="sample:",
        show_default=True,
        metavar="TEXT|FILE",
        help="YouTube videos, playlists and channels, RSS feeds, podbbang channels, media URLs, and files and folders, also in "
        "buckets. Separate them with commas or lines, or name a file that lists them. # starts a comment. A path with a comma or "
        "# stands on a line of its own, or in quotes.",
    ),
    click.option("--dataset", "name", default=SAMPLE, show_default=True, metavar="NAME", help="The dataset that gets a new version."),
    store_option,
    click.option(
        "--runner",
        type=click.Choice(["embedded", "docker"]),
        default="embedded",
        show_default=True,
        help="embedded: each stage in its virtual environment; docker: each stage in a container of its image, which `make images` builds.",
    ),
    click.option(
        "--runs",
        type=click.Path(file_okay=False, path_type=Path),
        show_default="runs/ in the store, data/runs/BUCKET for a bucket",
        metavar="FOLDER",
        help="Folder for the artifacts of runs and their cache.",
    ),
    click.option("--allow-private", is_flag=True, help="Also fetch from loopback and private addresses."),
    click.option(
        "--jobs",
        type=click.IntRange(1),
        default=default_jobs(),
        show_default="half the processors",
        metavar="N",
        help="Number of shards to process at the same time.",
    ),
)


def place_of(store_uri: str, runner: str, runs: Path | None, jobs: int, allow_private: bool) -> Place:
    """Returns the place of runs that the options of a command name."""
    store = open_store(store_uri)
    return Place(store, runner, (runs or default_runs(store)).resolve(), jobs, allow_private)


@run_options
@click.command("run", cls=GroupedCommand)
def command(
    sources: str, name: str, store_uri: str, runner: str, runs: Path | None, allow_private: bool, jobs: int, **options: Any
) -> None:
    """Make a version of a dataset from sources.

    The run takes results of interrupted and earlier runs from the cache. A run that finds nothing new publishes no version.
    """
    place = place_of(store_uri, runner, runs, jobs, allow_private)
    work = settled(place, sources, name, options)
    print_choices(work)
    make_version(place, name, work)
    click.echo()
    if DatasetStore(place.store, name).versions():
        show(place.store, name)
        click.echo(f"its report, with clips to listen to: speechmill dataset report {name} --store {place.store.uri} --open")
    else:
        click.echo(f"dataset {name} in {place.store.uri} has no version yet: no audio was found")
        show_left_out(place.store, name)
