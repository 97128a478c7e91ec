"""Puts the descriptions of an export beside its files: the dataset card README.md, and croissant.json."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.datasets.card import CARD, LIMITS, Defaults, Form, about, card, citation
from pipelines.datasets.croissant import CROISSANT, croissant
from pipelines.datasets.facts import Facts, filled
from pipelines.datasets.folders import MANIFEST


def describe(
    folder: Path, facts: Facts, clips: pa.Table, *, kind: str, form: str = "", data_files: Any = MANIFEST, defaults: Defaults
) -> None:
    """Writes the card and the Croissant description of an export.

    Args:
        folder: The export, with its files and its manifest.
        facts: The version that was exported.
        clips: The facts of the clips in the export; of one with splits with the column `split`.
        kind: Format of the export.
        form: What else a person must know of its form.
        data_files: The files of data, as Hugging Face's front matter names them.
        defaults: The defaults of the stages' settings, by stage.
    """
    found = croissant(folder, facts, clips, about=about(facts, clips), limits=LIMITS, citation=citation(facts))
    (folder / CROISSANT).write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(facts, clips, Form(kind, form, data_files), defaults), encoding="utf-8")


def of_timelines(facts: Facts, kind: str, rejected: bool) -> pa.Table:
    """The facts of the clips that an export of timelines holds: a TextGrid has all, and subtitles have those with a text."""
    clips = facts.rows if rejected or kind == "textgrid" else facts.kept
    return filled(clips, "text") if kind == "srt" else clips
