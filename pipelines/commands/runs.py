"""`speechmill runs …`: shows, follows and stops runs on a cluster."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import click
from rich.table import Table

from components.shared.task import StageError
from pipelines.cluster.client import ENDED, Kubeflow, state_of
from pipelines.cluster.follow import follow, progress
from pipelines.cluster.remaining import Weights
from pipelines.cluster.workflow import FAILED, RunError, failure, own_lines, read, stage_name
from pipelines.commands.cluster import connection_options
from pipelines.commands.prune import prune
from pipelines.commands.run import give_back as count_against_none
from pipelines.commands.shared import print_out, show_failures
from pipelines.dataset import SHARD_STAGES, SHARDS_AT_ONCE, STAGES
from pipelines.local import rates
from pipelines.local.estimate import cluster, costs_of
from store.ledger import Ledger
from store.objects import open_store

_SEARCHED = 1000
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
run_argument = click.argument("run_id", metavar="RUN")


@click.group("runs")
def command() -> None:
    """Show, follow and stop runs on a cluster, and prune what runs leave. RUN is a run's id or its first characters."""


@command.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), metavar="N", help="The newest N runs.")
@connection_options
def list_runs(limit: int, connected: Callable[[], Kubeflow]) -> None:
    """List the newest runs: state, dataset, version of the pipeline, start, duration."""
    kubeflow = connected()
    table = Table("run", "state", "dataset", "pipeline", "started", "took", box=None)
    for run in islice(kubeflow.runs(), limit):
        table.add_row(run.run_id, state_of(run).lower(), dataset_of(run), kubeflow.version_name(run), *_times(run))
    print_out(table if table.rows else "no runs")


@command.command("show")
@run_argument
@connection_options
def show_run(run_id: str, connected: Callable[[], Kubeflow]) -> None:
    """Show the stages of a run, and why they wait or failed.

    With AWS_ENDPOINT_URL and the credentials of the store, also the recordings that it could not fetch, by reason.
    """
    kubeflow = connected()
    run = find(kubeflow, run_id)
    started, took = _times(run)
    print_out(f"run {run.run_id}, {state_of(run).lower()}: dataset {dataset_of(run)}, started {started}, took {took}")
    print_out(f"pipeline {kubeflow.version_name(run) or 'without a version'}")
    table = Table("stage", "shard", "state", "seconds", "", box=None)
    workflow = read(kubeflow.manifest(run.run_id))
    for task in workflow.tasks:
        said = failure(task, kubeflow.log(run.run_id, task.node)).error if task.state == FAILED else task.hindrance
        table.add_row(task.stage, str(task.shard or ""), task.state, f"{task.seconds:.0f}" if task.seconds is not None else "", said)
    print_out(table if table.rows else "no stage has begun")
    if run.state not in ENDED and (left := progress(workflow, weights_of(parameters_of(run)))):
        print_out(left)
    show_lost(parameters_of(run), run.run_id)


@command.command("logs")
@run_argument
@click.argument("stage")
@click.argument("shard", type=click.IntRange(1), required=False)
@connection_options
def show_logs(run_id: str, stage: str, shard: int | None, connected: Callable[[], Kubeflow]) -> None:
    """Print the output of STAGE of a run, for one SHARD or for all."""
    kubeflow = connected()
    run = find(kubeflow, run_id).run_id
    tasks = [t for t in read(kubeflow.manifest(run)).tasks if t.stage in (stage, stage_name(stage)) and shard in (None, t.shard)]
    if not tasks:
        raise StageError(f"expected a stage of the run that has begun, found no {stage} {shard or ''}".rstrip())
    for task in tasks:
        lines = own_lines(kubeflow.log(run, task.node))
        for line in lines or [f"nothing printed: {task.state}"]:
            click.echo(f"{task.name:>12} | {line}")


@command.command("wait")
@run_argument
@connection_options
def wait_for_run(run_id: str, connected: Callable[[], Kubeflow]) -> None:
    """Follow a run to its end, and succeed or fail as it does.

    If it failed for a reason that the user can fix, it does not count as an attempt at its recordings; this needs AWS_ENDPOINT_URL and
    the credentials of the store. Also use it for a run of a schedule that has failed already.
    """
    kubeflow = connected()
    run = find(kubeflow, run_id)
    wait(kubeflow, run.run_id, parameters_of(run))


