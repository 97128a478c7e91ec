"""Options of the commands for Kubeflow, and the checks that they make before they connect."""

import functools
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from components.deployment import Deployment
from components.discover.sources import parse as parse_sources
from components.shared.logins import without_logins
from components.shared.model import parse
from components.shared.network import public_url
from components.shared.task import MODEL, StageError
from pipelines import dataset, training
from pipelines.cluster.client import Kubeflow, connect, pipeline_name
from pipelines.cluster.compilation import Compiled, compile_pipeline, version_name, version_tags
from pipelines.commands.options import with_settings
from pipelines.commands.run import SAMPLE, by_kind, check_run, read_sources
from pipelines.commands.shared import print_choice
from pipelines.dataset import STAGES, STORE
from pipelines.inputs.slots import SLOTS, Slot, choose, own, uri
from pipelines.inputs.transcription import settle, uses_azure
from store.objects import open_store

MAX_SOURCES_BYTES = 64 * 1024
"""Limit of the encoded sources: a pod gets them in one variable of at most 128 KiB, in `publish` together with a part per shard."""

Function = Callable[..., Any]

_NAME = "[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL = re.compile(rf"(?:[a-z0-9][a-z0-9.-]{{0,251}}[a-z0-9]/)?{_NAME}=(?:{_NAME})?")
_OWN_LABELS = "speechmill/"
_MOST_HOURS = 10_000.0
"""More than a year; Kubeflow stores seconds in 32 bits."""

PIPELINES = (dataset.build, training.build)
"""The functions that build the pipelines."""

MOST_SHARDS = 16
"""Argo stores a run in one object of at most 1 MiB; the tasks of a shard take 46 kB of it (docs/decisions.md)."""


def deployment_options(function: Function) -> Function:
    """Adds the options of a deployment to a command, which gets the argument `deployment`."""

    @click.option("--gpu", is_flag=True, help="Request a GPU for each stage that can use one.")
    @click.option(
        "--registry",
        default="",
        envvar="SPEECHMILL_REGISTRY",
        metavar="HOST/PREFIX/",
        help="Registry of the images; empty if the nodes already have them. [env var: SPEECHMILL_REGISTRY]",
    )
    @click.option(
        "--label",
        "labels",
        multiple=True,
        callback=_labels,
        metavar="KEY=VALUE",
        help="A label for the pods of all stages, e.g. kueue.x-k8s.io/queue-name=speech. Repeat the option for more labels.",
    )
    @click.option(
        "--deadline-hours",
        default=0.0,
        type=click.FloatRange(0, _MOST_HOURS),
        metavar="HOURS",
        help="End a run that takes longer than this. 0 sets no deadline.  [default: 0]",
    )
    @click.option(
        "--ttl-hours",
        default=0.0,
        type=click.FloatRange(0, _MOST_HOURS),
        metavar="HOURS",
        help="Remove the Workflow and the pods of a run this long after its end. Kubeflow still lists the run, and `runs show` and "
        "`runs logs` still work. 0 keeps the setting of the cluster.  [default: 0]",
    )
    @functools.wraps(function)
    def command(
        *args: Any, gpu: bool, registry: str, labels: dict[str, str], deadline_hours: float, ttl_hours: float, **options: Any
    ) -> Any:
        prefix = f"{registry.rstrip('/')}/" if registry else ""
        deployment = Deployment(prefix, gpu, labels=labels, deadline_hours=deadline_hours, ttl_hours=ttl_hours)
        return function(*args, deployment=deployment, **options)

    return command


