"""Computes the similarity of the voices in audio files to a reference, with the stages of a run."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.diarize.component import diarize
from components.download.component import download
from components.segment.component import segment
from components.shared.rows import Clip, Recording, Speaker
from components.shared.table import read_rows, write_rows
from components.shared.task import StageError
from components.stage import Stage
from components.tag_speaker.component import tag_speaker
from pipelines.local.display import Display
from pipelines.local.folder import local_item
from pipelines.local.single import run_stage
from store.objects import open_store
from store.plans import write_plan

_DEFAULTS: Mapping[str, Any] = {}


def similarities(
    files: Sequence[Path], reference: Path, scratch: Path, display: Display, engine: str
) -> tuple[dict[Path, float], dict[Path, str]]:
    """Returns the similarity of each file, as one clip, to a reference by an encoder; and the reason for each file without one.

    Only speech counts, as `segment` detects it in a run. Music is not removed. Identical audio counts once. The reference is a
    recordings artifact with its `model.json`. Raises StageError if it holds no voice, and RunError if a stage fails.
    """
    known = {r.media_sha256 for r in read_rows(reference, Recording) if r.samples}
    if not known:
        raise StageError("expected a reference with a voice to compare with, found one without: name another, or add one")
    recordings = downloaded(files, scratch / "clips", display)
    names = {_id(file): file for file in files}
    rows = read_rows(recordings, Recording)
    left_out = {}
    for row in rows:
        if row.duplicate_of:
            left_out[names[row.recording]] = f"the same audio as {names[row.duplicate_of]}"
        elif not row.samples:
            left_out[names[row.recording]] = row.reason
        elif row.media_sha256 in known:
            left_out[names[row.recording]] = "the reference contains it"
    clips = scratch / "whole"
    clips.mkdir()
    whole = [Clip(f"{r.recording}-00000000", r.recording, 0.0, r.seconds, "", False) for r in rows if names[r.recording] not in left_out]
    write_rows(clips, Clip, whole)

    def run(stage: Stage, settings: Mapping[str, Any] = _DEFAULTS, **inputs: Path) -> Path:
        return next(iter(run_stage(stage, inputs, settings, scratch, display).values()))

    segments = run(segment, voices=recordings)
    turns = run(diarize, {"engine": engine}, voices=recordings, segments=segments, reference=reference)
    speakers = read_rows(run(tag_speaker, turns=turns, clips=clips), Speaker)
    found = {names[s.clip.partition("-")[0]]: s.similarity for s in speakers if s.similarity is not None}
    silent = {names[c.recording] for c in whole} - found.keys()
    return found, left_out | dict.fromkeys(sorted(silent), "no speech was detected in it")


def downloaded(files: Sequence[Path], scratch: Path, display: Display) -> Path:
    """Returns the files as a recordings artifact, with the ids of `_id`."""
    store = scratch / "store"
    shard = write_plan(open_store(str(store)), [local_item(_id(file), file) for file in files])
    parameters = {"shard": shard, "store": str(store), "allow_private": False}
    return run_stage(download, {}, parameters, scratch, display)["recordings"]


def _id(file: Path) -> str:
    return hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:16]
