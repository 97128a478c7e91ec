"""`speechmill upload`: this code's pipelines as versions on Kubeflow."""

from collections.abc import Callable
from dataclasses import replace

import click

from components.deployment import Deployment
from pipelines.cluster.client import Kubeflow
from pipelines.cluster.compilation import compile_pipeline
from pipelines.commands.cluster import (
    PIPELINES,
    azure_option,
    bucket_option,
    check_bucket,
    connection_options,
    deployment_options,
    uploaded,
)
from pipelines.dataset import STORE
from pipelines.inputs.slots import SLOTS, bundled, uri
from store.bundled import push_bundled
from store.interface import StoreError
from store.minio import access
from store.objects import open_store


@click.command("upload")
@bucket_option
@deployment_options
@azure_option
@connection_options
def command(store_uri: str, deployment: Deployment, azure: bool, connected: Callable[[], Kubeflow]) -> None:
    """Upload each pipeline as a version named by the commit and the pipeline's hash; nothing if it is there.

    Its runs can then be started from Kubeflow's page. The models that they get by default are put into the store if they
    are missing there, where AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY lead to it.
    """
    check_bucket(store_uri)
    store, kubeflow = store_uri.rstrip("/"), connected()
    try:
        access()
    except StoreError as error:
        click.echo(f"nobody has looked whether {store} has the models that runs from Kubeflow's page get: {error}")
    else:
        _push(store)
    for build in PIPELINES:
        uploaded(kubeflow, compile_pipeline(build, replace(deployment, azure=azure)))


def _push(store: str) -> None:
    """Puts what pipelines take by default into a store, and says what to fill in on Kubeflow's page where it is not the default one."""
    push_bundled(open_store(store))
    if store != STORE:
        click.echo(f"what a run with store {store} is given on Kubeflow's page:")
        for parameter, slot in SLOTS.items():
            click.echo(f"  {parameter} {uri(store, slot, bundled(slot))}")
