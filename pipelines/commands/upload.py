"""`speechmill upload`: this code's pipeline as a version on Kubeflow."""

from collections.abc import Callable

import click

from components.deployment import Deployment
from pipelines.commands.cluster import connection_options, deployment_options, uploaded
from pipelines.kubeflow import Kubeflow


@click.command("upload")
@deployment_options
@connection_options
def command(deployment: Deployment, connected: Callable[[], Kubeflow]) -> None:
    """Upload the pipeline as a version named by the commit and the pipeline's hash; nothing if it is there.

    Its runs can then be started from Kubeflow's page.
    """
    uploaded(connected(), deployment)
