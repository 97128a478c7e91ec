"""`speechmill submit`: runs the dataset pipeline on a cluster."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from components.deployment import LOCAL, Deployment
from components.shared.task import StageError
from pipelines.cluster.client import Kubeflow, run_name
from pipelines.commands.cluster import arguments, compiled_for, connection_options, deployment_options, run_options, slot_uris, uploaded
from pipelines.commands.options import GroupedCommand
from pipelines.commands.runs import parameters_of, wait
from pipelines.dataset import SHARD_STAGES, SHARDS_AT_ONCE, STAGES, build
from pipelines.local import rates
from pipelines.local.estimate import cluster, costs_of, estimate, sentence
from pipelines.local.graph import stages_before


@run_options
@click.command("submit", cls=GroupedCommand)
@click.option("--wait", "waits", is_flag=True, help="Follow the run to its end; exit with status 1 if it fails.")
@click.option(
    "--until-done",
    is_flag=True,
    help="Follow the run, and start further ones until no shard is left: a run has at most discover_max_shards. Ends at the first run that "
    "fails.",
)
@deployment_options
@connection_options
def command(
    sources: str,
    name: str,
    store_uri: str,
    allow_private: bool,
    waits: bool,
    until_done: bool,
    deployment: Deployment,
    connected: Callable[[], Kubeflow],
    **settings: Any,
) -> None:
    """Make a version of a dataset from sources, on a cluster.

    Tasks that earlier runs finished come from Kubeflow's cache. A run that finds nothing new publishes nothing.
    """
    given, models = arguments(sources, name, store_uri, allow_private, settings)
    kubeflow = connected()
    refuse_second(kubeflow, given)
    given |= slot_uris(given["store"], models)
    version = uploaded(kubeflow, compiled_for(deployment, given))
    click.echo(per_hour(given))
    while True:
        run = kubeflow.submit(version, run_name(name), given)
        click.echo(f"run {run}")
        if not waits and not until_done:
            click.echo(f"follow it: speechmill runs wait {run}")
            return
        shards = wait(kubeflow, run, given)
        if not until_done or shards < settings["discover_max_shards"]:
            return


def per_hour(given: Mapping[str, Any]) -> str:
    """Returns a line about what an hour of audio costs with these settings: how many hours there are is known when discover has run."""
    costs = costs_of(rates.load(), STAGES, SHARD_STAGES, given, stages_before(build(LOCAL).pipeline_spec))
    hour = estimate(costs, [1.0], 0, cluster(STAGES, SHARDS_AT_ONCE))
    return f"{sentence(hour)} in a shard; {SHARDS_AT_ONCE} shards at a time. More: speechmill estimate --on cluster"


def refuse_second(kubeflow: Kubeflow, given: dict[str, Any]) -> None:
    """Refuses a second run of a dataset: simultaneous runs would count each other's recordings as lost."""
    for run in kubeflow.runs_at_work():
        if all(parameters_of(run).get(key) == given[key] for key in ("dataset", "store")):
            raise StageError(f"another run of dataset {given['dataset']} is at work: speechmill runs wait {run.run_id}, or runs stop")
