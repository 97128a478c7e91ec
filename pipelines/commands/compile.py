"""`speechmill compile`: writes the pipelines as files for Kubeflow."""

from dataclasses import replace
from pathlib import Path

import click

from components.deployment import Deployment
from pipelines.cluster.compilation import compile_pipeline
from pipelines.commands.cluster import PIPELINES, azure_option, deployment_options


@click.command("compile")
@deployment_options
@azure_option
@click.option("--out", "folder", default="build", show_default=True, type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER")
def command(deployment: Deployment, azure: bool, folder: Path) -> None:
    """Write each pipeline as a YAML file for Kubeflow: dataset.yaml, dataset-gpu.yaml with --gpu, dataset-azure.yaml with --azure."""
    for compiled in [compile_pipeline(build, replace(deployment, azure=azure)) for build in PIPELINES]:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{compiled.name}.yaml"
        path.write_text(compiled.text, encoding="utf-8")
        click.echo(f"{path}, {compiled.digest}")
