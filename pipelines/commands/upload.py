"""`speechmill upload`: uploads the pipelines of this code to Kubeflow."""

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
    """Upload each pipeline as a version named by the commit and the pipeline's hash, unless it exists.

    You can then start runs from Kubeflow's page. If AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY give access to
    the store, the default models are added to it if they are missing.
    """
    check_bucket(store_uri)
    store, kubeflow = store_uri.rstrip("/"), connected()
    try:
        access()
    except StoreError as error:
        click.echo(f"not checked whether {store} has the default models of runs from Kubeflow's page: {error}")
    else:
        _push(store)
    for build in PIPELINES:
        uploaded(kubeflow, compile_pipeline(build, replace(deployment, azure=azure)))


def _push(store: str) -> None:
    """Adds the default models to a store; prints the parameters for Kubeflow's page if it is not the default store."""
    push_bundled(open_store(store))
    if store != STORE:
        click.echo(f"parameters for Kubeflow's page, for a run with the store {store}:")
        for parameter, slot in SLOTS.items():
            click.echo(f"  {parameter} {uri(store, slot, bundled(slot))}")
