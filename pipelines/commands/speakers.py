"""`speechmill speakers …`: the voices of a dataset, their corrections (corrections.py), and the calibration of similarities."""

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from components.publish.speakers import encoder_of
from components.shared.encoders import ENCODERS, vectors_of
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import from_table
from components.shared.task import StageError, one_line
from components.shared.voices import Voice
from pipelines.commands.corrections import merge_speakers, name_speaker, split_speaker
from pipelines.commands.shared import print_out, store_option
from pipelines.commands.versions import version_option
from pipelines.datasets.calibration import Calibration, calibrate, curve, doubts, leave_one_out, plot_det
from store.datasets import DatasetStore, Version, speaker_names
from store.objects import open_store

SAME, OTHER = "same", "other"
SIMILARITY_OPTION, JOIN_OPTION = "--publish-min-similarity", "--publish-join-similarity"
PLOTS = (".png", ".svg")

Scores = Mapping[str, Sequence[float]]
"""Similarities of the clips labeled SAME and OTHER."""


@click.group("speakers")
def command() -> None:
    """List, name, merge and split a dataset's voices, and calibrate the similarity threshold that separates them."""


for corrects in (name_speaker, merge_speakers, split_speaker):
    command.add_command(corrects)


@command.command("list")
@click.argument("name", metavar="DATASET")
@version_option
@store_option
def list_speakers(name: str, number: int | str | None, store_uri: str) -> None:
    """List the voices of DATASET by id and name, the one with the most speech first."""
    dataset = DatasetStore(open_store(store_uri), name)
    version = dataset.version(number)
    groups: dict[str, Counter[str]] = {}
    for table in dataset.tables(version, ("samples", "speaker", "gender", "similarity", "kept")):
        _count(groups, table)
    if not groups.keys() - {""}:
        print_out(f"no speakers in version {version.number} of dataset {name}: diarize was switched off, or found no speech")
        return
    total, names = sum(g["samples"] for g in groups.values()), speaker_names(version.lineage)
    table = Table("speaker", "name", "seconds", "share", "kept seconds", "clips", "gender", "similarity", box=None)
    for speaker, own in sorted(groups.items(), key=lambda voice: (not voice[0], -voice[1]["samples"], voice[0])):
        gender = max(("female", "male", ""), key=lambda g: own[f"gender {g}"])
        similarity = f"{own['similarity'] / own['compared']:.3f}" if own["compared"] else ""
        kept, seconds = own["kept"] / SAMPLE_RATE_HZ, own["samples"] / SAMPLE_RATE_HZ
        shown = (speaker or "unknown", names.get(speaker, ""))
        table.add_row(*shown, f"{seconds:.1f}", f"{own['samples'] / total:.1%}", f"{kept:.1f}", str(own["clips"]), gender, similarity)
    print_out(table)


def _count(groups: dict[str, Counter[str]], table: pa.Table) -> None:
    """Adds the clips of a table to the sums of each speaker."""
    sums = table.group_by(["speaker", "gender", "kept"], use_threads=False).aggregate(
        [("samples", "sum"), ("samples", "count"), ("similarity", "sum"), ("similarity", "count")]
    )
    for row in sums.to_pylist():
        own = groups.setdefault(row["speaker"], Counter())
        own["samples"] += row["samples_sum"]
        own["clips"] += row["samples_count"]
        own["kept"] += row["samples_sum"] * row["kept"]
        own[f"gender {row['gender']}"] += row["samples_sum"]
        own["similarity"] += row["similarity_sum"] or 0
        own["compared"] += row["similarity_count"]


