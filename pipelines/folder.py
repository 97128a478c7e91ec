"""One stage on a folder of audio files: what it needs before it runs by itself, and out come files of the same names."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from components.cut.component import cut
from components.denoise.component import denoise
from components.discover.sources import has_media_suffix
from components.download.component import download
from components.segment.component import segment
from components.separate.component import separate
from components.shared.rows import Clip, Item, Recording, Segment
from components.shared.table import read_rows
from components.stage import Stage
from pipelines.display import Display
from pipelines.export import AUDIO_SUFFIXES, ExportError, convert, empty_folder, write_csv, write_textgrid
from pipelines.single import run_stage
from pipelines.slots import SLOTS, Slot
from store.objects import open_store
from store.plans import write_plan

FOLDER_STAGES = (download, separate, segment, cut, denoise)
_AUDIO_STAGES = (download, separate, denoise)

# Who makes an artifact that a stage reads. A folder's files are voices as they are: who wants music taken out does it first.
_MAKERS = {"recordings": download, "voices": download, "segments": segment, "clips": cut, "clean": denoise}


def run_on_folder(
    stage: Stage, source: Path, target: Path, settings: Mapping[str, Any], scratch: Path, display: Display, models: Mapping[Slot, Path]
) -> None:
    """Runs a stage on every file below a folder, and those it needs before it with their defaults.

    Args:
        stage: One of FOLDER_STAGES.
        source: Folder with audio files.
        target: Folder for the results, empty or new.
        settings: The stage's settings.
        scratch: Empty folder for what lies between.
        display: Shows what the stages print.
        models: Folders of the models that the stages take; of a slot that is not among them, what comes with the code.

    Raises:
        ExportError: No file at all, or a file could not be read; the others are written.
        RunError: A stage failed.
    """
    empty_folder(target)
    files = {hashlib.sha256(os.fsencode(f.relative_to(source))).hexdigest()[:16]: f for f in _files(source)}
    if not files:
        raise ExportError(f"expected audio files in {source}, found none")
    store = scratch / "store"
    shard = write_plan(open_store(str(store)), [_item(name, file) for name, file in files.items()])
    wiring = {"shard": shard, "store": str(store), "allow_private": False}
    made: dict[str, dict[str, Path]] = {}

    def run(one: Stage) -> dict[str, Path]:
        if one.name not in made:
            declared = one.component.component_spec.inputs or {}
            inputs = {name: next(iter(run(_MAKERS[name]).values())) for name in declared if name in _MAKERS}
            inputs |= {slot.input: models.get(slot, slot.bundled_folder) for slot in SLOTS.values() if slot.stage == one.name}
            parameters = {n: v for n, v in wiring.items() if n in declared} | dict(settings if one is stage else {})
            made[one.name] = run_stage(one, inputs, parameters, scratch, display)
        return made[one.name]

    artifact, *others = run(stage).values()
    recordings = {r.recording: r for r in read_rows(run(download)["recordings"], Recording)}
    stems = Counter(f.relative_to(source).with_suffix("") for f in files.values())
    failed = []
    for recording, row in recordings.items():
        heard = recordings.get(row.duplicate_of, row)  # a copy of a file has the results of the first one
        name = files[recording].relative_to(source)
        if heard.samples:
            path = target / (name if stems[name.with_suffix("")] == 1 or stage in _AUDIO_STAGES else name.with_name(f"{name.name}.x"))
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(stage, artifact, heard, path)
            for other in others:  # `separate` has a second one, which is empty unless it is asked for
                if (other / "audio" / f"{heard.recording}.flac").exists():
                    _write(stage, other, heard, path.with_name(f"{path.stem}.{other.name}{path.suffix}"))
        else:
            failed.append(f"{name}: {row.reason}")
    click.echo(f"wrote the results of {len(recordings) - len(failed)} files to {target}")
    if failed:
        raise ExportError("; ".join(failed))


def _files(folder: Path) -> list[Path]:
    found = (f for f in folder.rglob("*") if f.is_file() and has_media_suffix(f.name))
    return sorted(f for f in found if not any(part.startswith(".") for part in f.relative_to(folder).parts))


def _item(recording: str, file: Path) -> Item:
    path = str(file.resolve())
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ExportError(f"expected file names in UTF-8, found {os.fsencode(file)!r}: rename it") from None
    return Item(recording, "local", path, file.name, "", "", "", 0.0, 0)


def _write(stage: Stage, artifact: Path, recording: Recording, path: Path) -> None:
    if stage in _AUDIO_STAGES:
        flac = artifact / "audio" / f"{recording.recording}.flac"
        convert(flac, path if path.suffix.casefold() in AUDIO_SUFFIXES else path.with_name(f"{path.name}.flac"))
        return
    columns = ("start", "end", "label", "gender") if stage is segment else ("start", "end", "gender", "hard_cut")
    table: list[Any] = read_rows(artifact, Segment) if stage is segment else read_rows(artifact, Clip)
    rows = [r for r in table if r.recording == recording.recording]
    write_csv(path.with_suffix(".csv"), rows, columns)
    labels = [(r.start, r.end, r.gender or getattr(r, "label", "speech")) for r in rows]
    write_textgrid(path.with_suffix(".TextGrid"), labels, recording.seconds, stage.name)
