"""`speechmill dataset export`: a version of a dataset as files for people, training tools and programs that show who speaks when."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError, one_line
from pipelines.commands.shared import print_out, store_option
from pipelines.commands.versions import version_option
from pipelines.datasets.described import describe, of_timelines
from pipelines.datasets.exports.choice import chosen
from pipelines.datasets.exports.kinds import KINDS
from pipelines.datasets.exports.sound import CODECS, LOSSLESS, LOSSY_RATES_HZ
from pipelines.datasets.exports.splits import RECORDING, SPEAKER, WHOLE, parse
from pipelines.datasets.exports.wanted import ALWAYS, COLUMNS, SHARD_BYTES, Wanted
from pipelines.datasets.exports.write import export, folder_of
from pipelines.datasets.facts import Facts, amounts, facts_of, total_seconds
from pipelines.datasets.folders import MANIFEST
from pipelines.datasets.formats import FORMATS
from pipelines.datasets.push import check, push
from pipelines.datasets.timelines import export_timelines
from store.datasets import DatasetStore
from store.objects import open_store

SHARD_MB = SHARD_BYTES / 1e6
_PREFIXED = ("nemo", "lhotse", "kaldi", "gpt-sovits")
"""Formats whose files have the paths of audio files."""


@click.command("export")
@click.argument("name")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="An empty or a new folder. The same command continues an export that was interrupted.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice([*KINDS, *FORMATS]),
    default="files",
    show_default=True,
    help="files: 1.flac, 2.flac …; jsonl: audio/<clip>.flac. For training: ljspeech, huggingface, nemo, lhotse, lhotse-shar, kaldi, "
    "webdataset, gpt-sovits (docs/exports.md). All with manifest.jsonl, one line per clip. rttm, textgrid (Praat), srt, eaf (ELAN): no "
    "sound, but who speaks when and what, in <recording>.rttm and so on, with manifest.jsonl, one line per recording.",
)
@click.option("--codec", type=click.Choice(sorted(CODECS)), help="Default: flac, or wav where readers need it. The others lose quality.")
@click.option("--sample-rate", type=click.IntRange(8000, 48_000), metavar="HZ", help="Of the sound; default: 44100.")
@click.option("--channels", type=click.IntRange(1, 2), help="Of the sound; default: 1. 2 are the same twice.")
@click.option("--split", metavar="NAME=SHARE,…", help="Folders for parts of the clips, such as train=0.9,dev=0.05,test=0.05.")
@click.option(
    "--split-by",
    type=click.Choice([SPEAKER, RECORDING]),
    help=f"What is in one split only, also in later versions: a speaker or a recording. Default: {SPEAKER}.",
)
@click.option("--where", metavar="SQL", help="Only clips for which it is true, such as \"dnsmos_ovrl > 3 and language = 'ko'\".")
@click.option("--columns", metavar="NAME,…", help="What manifests say of a clip; default: all. Ids, source and license are always there.")
@click.option(
    "--shard-mb",
    type=click.FloatRange(0.1, 100_000),
    metavar="MB",
    help=f"Greatest size of a file of huggingface, lhotse-shar and webdataset; default: {SHARD_MB:g}.",
)
@click.option(
    "--path-prefix", metavar="TEXT", help=f"Text before paths of audio in the files of {', '.join(_PREFIXED)}, such as /data/out/."
)
@click.option(
    "--all-clips", is_flag=True, help="Of srt and eaf: rejected clips too. An rttm has all turns, and a textgrid all clips, in any case."
)
@click.option("--push", "target", metavar="URI", help="Then upload the folder to hf://datasets/USER/NAME or s3://BUCKET/PREFIX.")
@version_option
@store_option
def export_dataset(
    name: str, folder: Path, kind: str, all_clips: bool, target: str | None, number: int | str | None, store_uri: str, **form: Any
) -> None:
    """Write the kept clips of dataset NAME for a person or a training tool, or its timelines in a format of other tools.

    Beside them are a dataset card, README.md, and a description in Croissant, croissant.json, both with the licenses.
    """
    wanted = None if kind in FORMATS else _wanted(kind, **form)
    _check(kind, form, all_clips)
    if target:
        check(target)
    store = open_store(store_uri)
    dataset = DatasetStore(store, name)
    facts = facts_of(store.uri, dataset, dataset.version(number))
    wrote, before = (
        _export_clips(dataset, facts, folder, wanted) if wanted else (_export_timelines(dataset, facts, folder, kind, all_clips), "")
    )
    version = f"version {facts.version.number} of dataset {name}"
    print_out(f"wrote {wrote} of {version}, manifest.jsonl, README.md and croissant.json to {folder}{before}")
    if target:
        _push(folder, target)


@click.command("push")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("uri")
def push_export(folder: Path, uri: str) -> None:
    """Upload FOLDER, which `dataset export` wrote, to URI: hf://datasets/USER/NAME or s3://BUCKET/PREFIX."""
    _push(folder, uri)


def _push(folder: Path, uri: str) -> None:
    try:
        print_out(f"uploaded {folder} to {push(folder, uri)}")
    except StageError as error:
        raise StageError(f"{error}: the export is in {folder}, and `speechmill dataset push {folder} {uri}` uploads it again") from None


