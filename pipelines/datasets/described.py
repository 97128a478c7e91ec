"""Puts the descriptions of an export beside its files: the dataset card README.md, and croissant.json."""

import json
from pathlib import Path

import pyarrow as pa

from pipelines.datasets.card import CARD, LIMITS, Defaults, about, card, citation
from pipelines.datasets.croissant import CROISSANT, croissant
from pipelines.datasets.facts import Facts, filled


def describe(folder: Path, facts: Facts, *, kind: str, rejected: bool, defaults: Defaults) -> None:
    """Writes the card and the Croissant description of an export.

    Args:
        folder: The export, with its files and its manifest.
        facts: The version that was exported.
        kind: Format of the export.
        rejected: Whether rejected clips were asked for, too.
        defaults: The defaults of the stages' settings, by stage.
    """
    clips = _exported(facts, kind, rejected)
    found = croissant(folder, facts, clips, about=about(facts, clips), limits=LIMITS, citation=citation(facts))
    (folder / CROISSANT).write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(facts, clips, kind, defaults), encoding="utf-8")


def _exported(facts: Facts, kind: str, rejected: bool) -> pa.Table:
    """The rows of the clips that an export holds: a TextGrid has all, and subtitles have those with a text."""
    clips = facts.rows if rejected or kind == "textgrid" else facts.kept
    return filled(clips, "text") if kind == "srt" else clips
