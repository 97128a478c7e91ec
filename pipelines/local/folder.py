"""Runs one stage, after those that it depends on, on a folder of audio files; writes files of the same names."""

import dataclasses
import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from components.cut.component import cut
from components.denoise.component import denoise
from components.diarize.component import diarize
from components.discover.media import audio_files
from components.download.component import download
from components.extract.component import extract
from components.segment.component import segment
from components.separate.component import separate
from components.shared.audio import renditions
from components.shared.events import ClipEvents, events_of
from components.shared.extraction import Extraction
from components.shared.rows import Clip, Item, Quality, Recording, Segment, Speaker, Tone, Turn, Vector
from components.shared.table import read_rows, write_rows
from components.shared.task import one_line
from components.shared.transcript import Transcript
from components.stage import Stage
from components.tag_events.component import tag_events
from components.tag_quality.component import tag_quality
from components.tag_speaker.component import tag_speaker
from components.tag_tone.component import tag_tone
from components.transcribe.component import transcribe
from pipelines.datasets.export import AUDIO_SUFFIXES, convert, write_csv, write_textgrid
from pipelines.datasets.folders import ExportError, empty_folder
from pipelines.datasets.formats import UNKNOWN, rttm_line
from pipelines.local.display import Display
from pipelines.local.names import audio_names, result_names
from pipelines.local.single import run_stage
from store.objects import open_store
from store.plans import write_plan

_AUDIO_STAGES = (download, separate, extract, denoise)
_TAGS: dict[Stage, Any] = {tag_speaker: Speaker, tag_tone: Tone, tag_quality: Quality, tag_events: ClipEvents, transcribe: Transcript}
_TABLES, _TURNS = (".csv", ".TextGrid"), (".csv", ".rttm")
FOLDER_STAGES = (download, separate, segment, diarize, extract, cut, denoise, *_TAGS)

# The stage that makes each input. The files of a folder are used as voices: to remove music, run `separate` on them first.
_MAKERS = {
    "recordings": download,
    "voices": download,
    "segments": segment,
    "turns": diarize,
    "extracted": extract,
    "clips": cut,
    "clean": denoise,
}


def run_on_folder(
    stage: Stage,
    source: Path,
    target: Path,
    settings: Mapping[str, Any],
    scratch: Path,
    display: Display,
    models: Mapping[str, Mapping[str, Path]],
) -> None:
    """Runs a stage on all files below a folder; the stages before it have their default settings.

    Args:
        stage: One of FOLDER_STAGES.
        source: Folder with audio files.
        target: Empty or new folder for the results.
        settings: The stage's settings.
        scratch: Empty folder for intermediate results.
        display: Shows the output of the stages.
        models: Folders of models by stage and input.

    Raises:
        ExportError: There is no file, or a file could not be read; results of the others are written.
        RunError: A stage failed.
    """
    empty_folder(target)
    found = audio_files(source)
    if found.told:
        click.echo(f"{source}: {found.told}")
    items, failed = _items(found.files)
    failed += [f"{path}: it cannot be read" for path in found.unreadable]
    if not items:
        raise ExportError("; ".join([f"expected audio files in {source}, found none", *failed]))
    store = scratch / "store"
    shard = write_plan(open_store(str(store)), items.values())
    wiring = {"shard": shard, "store": str(store), "allow_private": False}
    made: dict[str, dict[str, Path]] = {}
    if stage is not extract:  # it is off, and so needs no turns
        made[extract.name] = {"extracted": scratch / "nothing"}
        (scratch / "nothing").mkdir(parents=True)
        write_rows(scratch / "nothing", Extraction, [])

    def run(one: Stage) -> dict[str, Path]:
        if one.name not in made:
            declared = one.component.component_spec.inputs or {}
            inputs = {name: next(iter(run(_MAKERS[name]).values())) for name in declared if name in _MAKERS}
            inputs |= models.get(one.name, {})
            parameters = {n: v for n, v in wiring.items() if n in declared} | dict(settings if one is stage else {})
            made[one.name] = run_stage(one, inputs, parameters, scratch, display)
        return made[one.name]

    artifacts = list(run(stage).values())
    otherwise = [run(denoise)["clean"]] if stage is extract else []
    recordings = {r.recording: r for r in read_rows(run(download)["recordings"], Recording)}
    clips = read_rows(run(cut)["clips"], Clip) if stage in (cut, *_TAGS) else []
    rows = {file.relative_to(source): recordings[item.recording] for file, item in items.items()}
    results = {name: recordings.get(row.duplicate_of, row) for name, row in rows.items()}  # a copy gets those of the first file
    failed += [f"{name}: {rows[name].reason}" for name, result in results.items() if not result.samples]
    paths = _paths(stage, [name for name, result in results.items() if result.samples], artifacts, os.pathconf(target, "PC_NAME_MAX"))
    written = 0
    for name, own in paths.items():
        try:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            _write(stage, artifacts, otherwise, clips, results[name], [target / path for path in own])
            written += 1
        except (OSError, subprocess.CalledProcessError) as error:
            failed.append(f"{name}: its results cannot be written: {one_line(getattr(error, 'strerror', None) or error)}")
    click.echo(f"wrote the results of {written} files to {target}")
    if failed:
        raise ExportError("; ".join(failed))