def _labels(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Parses `KEY=VALUE` texts into labels."""
    for text in texts:
        if not _LABEL.fullmatch(text):
            raise click.BadParameter(f"expected KEY=VALUE with a key and a value that are valid in a label of Kubernetes, found {text!r}")
        if text.startswith(_OWN_LABELS):
            raise click.BadParameter(f"expected a label outside {_OWN_LABELS}, which network policies use, found {text!r}")
    return dict(text.split("=", 1) for text in texts)


azure_option = click.option(
    "--azure", is_flag=True, help="Give transcribe the internet and the key of Azure Speech, for runs with the engine azure."
)


def connection_options(function: Function) -> Function:
    """Adds the connection options to a command, which gets the argument `connected`: a function that connects."""

    @click.option(
        "--host",
        envvar=["KFP_HOST", "KF_PIPELINES_ENDPOINT"],
        metavar="URL",
        help="URL of Kubeflow. Default: the cluster of this pod, or the cluster in the kubeconfig. [env var: KFP_HOST]",
    )
    @click.option(
        "--namespace", envvar="KFP_NAMESPACE", default="kubeflow", show_default=True, help="Namespace of the runs. [env var: KFP_NAMESPACE]"
    )
    @click.option(
        "--token-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="File with the token for Kubeflow. The variable KFP_TOKEN can hold the token instead.",
    )
    @click.option(
        "--ca-cert",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="Certificate of the authority that signed Kubeflow's.",
    )
    @click.option("--kube-context", "context", metavar="NAME", help="Context in the kubeconfig. Default: the current context.")
    @click.option("--experiment", default="speechmill", show_default=True, metavar="NAME", help="Kubeflow's experiment for the runs.")
    @functools.wraps(function)
    def command(*args: Any, token_file: Path | None, **options: Any) -> Any:
        token = (token_file.read_text(encoding="utf-8", errors="replace") if token_file else os.environ.get("KFP_TOKEN", "")).strip()
        if not (token.isascii() and token.isprintable()):
            raise StageError("expected a token of one line of ASCII in --token-file or KFP_TOKEN, found other characters")
        way = {name: options.pop(name) for name in ("host", "namespace", "ca_cert", "context", "experiment")}
        return function(*args, connected=functools.partial(connect, token=token or None, **way), **options)

    return command


bucket_option = click.option(
    "--store", "store_uri", default=STORE, show_default=True, metavar="s3://BUCKET", help="Bucket of the datasets."
)


def run_options(command: click.Command) -> click.Command:
    """Adds the options of `run` that apply to a cluster: `sources`, `name`, `store_uri`, `allow_private` and every setting."""
    for option in (
        click.option(
            "--sources",
            default="sample:",
            show_default=True,
            metavar="TEXT|FILE",
            help="YouTube videos, playlists and channels, RSS feeds, podbbang channels and media URLs, separated by commas or lines; or a "
            "file that lists them. Everyone who can see the runs on Kubeflow sees them, including tokens in URLs.",
        ),
        click.option("--dataset", "name", default=SAMPLE, show_default=True, metavar="NAME", help="Dataset that gets a new version."),
        bucket_option,
        click.option("--allow-private", is_flag=True, help="Also fetch from loopback and private addresses."),
    ):
        command = option(command)
    return with_settings(*STAGES)(command)


def arguments(
    sources: str, name: str, store_uri: str, allow_private: bool, options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the parameters of a run on a cluster and the requested models; prints the engine of transcripts.

    Raises:
        StageError: A cluster cannot run with these options.
    """
    settings, models, line = settle(*by_kind(options), lambda: open_store(store_uri))
    check_run(sources, name, settings, models)
    check_bucket(store_uri)
    if not 0 < settings["discover_max_shards"] <= MOST_SHARDS:
        raise StageError(
            f"discover_max_shards: expected 1 to {MOST_SHARDS}, since Kubernetes keeps no larger run of Kubeflow, found "
            f"{settings['discover_max_shards']}: start runs until one finds nothing new, or make larger shards (discover_shard_seconds)"
        )
    text, logins = without_logins(read_sources(sources))
    if logins:
        raise StageError(
            f"sources: expected no passwords, which whoever sees the run could read, found one for {public_url(logins[0])}: "
            "give it to the cluster as the secret speechmill-logins (docs/operating.md)"
        )
    for source in parse_sources(text):
        if source.kind == "local":
            raise StageError(f"sources: {source.name} is on this machine, and a cluster cannot read it: give a URL that a pod can reach")
    if (size := _handed_over_bytes(text)) > MAX_SOURCES_BYTES:
        raise StageError(
            f"sources: expected at most {MAX_SOURCES_BYTES // 1024} KiB, the limit for a pod of a cluster, found {size / 1024:.0f}: "
            "name feeds or playlists instead of their entries, or use several runs"
        )
    click.echo(line)
    return {"sources": text, "dataset": name, "store": store_uri.rstrip("/"), "allow_private": allow_private, **settings}, models


def check_bucket(store_uri: str) -> None:
    """Refuses a store that is not in a bucket."""
    if not store_uri.startswith("s3://"):
        raise StageError(
            f"expected a bucket such as s3://speechmill in --store, found {store_uri}: a cluster cannot read folders of this machine"
        )


def _handed_over_bytes(text: str) -> int:
    """Returns the bytes of a parameter in a pod's variable: JSON (executor input) in JSON (patch of the pod) in JSON (Argo's template)."""
    for _ in range(3):
        text = re.sub("[&<>]", r"\\u0026", json.dumps(text, ensure_ascii=False))
    return len(text.encode())


def slot_uris(store_uri: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Returns the URI of the requested model in each slot, and prints it; adds it to the store if it is missing there.

    Without AWS_ENDPOINT_URL the store is not checked: full URIs and bundled models are then assumed to be there.

    Raises:
        StageError: There is no such model, or the store would have to be checked and cannot be reached.
    """
    return {parameter: _slot_uri(store_uri, SLOTS[parameter], name) for parameter, name in wanted.items()}


def _slot_uri(store_uri: str, slot: Slot, wanted: str) -> str:
    prefix, unseen = f"{store_uri}/{slot.folder}/", f"; not checked whether {store_uri} has it"
    if not os.environ.get("AWS_ENDPOINT_URL"):
        if wanted.startswith(prefix):
            click.echo(f"{slot.use} {wanted.removeprefix(prefix)}{unseen}")
            return wanted
        if folder := own(slot, wanted):
            print_choice(slot, parse(folder / MODEL), unseen)
            return uri(store_uri, slot, parse(folder / MODEL))
    model = choose(open_store(store_uri), slot, wanted)
    print_choice(slot, model)
    return uri(store_uri, slot, model)


def compiled_for(deployment: Deployment, parameters: Mapping[str, Any]) -> Compiled:
    """Compiles the dataset pipeline for a deployment, with Azure if it writes the transcripts."""
    return compile_pipeline(dataset.build, replace(deployment, azure=uses_azure(parameters)))


def uploaded(kubeflow: Kubeflow, compiled: Compiled) -> Any:
    """Uploads a pipeline if Kubeflow does not have it; prints and returns its version."""
    version, new = kubeflow.upload(compiled, version_name(compiled), version_tags(compiled))
    click.echo(f"pipeline {pipeline_name(compiled)}: version {version.display_name} " + ("uploaded" if new else "is there"))
    return version
