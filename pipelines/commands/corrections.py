"""`speechmill speakers name`, `merge` and `split`: what a person knows better of a dataset's speakers."""

import re
import tempfile
from pathlib import Path
from typing import Any

import click

from components.publish.corrections import Correction, check_speakers, merge_of, naming_of, split_of
from components.publish.identities import identities
from components.publish.publish import Batch, Published, publish
from components.publish.rules import parse
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.rules import DOMINANT, SETTINGS, SPEAKER_ID
from components.shared.table import schema
from components.shared.task import Lineage, StageError, one_line
from pipelines.commands.shared import new_run_id, print_out, store_option
from store.datasets import DatasetStore, Version, rules, speaker_names
from store.models import REFERENCES, ModelStore
from store.objects import check_name, open_store

RESERVED = (DOMINANT, "unknown", "none", "auto")
"""Names that mean something else where names of speakers are given."""

dataset_option = click.option("--dataset", required=True, metavar="NAME", help="The dataset that has the speaker.")


@click.command("name")
@click.argument("name")
@click.argument("speaker")
@dataset_option
@store_option
def name_speaker(name: str, speaker: str, dataset: str, store_uri: str) -> None:
    """Give the name NAME to SPEAKER (s0001) of a dataset.

    The best kept clips of the speaker become the reference NAME of the store: `speechmill run --reference NAME` compares voices with
    it. A new version of the dataset has the name, and later runs of all datasets of the store name speakers whose voice is this one.
    """
    from pipelines.inputs.enrollment import enroll

    if check_name(name, "reference") in RESERVED or re.fullmatch(SPEAKER_ID, name):
        raise StageError(f"expected the name of a person, found {name}, which means something else: choose another name")
    store = open_store(store_uri)
    datasets = DatasetStore(store, dataset)
    version = datasets.version()
    _check_id(speaker)
    check_speakers({s.speaker: s.clips for s in datasets.speakers(version)}, identities(version), [speaker])
    with tempfile.TemporaryDirectory(prefix="speechmill-") as scratch:
        made, clips = enroll(datasets, version, speaker, name, _wanted(version)["join_similarity"], Path(scratch))
        references = ModelStore(store, REFERENCES)
        older = [m.version for m in references.versions(name) if m.version != made.version]
        references.push(Path(scratch, "reference"))
    seconds, before = sum(r.samples for r in clips) / SAMPLE_RATE_HZ, f"; its version before was {older[0]}" if older else ""
    print_out(f"the reference {name}, version {made.version}, holds {len(clips)} clips of {speaker}, {seconds:.1f} s{before}")
    done = publish_correction(store_uri, dataset, naming_of(speaker, name, f"{made.name}/{made.version}"))
    if not done.made:
        print_out(f"nothing changes in dataset {dataset}: {speaker} is {name} already")
        return
    for other in done.made.lineage["correction"]["before"]:
        print_out(f"{other} was {name} and has no name now: if both are, `speechmill speakers merge {speaker} {other} --dataset {dataset}`")
    _print_made(done, dataset, f"{speaker} is {name}")


@click.command("merge")
@click.argument("speakers", nargs=-1, required=True, metavar="SPEAKER SPEAKER…")
@dataset_option
@store_option
def merge_speakers(speakers: tuple[str, ...], dataset: str, store_uri: str) -> None:
    """Make one speaker of several: all their clips, and those of later runs, get the id of the first one."""
    _check_id(*speakers)
    done = publish_correction(store_uri, dataset, merge_of(speakers[0], speakers[1:]))
    assert done.made
    said = done.made.lineage["correction"]
    others = ", ".join(f"{s} ({_amount(amount)})" for s, amount in said["clips"].items())
    _print_made(done, dataset, f"merged {others} into {_shown(done, said['into'])}")


@click.command("split")
@click.argument("speaker")
@click.option(
    "--clips",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ids of clips, one a line; lines that begin with # are left out.",
)
@dataset_option
@store_option
def split_speaker(speaker: str, file: Path, dataset: str, store_uri: str) -> None:
    """Make a new speaker of some clips of SPEAKER. Clips of later runs go to the one of both that is nearer."""
    _check_id(speaker)
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise StageError(f"expected ids of clips as text in UTF-8 in {file}, found something else: {error}") from None
    clips = {line for line in lines if line and not line.startswith("#")}
    done = publish_correction(store_uri, dataset, split_of(speaker, clips))
    assert done.made
    said = done.made.lineage["correction"]
    _print_made(done, dataset, f"split {_amount(said['clips'])} off {_shown(done, speaker)}: they are of the new speaker {said['into']}")


def _check_id(*speakers: str) -> None:
    if wrong := [s for s in speakers if not re.fullmatch(SPEAKER_ID, s)]:
        raise StageError(f"expected ids of speakers such as s0001, found {one_line(wrong[0])}: see `speechmill speakers list`")


def publish_correction(store_uri: str, dataset: str, correction: Correction) -> Published:
    """Publishes a version with a correction; rules, stages and sources stay as they are."""
    store = open_store(store_uri)
    wanted = _wanted(DatasetStore(store, dataset).version())
    batch = Batch(accounts=[], rows=schema(DatasetRow).empty_table(), fingerprints=lambda: iter(()), sources_sha256="", lineage=Lineage({}))
    return publish(store, dataset, new_run_id(), batch, parse(wanted), correction)


def _wanted(version: Version) -> dict[str, Any]:
    """The rules of a version; rules that are newer than it have their defaults."""
    return {s.name: s.default for s in SETTINGS} | rules(version.lineage)


def _print_made(done: Published, dataset: str, what: str) -> None:
    assert done.made
    print_out(f"{what}: version {done.made.number} of dataset {dataset} has {done.speakers['count']} speakers")
    for speaker in done.recognized:
        print_out(f"{_shown(done, speaker)} was recognized by its voice")


def _shown(done: Published, speaker: str) -> str:
    name = speaker_names(done.made.lineage).get(speaker, "") if done.made else ""
    return f"{speaker} ({name})" if name else speaker


def _amount(amount: dict[str, float]) -> str:
    return f"{amount['clips']} clips, {amount['seconds']:.1f} s"
