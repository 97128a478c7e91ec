"""`speechmill dataset log`: tells systems of lineage and experiments of a version."""

import click

from pipelines.commands.shared import print_out, store_option
from pipelines.commands.versions import version_option
from pipelines.datasets import lineage, tracking
from pipelines.datasets.facts import facts_of
from store.datasets import DatasetStore
from store.objects import open_store


@click.command("log")
@click.argument("name")
@version_option
@click.option(
    "--openlineage", is_flag=True, help="Send START and COMPLETE of the run that made the version to where OPENLINEAGE_URL and others say."
)
@click.option("--mlflow", "url", metavar="URL", help="Log the version as an input of a run on this MLflow server.")
@click.option("--experiment", metavar="NAME", help="With --mlflow: the experiment of a new run; default: Default.")
@click.option("--run-id", metavar="ID", help="With --mlflow: the run that uses the version; default: a new one.")
@store_option
def log_dataset(
    name: str, number: int | str | None, openlineage: bool, url: str | None, experiment: str | None, run_id: str | None, store_uri: str
) -> None:
    """Tell OpenLineage or MLflow of a version of dataset NAME. Nothing is sent unless one of them is given."""
    if not openlineage and not url:
        raise click.UsageError("expected --openlineage or --mlflow URL, found neither")
    if (experiment or run_id) and not url:
        raise click.UsageError("--experiment and --run-id: expected them with --mlflow, found them without it")
    store = open_store(store_uri)
    dataset = DatasetStore(store, name)
    facts = facts_of(store.uri, dataset, dataset.version(number))
    what = f"version {facts.version.number} of dataset {name}"
    if openlineage:
        print_out(f"sent {what} to OpenLineage as run {lineage.log_version(facts)}")
    if url:
        run = tracking.log_version(url, facts, experiment=experiment or "", run_id=run_id or "")
        print_out(f"logged {what}, digest {facts.identity}, as an input of MLflow's run {run}")
