"""`speechmill dataset history`: the story of one clip."""

from typing import Any

import click
from rich.table import Table

from components.shared.task import one_line
from pipelines.commands.shared import print_out, store_option
from pipelines.commands.versions import json_option, print_json
from pipelines.datasets.clip_history import clip_history
from pipelines.datasets.diff_text import clock
from store.datasets import DatasetStore
from store.objects import open_store


@click.command("history")
@click.argument("name")
@click.argument("clip")
@json_option
@store_option
def show_history(name: str, clip: str, as_json: bool, store_uri: str) -> None:
    """Tell the story of one CLIP of dataset NAME: its source, what measured it, and what each version decided of it and why."""
    dataset = DatasetStore(open_store(store_uri), name)
    dataset.version()
    found = clip_history(dataset, clip)
    if as_json:
        print_json(found)
        return
    for making in found["made"]:
        _print_making(making)
    table = Table("version", "made", "run", "clip", "speaker", "why", box=None)
    for said in found["versions"]:
        speaker = f"{said['speaker']} ({said['name']})" if said.get("name") else said.get("speaker", "")
        table.add_row(str(said["version"]), said["made"], said["run"], _decision(said), one_line(speaker), one_line(said.get("why", "")))
    print_out(table)


def _decision(said: dict[str, Any]) -> str:
    if not said["has_it"]:
        return "not in it"
    return "kept" if said["kept"] else f"rejected: {said['reason'].partition(':')[0].replace('_', ' ')}"


def _print_making(making: dict[str, Any]) -> None:
    """Prints where a clip is from and its measurements, a line each, and the stages that made them."""
    seconds = f"{clock(making['start_seconds'])} to {clock(making['end_seconds'])}"
    print_out(one_line(f"{making['title'] or making['recording']}, {seconds}"))
    print_out("  " + one_line(f"from {making['url']}, made by run {making['run']}"))
    for group, said in making["measurements"].items():
        values = [f"{name} {_shown(value)}" for name, value in said["values"].items()]
        print_out("  " + one_line(f"{group}: {', '.join(values) or 'not measured'}"))
        for stage, facts in said["stages"].items() if values else ():
            parts = {**facts.get("models", {}), **facts.get("settings", {})}
            settings = ", ".join(f"{name} {_shown(value)}" for name, value in parts.items() if value not in ("", None))
            print_out("    " + one_line(f"by {stage}, image {facts.get('image', 'unknown')}{': ' if settings else ''}{settings}"))


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