@command.command("calibrate")
@click.option("--same", multiple=True, type=click.Path(exists=True, path_type=Path), metavar="FOLDER|FILE", help="Clips of the voice.")
@click.option("--other", multiple=True, type=click.Path(exists=True, path_type=Path), metavar="FOLDER|FILE", help="Clips of other voices.")
@click.option("--reference", metavar="NAME[/VERSION]", help="Reference of the store to compare them with.")
@click.option(
    "--reference-files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FOLDER|FILE",
    help="Clean utterances of the voice, instead of a reference.",
)
@click.option("--engine", type=click.Choice(list(ENCODERS)), default="campplus", show_default=True, help="Encoder that hears the files.")
@click.option("--dataset", "name", metavar="NAME", help="A dataset that holds the clips, instead of files.")
@click.option(
    "--labels", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV", help="Its labels, in the columns clip,label."
)
@click.option("--reviewed", metavar="SPEAKER", help="Instead of labels: clips that reviewers say are of this speaker, or of others.")
@click.option(
    "--false-accept-rate",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="Largest share of other voices' clips to accept; a lower one gives a higher threshold.",
)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="PNG|SVG", help="Draw the DET curve into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@version_option
@store_option
def calibrate_speakers(
    same: tuple[Path, ...],
    other: tuple[Path, ...],
    reference: str | None,
    reference_files: tuple[Path, ...],
    engine: str,
    name: str | None,
    labels: Path | None,
    reviewed: str | None,
    false_accept_rate: float,
    plot: Path | None,
    as_json: bool,
    number: int | str | None,
    store_uri: str,
) -> None:
    """Measure on labeled clips how well the similarity separates a voice from others, and suggest a threshold.

    Either give audio files: --same and --other, each as often as you like, with --reference or --reference-files; each file is one
    clip. Or give --dataset with --labels, a CSV file with the columns clip and label (same or other), or with --reviewed, the id of a
    speaker: then the similarities come from the dataset or, if it was made without a reference, are computed to the mean voice of the
    clips labeled same. The last line printed is the option for `speechmill run` or `speechmill dataset select`.
    """
    _check_options(same, other, reference, reference_files, name, labels, reviewed, plot)
    left_out: dict[str, str] = {}
    option = SIMILARITY_OPTION
    if name:
        dataset = DatasetStore(open_store(store_uri), name)
        given = _labelled(labels) if labels else _reviewed(dataset, dataset.version(number), reviewed or "")
        scores, option = _of_dataset(dataset, number, given)
    else:
        scores, left_out = _of_files(same, other, reference, reference_files, engine, store_uri)
    for label in (SAME, OTHER):
        if not scores[label]:
            lost = "".join(f"; {file}: {reason}" for file, reason in left_out.items())
            raise StageError(f"expected clips labeled {label} with a voice in them, found none{lost}")
    found = calibrate(scores[SAME], scores[OTHER], false_accept_rate)
    if plot:
        plot_det({name or "clips": curve(scores[SAME], scores[OTHER])}, plot, (found.false_accept_rate, found.miss_rate))
    if as_json:
        click.echo(json.dumps({**asdict(found), "option": option, "warnings": doubts(found), "left_out": left_out}, ensure_ascii=False))
    else:
        _print_calibration(found, option, left_out, plot)


def _check_options(
    same: Sequence[Path],
    other: Sequence[Path],
    reference: str | None,
    reference_files: Sequence[Path],
    name: str | None,
    labels: Path | None,
    reviewed: str | None,
    plot: Path | None,
) -> None:
    if name or labels or reviewed:
        if not name or bool(labels) == bool(reviewed) or same or other or reference or reference_files:
            raise click.UsageError("expected --dataset together with --labels or --reviewed, and no audio files or reference beside them")
    elif not (same and other) or bool(reference) == bool(reference_files):
        raise click.UsageError(
            "expected --same, --other and one of --reference and --reference-files; or --dataset and --labels or --reviewed"
        )
    if plot and plot.suffix.casefold() not in PLOTS:
        raise click.UsageError(f"--plot: expected a name that ends in {' or '.join(PLOTS)}, found {plot}")
    if plot and not plot.resolve().parent.is_dir():
        raise click.UsageError(f"--plot: expected a folder {plot.resolve().parent}, found none")


def _labelled(path: Path) -> dict[str, str]:
    """Reads labels by clip from a CSV file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            lines = [(table.line_num, row.get("clip"), row.get("label")) for row in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StageError(f"expected a CSV file in UTF-8 with the columns clip and label in {path}, found something else: {error}") from None
    if not {"clip", "label"} <= set(table.fieldnames or ()):
        raise StageError(f"expected the columns clip and label in {path}, found {', '.join(table.fieldnames or ()) or 'none'}")
    found: dict[str, str] = {}
    for line, clip, label in lines:
        if not clip or label not in (SAME, OTHER):
            raise StageError(
                f"expected a clip and {SAME} or {OTHER} in line {line} of {path}, found {clip or 'no clip'}, {label or 'no label'}"
            )
        if found.setdefault(clip, label) != label:
            raise StageError(f"expected one label of the clip {clip} in {path}, found both")
    return found


def _reviewed(dataset: DatasetStore, version: Version, speaker: str) -> dict[str, str]:
    """Labels by clip: of those whose speaker a person named, SAME if it is this one."""
    found: dict[str, str] = {}
    for table in dataset.tables(version, ("clip", "speaker_truth")):
        own = table.filter(pc.not_equal(table["speaker_truth"], "")).to_pydict()
        found |= {c: SAME if s == speaker else OTHER for c, s in zip(own["clip"], own["speaker_truth"], strict=True)}
    if set(found.values()) != {SAME, OTHER}:
        raise StageError(
            f"expected clips that reviewers say are of {one_line(speaker)} and of others in version {version.number} of dataset "
            f"{dataset.name}, found {sum(v == SAME for v in found.values())} of {len(found)}: review more clips (docs/review.md)"
        )
    return found


def _of_dataset(dataset: DatasetStore, number: int | str | None, labels: Mapping[str, str]) -> tuple[Scores, str]:
    """Returns the scores of a dataset's labeled clips, and the option of publish that they calibrate."""
    version = dataset.version(number)
    rows = {r.clip: r for r in _labelled_rows(dataset, version, labels)}
    if missing := [clip for clip in labels if clip not in rows]:
        raise StageError(
            f"expected the labeled clips in version {version.number} of dataset {dataset.name}, found no {missing[0]} and "
            f"{len(missing) - 1} more: clips are cut again when the settings of a stage before `publish` change"
        )
    clips = {label: [rows[c] for c, given in labels.items() if given == label] for label in (SAME, OTHER)}
    if all(r.similarity is not None for own in clips.values() for r in own):
        if len(references := sorted({r.reference for own in clips.values() for r in own})) > 1:
            raise StageError(f"expected clips compared with one reference, found {', '.join(references)}: label clips of one of them")
        return {label: [r.similarity for r in own if r.similarity is not None] for label, own in clips.items()}, SIMILARITY_OPTION
    if silent := [r.clip for own in clips.values() for r in own if not r.vector]:
        raise StageError(f"expected a voice in every labeled clip, found none in {', '.join(silent)}: switch diarize on, or leave them out")
    if len(clips[SAME]) < 2 or not clips[OTHER]:
        raise StageError(
            f"expected two clips or more labeled {SAME} and one labeled {OTHER}, found {len(clips[SAME])} and {len(clips[OTHER])}"
        )
    own, others = ([_voice(r) for r in clips[label]] for label in (SAME, OTHER))
    scored = leave_one_out(own, others, vectors_of(encoder_of(r.voice_by for of_label in clips.values() for r in of_label)))
    return {label: scores.tolist() for label, scores in zip((SAME, OTHER), scored, strict=True)}, JOIN_OPTION