def _check(kind: str, form: Mapping[str, Any], all_clips: bool) -> None:
    """Raises UsageError if an option is for other formats."""
    given = {f"--{name.replace('_', '-')}": value for name, value in form.items()}
    formats = {name: list(KINDS) for name in given}
    formats["--shard-mb"] = [name for name, own in KINDS.items() if own.sharded]
    formats["--path-prefix"] = [*_PREFIXED]
    given["--all-clips"], formats["--all-clips"] = all_clips or None, list(FORMATS)
    for option, value in given.items():
        if value is not None and kind not in formats[option]:
            known = ", ".join(formats[option][:-1])
            without = ", which has no sound" if kind in FORMATS else ""
            raise click.UsageError(f"{option}: expected it with --format {known} or {formats[option][-1]}, found it with {kind}{without}")


def _wanted(
    kind: str,
    codec: str | None,
    sample_rate: int | None,
    channels: int | None,
    split: str | None,
    split_by: str | None,
    where: str | None,
    columns: str | None,
    shard_mb: float | None,
    path_prefix: str | None,
) -> Wanted:
    """The form of an export of clips. Raises UsageError for what does not go together."""
    codecs = KINDS[kind].codecs
    if codec and codec not in codecs:
        raise click.UsageError(f"--codec: expected {' or '.join(codecs)} with --format {kind}, found {codec}")
    if codec and codec not in LOSSLESS and sample_rate and sample_rate not in LOSSY_RATES_HZ:
        raise click.UsageError(
            f"--sample-rate: expected one of {', '.join(map(str, LOSSY_RATES_HZ))} with --codec {codec}, found {sample_rate}"
        )
    if split_by and not split:
        raise click.UsageError("--split-by: expected it with --split, such as --split train=0.9,dev=0.05,test=0.05")
    try:
        splits = parse(split, split_by or SPEAKER) if split else None
    except ValueError as error:
        raise click.UsageError(f"--split: {error}") from None
    names = tuple(name.strip() for name in columns.split(",")) if columns else ()
    if unknown := [name for name in names if name not in (*COLUMNS, *ALWAYS)]:
        raise click.UsageError(f"--columns: expected names of {', '.join(COLUMNS)}, found {', '.join(unknown)}")
    return Wanted(
        kind,
        codec or codecs[0],
        sample_rate or SAMPLE_RATE_HZ,
        channels or 1,
        splits,
        names,
        where or "",
        round((shard_mb or SHARD_MB) * 1e6),
        path_prefix or "",
    )


def _export_clips(dataset: DatasetStore, facts: Facts, folder: Path, wanted: Wanted) -> tuple[str, str]:
    """Exports clips; returns what was written, and what is to be said of other clips."""
    clips = chosen(dataset, facts, wanted)
    described = partial(_describe, facts=facts, clips=clips, kind=wanted.kind, form=_said(wanted), data_files=_data_files(wanted))
    with _progress(f"exporting {facts.dataset}", total_seconds(clips)) as done:
        number, found = export(dataset, facts.version, folder, wanted, clips, done=done, describe=described)
    parts = {split.value: split.clips for split in amounts(clips, "split")}
    shown = f" ({', '.join(f'{name}: {parts[name]}' for name, _ in wanted.splits.shares)})" if wanted.splits else ""
    before = f"; {found} of them had been written by an export that was interrupted" if found else ""
    left = facts.kept.num_rows - number
    return f"{number} clips{shown}", before + (f"; {left} kept clips are not in it{_why(wanted)}" if left else "")


def _why(wanted: Wanted) -> str:
    """Why an export lacks kept clips."""
    whys = [
        *(["--where is not true for them"] if wanted.where else []),
        *([f"they have no {n}"] if (n := KINDS[wanted.kind].needs) else []),
    ]
    return f", because {' or '.join(whys)}"


def _export_timelines(dataset: DatasetStore, facts: Facts, folder: Path, kind: str, rejected: bool) -> str:
    """Exports timelines; returns what was written."""
    described = partial(_describe, facts=facts, clips=of_timelines(facts, kind, rejected), kind=kind)
    with _progress(f"exporting {facts.dataset}", 1) as done:
        wrote = export_timelines(dataset.store, dataset, facts.version, folder, kind=kind, rejected=rejected, done=done, describe=described)
    return f"{wrote.turns} turns and {wrote.clips} clips in {wrote.recordings} recordings"


def _describe(folder: Path, **known: Any) -> None:
    from pipelines.dataset import STAGES  # imports kfp

    describe(folder, **known, defaults={stage.name: {name: p.default for name, p in stage.settings.items()} for stage in STAGES})


def _said(wanted: Wanted) -> str:
    """What a person must know of the form of an export."""
    said = [f"The sound is {wanted.codec} with {wanted.rate_hz} Hz and {wanted.channels} channel{'s'[: wanted.channels - 1]}."]
    if wanted.where:
        condition = one_line(wanted.where).replace("`", "'")
        said.append(f"Only clips for which `{condition}` is true.")
    if wanted.splits:
        said.append(f"Split {wanted.splits}: a {wanted.splits.by} is in one split only.")
    return " ".join(said)


def _data_files(wanted: Wanted) -> str | list[dict[str, str]]:
    """The files that Hugging Face loads: the tables of each split, or else the manifest."""
    if wanted.kind != "huggingface":
        return MANIFEST
    names = [name for name, _ in wanted.splits.shares] if wanted.splits else [WHOLE]
    return [{"split": name, "path": (Path(folder_of(wanted, name)) / "*.parquet").as_posix()} for name in names]


@contextmanager
def _progress(what: str, total: float) -> Iterator[Callable[[float], None]]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(what, total=total)
        yield lambda amount: progress.advance(bar, amount)
