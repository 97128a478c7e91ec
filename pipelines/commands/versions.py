"""`speechmill dataset list`, `versions`, `show`, `tag`, `untag`, `tags` and `rollback`: the versions of a dataset and their names."""

import dataclasses
import json
from typing import Any

import click
from rich.table import Table

from components.shared.task import one_line
from pipelines.commands.shared import new_run_id, print_out, rules_of, show, store_option, summary
from pipelines.datasets.rollback import roll_back
from pipelines.datasets.summary import as_time, datasets_json, moves_json, summary_json, summary_of, version_json
from store.datasets import DatasetStore, dataset_names
from store.ledger import Ledger
from store.objects import open_store
from store.tags import TagStore, check_tag, tags_of
from store.upgrade import is_old


class VersionType(click.ParamType[int | str]):
    """The number of a version, or a tag."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        text = str(value)
        if not (text.isascii() and text.isdigit()):
            return text
        if int(text) < 1:
            self.fail(f"expected a number from 1 on, or a tag, found {text}", param, ctx)
        return int(text)


VERSION = VersionType()

version_option = click.option(
    "--version", "number", type=VERSION, metavar="N|TAG", help="Number of the version, or one of its tags; default: the newest."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def print_json(what: Any, indent: int | None = None) -> None:
    """Prints one JSON object, on one line unless it is to be indented; dataclasses are objects, too."""
    click.echo(json.dumps(what, indent=indent, ensure_ascii=False, default=dataclasses.asdict))


@click.command("list")
@json_option
@store_option
def list_datasets(as_json: bool, store_uri: str) -> None:
    """List the datasets of a store with their newest versions."""
    store = open_store(store_uri)
    names = dataset_names(store)
    others = sorted(set(store.folders("datasets/")) - set(names))
    old = [name for name in names if is_old(store, name)]
    names = [name for name in names if name not in old]
    if as_json:
        print_json({"store": store.uri, "datasets": datasets_json(store, names), "left_out": [*others, *old]})
        return
    table = Table("dataset", "version", "made", "kept", "tags", box=None)
    for name in names:
        for version in DatasetStore(store, name).versions()[-1:]:
            table.add_row(name, *summary(version), _tags_line(TagStore(store, name).tags()))
    print_out(table if table.rows else f"no datasets in {store.uri}")
    for name in others:
        print_out(f"left out: the folder {one_line(name)!r} in datasets/, whose name is none of a dataset")
    for name in old:
        print_out(f"left out: {name}, in the form of an earlier release: `speechmill dataset upgrade {name}`")


def _tags_line(tags: dict[str, int]) -> str:
    return ", ".join(f"{tag} (version {number})" for tag, number in tags.items())


@click.command("versions")
@click.argument("name")
@json_option
@store_option
def list_versions(name: str, as_json: bool, store_uri: str) -> None:
    """List the versions of dataset NAME with their time, kept duration, run, tags and rules."""
    store = open_store(store_uri)
    dataset = DatasetStore(store, name)
    dataset.version()
    versions, tags = dataset.versions(), TagStore(store, name).tags()
    if as_json:
        print_json({"dataset": name, "versions": [version_json(v, tags_of(tags, v.number)) for v in versions]})
        return
    table = Table("version", "made", "kept", "run", "tags", "rules", box=None)
    for version in versions:
        table.add_row(*summary(version), version.run, ", ".join(tags_of(tags, version.number)), rules_of(version))
    print_out(table)


@click.command("show")
@click.argument("name")
@version_option
@json_option
@store_option
def show_dataset(name: str, number: int | str | None, as_json: bool, store_uri: str) -> None:
    """Show a version of dataset NAME: its clips, the seconds kept and rejected by reason, and failed recordings."""
    store = open_store(store_uri)
    if as_json:
        print_json(summary_json(summary_of(store, name, number), Ledger(store, name).noted()))
    else:
        show(store, name, number)


@click.command("tag")
@click.argument("name")
@click.argument("tag")
@click.option("--version", "number", type=VERSION, metavar="N|TAG", help="The version that gets it; default: the newest.")
@json_option
@store_option
def add_tag(name: str, tag: str, number: int | str | None, as_json: bool, store_uri: str) -> None:
    """Give a version of dataset NAME the name TAG. A tag that another version has moves to this one.

    Every command with --version takes a tag, too.
    """
    store = open_store(store_uri)
    check_tag(tag)
    version = DatasetStore(store, name).version(number)
    before = TagStore(store, name).move(tag, version.number)
    if as_json:
        print_json({"dataset": name, "tag": tag, "version": version.number, "before": before})
    elif before == version.number:
        print_out(f"nothing changes: {tag} is version {version.number} of dataset {name}")
    else:
        moved = f"; it was version {before}" if before else ""
        print_out(f"{tag} is version {version.number} of dataset {name}{moved}")


@click.command("untag")
@click.argument("name")
@click.argument("tag")
@json_option
@store_option
def remove_tag(name: str, tag: str, as_json: bool, store_uri: str) -> None:
    """Remove a tag from dataset NAME. The version stays."""
    store = open_store(store_uri)
    DatasetStore(store, name).version()
    before = TagStore(store, name).remove(tag)
    if as_json:
        print_json({"dataset": name, "tag": tag, "version": None, "before": before})
    else:
        print_out(f"{tag} is removed from dataset {name}; it was version {before}")


@click.command("tags")
@click.argument("name")
@click.option("--history", is_flag=True, help="List when each tag was given, moved and removed.")
@json_option
@store_option
def list_tags(name: str, history: bool, as_json: bool, store_uri: str) -> None:
    """List the tags of dataset NAME with their versions."""
    store = open_store(store_uri)
    DatasetStore(store, name).version()
    tags = TagStore(store, name)
    if as_json:
        print_json({"dataset": name, "tags": tags.tags()} | ({"history": moves_json(tags.history())} if history else {}))
        return
    if history:
        table = Table("when", "tag", "from version", "to version", box=None)
        for move in tags.history():
            table.add_row(as_time(move.timestamp_ms), move.tag, str(move.before or ""), str(move.after or "removed"))
    else:
        table = Table("tag", "version", box=None)
        for tag, number in tags.tags().items():
            table.add_row(tag, str(number))
    print_out(table if table.rows else f"no tags in dataset {name}")


@click.command("rollback")
@click.argument("name")
@click.argument("number", type=VERSION, metavar="N|TAG")
@json_option
@store_option
def roll_back_dataset(name: str, number: int | str, as_json: bool, store_uri: str) -> None:
    """Make a new version of dataset NAME that equals version N, or the one with TAG.

    No version is lost: the versions in between stay, and you can go back to them. Recordings that are not in the new version are
    planned again by the next run whose sources list them.
    """
    store = open_store(store_uri)
    done = roll_back(store, name, new_run_id(), number)
    if as_json:
        print_json({"dataset": name, "rolled_back_to": done.to, "version": done.made and done.made.number, "planned_again": done.planned})
        return
    if not done.made:
        print_out(f"nothing changes: the newest version of dataset {name} equals version {done.to}")
        return
    clips = done.made.lineage["clips"]
    print_out(f"version {done.made.number} of dataset {name} equals version {done.to}: {clips['kept']} of {clips['all']} clips kept")
    if done.planned:
        print_out(f"{len(done.planned)} recordings are not in it: the next run whose sources list them makes their clips again")


COMMANDS = (list_datasets, list_versions, show_dataset, add_tag, remove_tag, list_tags, roll_back_dataset)
"""The commands of this module, for the group `dataset`."""
