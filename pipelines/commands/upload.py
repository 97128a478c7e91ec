"""`speechmill upload`: this code's pipelines as versions on Kubeflow."""

from collections.abc import Callable
from dataclasses import replace

import click

from components.deployment import Deployment
from pipelines.commands.cluster import azure_option, connection_options, deployment_options, uploaded
from pipelines.compilation import PIPELINES
from pipelines.dataset import STORE
from pipelines.kubeflow import Kubeflow
from pipelines.slots import push_bundled
from store.minio import access
from store.objects import StoreError, open_store


@click.command("upload")
@deployment_options
@azure_option
@connection_options
def command(deployment: Deployment, azure: bool, connected: Callable[[], Kubeflow]) -> None:
    """Upload each pipeline as a version named by the commit and the pipeline's hash; nothing if it is there.

    Its runs can then be started from Kubeflow's page. The models that they get by default are put into the store if they
    are missing there, where AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY lead to it.
    """
    kubeflow = connected()
    try:
        access()
    except StoreError as error:
        click.echo(f"nobody has looked whether {STORE} has the models that runs from Kubeflow's page get: {error}")
    else:
        push_bundled(open_store(STORE))  # what the pipeline has as its defaults
    for name in PIPELINES:
        uploaded(kubeflow, replace(deployment, azure=azure), name)