def _items(files: Sequence[Path]) -> tuple[dict[Path, Item], list[str]]:
    """Returns an item for `download` for each file, and a reason for each file that can be none."""
    items, failed = {}, []
    for file in files:
        try:
            items[file] = local_item(hashlib.sha256(os.fsencode(file)).hexdigest()[:16], file)
        except ExportError as error:
            failed.append(str(error))
    return items, failed


def _paths(stage: Stage, names: Sequence[Path], artifacts: Sequence[Path], max_bytes: int) -> Mapping[Path, Sequence[Path]]:
    """Returns the paths of each file's results: a sound file for each artifact, or a table and a TextGrid, or a table and an RTTM file."""
    if stage in _AUDIO_STAGES:
        return audio_names(names, AUDIO_SUFFIXES, [artifact.name for artifact in artifacts[1:]], max_bytes)
    endings = _TURNS if stage is diarize else _TABLES
    bases = result_names(names, endings, max_bytes)
    return {name: [base.with_name(base.name + ending) for ending in endings] for name, base in bases.items()}


def _write(
    stage: Stage, artifacts: Sequence[Path], otherwise: Sequence[Path], clips: Sequence[Clip], recording: Recording, paths: Sequence[Path]
) -> None:
    """Writes the results of one recording; sound that an artifact lacks is that in `otherwise`, if there is one."""
    if stage in _AUDIO_STAGES:
        for artifact, path in zip(artifacts, paths, strict=True):
            with renditions(artifact, *otherwise) as audio:
                flac = audio / f"{recording.recording}.flac"
                if artifact is artifacts[0] or flac.exists():  # the other outputs of `separate` have no sound unless it is requested
                    convert(flac, path)
    elif stage is segment:
        _write_segments(read_rows(artifacts[0], Segment), recording, paths)
    elif stage is diarize:
        _write_turns(read_rows(artifacts[0], Turn), recording, paths)
    else:
        own, kind = [c for c in clips if c.recording == recording.recording], _TAGS.get(stage, Clip)
        _write_clips(own, kind, read_rows(artifacts[0], kind), recording, paths, stage.name)


def local_item(recording: str, file: Path) -> Item:
    """Returns a local file as an item for `download`, with an id."""
    path = str(file.resolve())
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ExportError(f"expected file names in UTF-8, found {os.fsencode(file)!r}: rename it") from None
    return Item(recording, "local", path, file.name, "", "", "", 0.0, 0, "")


def _write_segments(segments: Sequence[Segment], recording: Recording, paths: Sequence[Path]) -> None:
    rows = [r for r in segments if r.recording == recording.recording]
    table, grid = paths
    write_csv(table, ("start", "end", "label", "gender"), [(r.start, r.end, r.label, r.gender) for r in rows])
    write_textgrid(grid, [(r.start, r.end, r.gender or r.label) for r in rows], recording.seconds, segment.name)


def _write_turns(turns: Sequence[Turn], recording: Recording, paths: Sequence[Path]) -> None:
    """Writes a table, and an RTTM file, whose lines hold the file's name without spaces."""
    rows = [(r.start, r.end, f"voice-{r.voice}" if r.voice >= 0 else UNKNOWN) for r in turns if r.recording == recording.recording]
    table, rttm = paths
    write_csv(table, ("start", "end", "voice"), rows)
    name = "_".join(rttm.stem.split())
    rttm.write_text("".join(rttm_line(name, *row) for row in rows), encoding="utf-8")


def _write_clips(clips: Sequence[Clip], kind: Any, rows: Sequence[Any], recording: Recording, paths: Sequence[Path], tier: str) -> None:
    """Writes the rows of a recording's clips without their vectors; leaves out clips without a row."""
    table, grid = paths
    times = {c.clip: (c.start, c.end) for c in clips}
    own = [r for r in rows if r.clip in times]
    columns = [f.name for f in dataclasses.fields(kind) if f.type is not Vector and f.name not in ("clip", "recording", "start", "end")]
    lines = [[*times[r.clip], *(_cell(c, getattr(r, c)) for c in columns)] for r in own]
    write_csv(table, ("start", "end", *columns), lines)
    write_textgrid(grid, [(*times[r.clip], _label(r)) for r in own], recording.seconds, tier)


def _cell(column: str, value: Any) -> Any:
    """A value for a table; lists become texts. Names of classes have spaces and commas in them."""
    return (" " if column == "words" else "; ").join(value) if isinstance(value, list) else value


def _label(row: Any) -> str:
    """Returns the label of a clip's row in a TextGrid."""
    match row:
        case Clip():
            return row.gender or "speech"
        case Tone():
            return row.tone
        case Transcript():
            return row.text
        case ClipEvents():
            return ", ".join(events_of(row))
        case Speaker():
            return "" if row.similarity is None else f"{row.similarity:.2f}"
        case _:
            return "" if row.dnsmos_ovrl is None else f"{row.dnsmos_ovrl:.2f}"
