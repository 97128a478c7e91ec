"""`speechmill runs prune`: deletes what earlier runs left."""

import contextlib
from pathlib import Path

import click

from pipelines.commands.run import default_runs
from pipelines.commands.shared import print_out, store_option
from pipelines.commands.upkeep import Age, print_some
from pipelines.commands.versions import json_option, print_json
from pipelines.datasets.pruning import Pruner, no_run_at_work, pending
from store.objects import LocalStore, open_store


@click.command("prune")
@click.option("--older-than", "age_seconds", type=Age(), default="7d", show_default=True, metavar="AGE", help="Delete nothing younger.")
@click.option("--holding", multiple=True, metavar="RECORDING", help="Delete instead all that holds this recording, however young.")
@click.option("--runs", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER", help="Folder of runs on this machine.")
@click.option("--bucket", is_flag=True, help="Prune runs/ of the bucket, where a cluster's runs are.")
@click.option("--yes", is_flag=True, help="Delete it. Without this the command only says what it would delete.")
@json_option
@store_option
def prune(age_seconds: float, holding: tuple[str, ...], runs: Path | None, bucket: bool, yes: bool, as_json: bool, store_uri: str) -> None:
    """Delete the artifacts of earlier runs: 460 MB for each hour of audio.

    What later runs take up again stays: artifacts with recordings that are planned and not published. Runs with --discover-again then
    make everything anew. By default, it prunes the folder of the runs on this machine.
    """
    store = open_store(store_uri)
    if bucket and ("://" not in store.uri or runs):
        raise click.UsageError("--bucket: expected it with --store s3://BUCKET and without --runs")
    root = (runs or default_runs(store)).resolve()
    pruner = Pruner(store, "runs/", pending(store)) if bucket else Pruner(LocalStore(root), "", pending(store))
    with contextlib.nullcontext() if bucket else no_run_at_work(root):
        found = pruner.find(age_seconds, holding)
        if yes:
            pruner.delete(found)
    where = f"{store.uri}/runs" if bucket else str(root)
    names = {w.name: w.size_bytes for w in found.deleted}
    if as_json:
        print_json(
            {"runs": where, "deleted": yes, "bytes": found.size_bytes, "works": names, "young": found.young, "pending": found.pending},
            indent=2,
        )
        return
    print_some([f"{size_bytes / 1e6:.1f} MB  {name}" for name, size_bytes in names.items()])
    print_out(f"{len(names)} groups of artifacts with {found.size_bytes / 1e6:.1f} MB in {where}" + (", deleted" if yes else ""))
    if not holding:
        print_out(f"{found.young} are younger and stay; {found.pending} hold recordings that are not published yet, and stay")
    if names and not yes:
        print_out("nothing was deleted: --yes deletes it")
    if names and bucket:
        print_out("a cluster's cache still names them: see docs/upkeep.md before you start an older run again")