@command.command("stop")
@run_argument
@connection_options
def stop_run(run_id: str, connected: Callable[[], Kubeflow]) -> None:
    """Stop a run and its pods. Finished work is kept for the next run.

    With AWS_ENDPOINT_URL and the credentials of the store, the run does not count as an attempt at its recordings.
    """
    kubeflow = connected()
    run = find(kubeflow, run_id)
    if run.state in ENDED:
        raise StageError(f"expected a run that is at work, found {run.run_id} {state_of(run).lower()}")
    kubeflow.stop(run.run_id)
    give_back(parameters_of(run), run.run_id)
    click.echo(f"run {run.run_id} is ending")


def show_lost(parameters: Mapping[str, Any], run: str) -> None:
    """Prints the recordings that a run planned and could not fetch, if the environment has the store's address."""
    store, dataset = parameters.get("store"), parameters.get("dataset")
    if store and dataset and "AWS_ENDPOINT_URL" in os.environ:
        show_failures([row for row in Ledger(open_store(store), dataset).noted() if row.run == run])


def wait(kubeflow: Kubeflow, run: str, parameters: Mapping[str, Any]) -> int:
    """Follows a run and returns the number of its shards; Ctrl-C does not stop it.

    A failure that no recording caused does not count as an attempt at its recordings.
    """
    try:
        return follow(kubeflow, run, weights_of(parameters))
    except KeyboardInterrupt:
        print(f"the run goes on: speechmill runs wait {run}, or runs stop", file=sys.stderr)
        raise SystemExit(130) from None
    except RunError as error:
        if error.mendable:
            give_back(parameters, run)
        raise


def weights_of(parameters: Mapping[str, Any]) -> Weights:
    """Returns what the stages of a run weigh with its settings."""
    place = cluster(STAGES, SHARDS_AT_ONCE)
    tasks = costs_of(rates.load(), STAGES, SHARD_STAGES, parameters, {}).works([1.0], place)
    seconds = {task.stage: task.start_seconds + task.cpu_seconds / task.cores for task in tasks}
    return Weights(seconds, frozenset(stage.name for stage in SHARD_STAGES), SHARDS_AT_ONCE)


def give_back(parameters: Mapping[str, Any], run: str) -> None:
    """Does not count a run as an attempt at its recordings. A run that makes no dataset, such as a training, has none."""
    store, dataset = parameters.get("store"), parameters.get("dataset")
    if not store or not dataset:
        return
    if "AWS_ENDPOINT_URL" in os.environ:
        count_against_none(store, dataset, run)
    else:
        click.echo("this run counts as an attempt at its recordings, since no AWS_ENDPOINT_URL leads to the store", err=True)


def find(kubeflow: Kubeflow, run_id: str) -> Any:
    """Returns the run with this id, of any experiment, or the listed run whose id starts with it."""
    if _ID.fullmatch(run_id):
        return kubeflow.run(run_id)
    found = [r for r in islice(kubeflow.runs(), _SEARCHED) if r.run_id.startswith(run_id)]
    if len(found) != 1:
        raise StageError(f"expected the id of one run, found {len(found)} for {run_id!r}: speechmill runs list")
    return found[0]


def dataset_of(run: Any) -> str:
    """Returns the dataset of a run or a schedule."""
    return str(parameters_of(run).get("dataset", ""))


def parameters_of(run: Any) -> dict[str, Any]:
    """Returns the parameters of a run or a schedule."""
    return (run.runtime_config.parameters if run.runtime_config else None) or {}


def _times(run: Any) -> tuple[str, str]:
    ended = run.finished_at if run.state in ENDED and run.finished_at and run.finished_at.year > 1970 else datetime.now(UTC)
    took = timedelta(seconds=round((ended - run.created_at).total_seconds()))
    return f"{run.created_at.astimezone():%Y-%m-%d %H:%M:%S %Z}", str(took)


command.add_command(prune)
