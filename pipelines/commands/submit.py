"""`speechmill submit`: runs the dataset pipeline on a cluster."""

from collections.abc import Callable
from typing import Any

import click

from components.deployment import Deployment
from components.shared.task import StageError
from pipelines.cluster.client import Kubeflow, run_name
from pipelines.commands.cluster import arguments, compiled_for, connection_options, deployment_options, run_options, slot_uris, uploaded
from pipelines.commands.options import GroupedCommand
from pipelines.commands.runs import parameters_of, wait


@run_options
@click.command("submit", cls=GroupedCommand)
@click.option("--wait", "waits", is_flag=True, help="Follow the run to its end; exit with status 1 if it fails.")
@deployment_options
@connection_options
def command(
    sources: str,
    name: str,
    store_uri: str,
    allow_private: bool,
    waits: bool,
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
    run = kubeflow.submit(version, run_name(name), given)
    click.echo(f"run {run}")
    if waits:
        wait(kubeflow, run, given)
    else:
        click.echo(f"follow it: speechmill runs wait {run}")


def refuse_second(kubeflow: Kubeflow, given: dict[str, Any]) -> None:
    """Refuses a second run of a dataset: simultaneous runs would count each other's recordings as lost."""
    for run in kubeflow.runs_at_work():
        if all(parameters_of(run).get(key) == given[key] for key in ("dataset", "store")):
            raise StageError(f"another run of dataset {given['dataset']} is at work: speechmill runs wait {run.run_id}, or runs stop")