def _labelled_rows(dataset: DatasetStore, version: Version, labels: Collection[str]) -> list[DatasetRow]:
    """The rows of some clips of a version; a clip that it does not have has none."""
    wanted = pa.array(sorted(labels), pa.string())
    tables = (t.filter(pc.is_in(t["clip"], value_set=wanted)) for t in dataset.tables(version))
    return [r for table in tables for r in from_table(DatasetRow, table)]


def _voice(row: DatasetRow) -> Voice:
    """The voice of a clip that has a vector."""
    seconds = row.samples / SAMPLE_RATE_HZ
    return Voice(np.frombuffer(row.vector, "<f4").astype(np.float64) * seconds, seconds)


def _of_files(
    same: Sequence[Path], other: Sequence[Path], reference: str | None, reference_files: Sequence[Path], engine: str, store_uri: str
) -> tuple[Scores, dict[str, str]]:
    """Returns the scores of labeled files, and the reasons why other files have none."""
    from pipelines.inputs.voices import similarities
    from pipelines.local.display import Display

    files = {SAME: _media(same), OTHER: _media(other)}
    if both := {f.resolve() for f in files[SAME]} & {f.resolve() for f in files[OTHER]}:
        raise StageError(f"expected each file under one label, found {min(both)} under both")
    console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder, Display(console) as display:
        scratch = Path(folder)
        voice = (
            _make_reference(_media(reference_files), scratch) if reference_files else _stored_reference(store_uri, reference or "", scratch)
        )
        near, left_out = similarities([*files[SAME], *files[OTHER]], voice, scratch, display, engine)
    scores = {label: [near[f] for f in own if f in near] for label, own in files.items()}
    return scores, {str(file): reason for file, reason in left_out.items()}


def _make_reference(files: Sequence[Path], scratch: Path) -> Path:
    """Makes a temporary reference from files."""
    from pipelines.inputs.media import VOICE_REFERENCE, make

    folder = scratch / "reference"
    folder.mkdir()
    make(VOICE_REFERENCE, folder, "files", files, licence="")
    return folder


def _stored_reference(store_uri: str, wanted: str, scratch: Path) -> Path:
    """Returns a reference of the store as a local folder."""
    from pipelines.inputs.slots import REFERENCE, find, local_folder

    store = open_store(store_uri)
    found = find(store, REFERENCE, wanted)
    return found if isinstance(found, Path) else local_folder(store, REFERENCE, found, scratch)


def _media(paths: Sequence[Path]) -> list[Path]:
    """Returns the files, and the media files below the folders, without duplicates."""
    from components.discover.media import audio_files

    found: dict[Path, Path] = {}
    for path in paths:
        inside = audio_files(path).files if path.is_dir() else [path]
        if not inside:
            raise StageError(f"expected audio files in {path}, found none")
        found |= {f.resolve(): f for f in inside}
    return list(found.values())


def _print_calibration(found: Calibration, option: str, left_out: Mapping[str, str], plot: Path | None) -> None:
    for file, reason in left_out.items():
        print_out(f"left out: {file}: {reason}")
    print_out(f"{found.same_clips} clips of the voice, {found.other_clips} of others")
    print_out(
        f"equal error rate {found.equal_error_rate:.2%} (95 % of a bootstrap: {found.equal_error_rate_low:.2%} to "
        f"{found.equal_error_rate_high:.2%}) at a threshold of {found.equal_error_threshold:.3f}"
    )
    print_out(
        f"threshold for at most {100 * found.wanted_false_accept_rate:g} % false accepts: {found.threshold:.3f}, which accepts "
        f"{found.false_accept_rate:.2%} of the others and misses {found.miss_rate:.2%} of the voice"
    )
    for line in doubts(found):
        print_out(f"warning: {line}")
    if plot:
        print_out(f"wrote the DET curve to {plot}")
    print_out(f"{option} {found.threshold:.3f}")
