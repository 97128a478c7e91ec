"""Runs one stage, after those that it depends on, on a folder of audio files; writes files of the same names."""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from components.cut.component import cut
from components.denoise.component import denoise
from components.discover.sources import has_media_suffix
from components.download.component import download
from components.embed.component import embed
from components.segment.component import segment
from components.separate.component import separate
from components.shared.rows import Clip, Item, Quality, Recording, Segment, Speaker, Tone, Transcript, Vector
from components.shared.table import read_rows
from components.stage import Stage
from components.tag_quality.component import tag_quality
from components.tag_speaker.component import tag_speaker
from components.tag_tone.component import tag_tone
from components.transcribe.component import transcribe
from pipelines.datasets.export import AUDIO_SUFFIXES, ExportError, convert, empty_folder, write_csv, write_textgrid
from pipelines.local.display import Display
from pipelines.local.single import run_stage
from store.objects import open_store
from store.plans import write_plan

_AUDIO_STAGES = (download, separate, denoise)
_TAGS: dict[Stage, Any] = {tag_speaker: Speaker, tag_tone: Tone, tag_quality: Quality, transcribe: Transcript}
FOLDER_STAGES = (download, separate, segment, cut, denoise, *_TAGS)

# The stage that makes each input. The files of a folder are used as voices: to remove music, run `separate` on them first.
_MAKERS = {"recordings": download, "voices": download, "segments": segment, "windows": embed, "clips": cut, "clean": denoise}


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
    files = {hashlib.sha256(os.fsencode(f.relative_to(source))).hexdigest()[:16]: f for f in _files(source)}
    if not files:
        raise ExportError(f"expected audio files in {source}, found none")
    store = scratch / "store"
    shard = write_plan(open_store(str(store)), [local_item(name, file) for name, file in files.items()])
    wiring = {"shard": shard, "store": str(store), "allow_private": False}
    made: dict[str, dict[str, Path]] = {}

    def run(one: Stage) -> dict[str, Path]:
        if one.name not in made:
            declared = one.component.component_spec.inputs or {}
            inputs = {name: next(iter(run(_MAKERS[name]).values())) for name in declared if name in _MAKERS}
            inputs |= models.get(one.name, {})
            parameters = {n: v for n, v in wiring.items() if n in declared} | dict(settings if one is stage else {})
            made[one.name] = run_stage(one, inputs, parameters, scratch, display)
        return made[one.name]

    artifact, *others = run(stage).values()
    recordings = {r.recording: r for r in read_rows(run(download)["recordings"], Recording)}
    stems = Counter(f.relative_to(source).with_suffix("") for f in files.values())
    failed = []
    for recording, row in recordings.items():
        original = recordings.get(row.duplicate_of, row)  # a copy gets the results of the first file
        name = files[recording].relative_to(source)
        if original.samples:
            path = target / (name if stems[name.with_suffix("")] == 1 or stage in _AUDIO_STAGES else name.with_name(f"{name.name}.x"))
            path.parent.mkdir(parents=True, exist_ok=True)
            if stage in _AUDIO_STAGES:
                _write_audio(artifact, original, path)
                for other in others:  # the second output of `separate` is empty unless requested
                    if (other / "audio" / f"{original.recording}.flac").exists():
                        _write_audio(other, original, path.with_name(f"{path.stem}.{other.name}{path.suffix}"))
            elif stage is segment:
                _write_segments(read_rows(artifact, Segment), original, path)
            else:
                clips = [c for c in read_rows(run(cut)["clips"], Clip) if c.recording == original.recording]
                kind = _TAGS.get(stage, Clip)
                _write_clips(clips, kind, read_rows(artifact, kind), original, path, stage.name)
        else:
            failed.append(f"{name}: {row.reason}")
    click.echo(f"wrote the results of {len(recordings) - len(failed)} files to {target}")
    if failed:
        raise ExportError("; ".join(failed))


def _files(folder: Path) -> list[Path]:
    found = (f for f in folder.rglob("*") if f.is_file() and has_media_suffix(f.name))
    return sorted(f for f in found if not any(part.startswith(".") for part in f.relative_to(folder).parts))


def local_item(recording: str, file: Path) -> Item:
    """Returns a local file as an item for `download`, with an id."""
    path = str(file.resolve())
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ExportError(f"expected file names in UTF-8, found {os.fsencode(file)!r}: rename it") from None
    return Item(recording, "local", path, file.name, "", "", "", 0.0, 0)


def _write_audio(artifact: Path, recording: Recording, path: Path) -> None:
    flac = artifact / "audio" / f"{recording.recording}.flac"
    convert(flac, path if path.suffix.casefold() in AUDIO_SUFFIXES else path.with_name(f"{path.name}.flac"))


def _write_segments(segments: Sequence[Segment], recording: Recording, path: Path) -> None:
    rows = [r for r in segments if r.recording == recording.recording]
    write_csv(path.with_suffix(".csv"), ("start", "end", "label", "gender"), [(r.start, r.end, r.label, r.gender) for r in rows])
    write_textgrid(path.with_suffix(".TextGrid"), [(r.start, r.end, r.gender or r.label) for r in rows], recording.seconds, segment.name)


def _write_clips(clips: Sequence[Clip], kind: Any, rows: Sequence[Any], recording: Recording, path: Path, tier: str) -> None:
    """Writes the rows of a recording's clips without their vectors; leaves out clips without a row."""
    times = {c.clip: (c.start, c.end) for c in clips}
    own = [r for r in rows if r.clip in times]
    columns = [f.name for f in dataclasses.fields(kind) if f.type is not Vector and f.name not in ("clip", "recording", "start", "end")]
    lines = [[*times[r.clip], *(_cell(getattr(r, c)) for c in columns)] for r in own]
    write_csv(path.with_suffix(".csv"), ("start", "end", *columns), lines)
    write_textgrid(path.with_suffix(".TextGrid"), [(*times[r.clip], _label(r)) for r in own], recording.seconds, tier)


def _cell(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value


def _label(row: Any) -> str:
    """Returns the label of a clip's row in a TextGrid."""
    match row:
        case Clip():
            return row.gender or "speech"
        case Tone():
            return row.tone
        case Transcript():
            return row.text
        case Speaker():
            return "" if row.similarity is None else f"{row.similarity:.2f}"
        case _:
            return "" if row.dnsmos_ovrl is None else f"{row.dnsmos_ovrl:.2f}"
