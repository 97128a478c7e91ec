"""Reads and measures all clips of a training."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.shared.task import report
from components.shared.tone.measures import MEASURES
from components.train_tone.names import Label
from components.train_tone.rows import TrainingClip
from components.train_tone.settings import Settings, wanted_tones
from components.train_tone.sound import measure
from components.train_tone.sources import Sound, dataset_sounds, folder_sounds
from components.train_tone.training import Clips

_REPORT_EVERY = 200


@dataclass(frozen=True)
class Measured:
    """Clips that could be measured; each of `rows` has an entry in `clips`."""

    rows: list[TrainingClip]
    clips: Clips


@dataclass(frozen=True)
class Data:
    """The clips of a training."""

    labeled: Measured
    others: Measured
    """Those without a label, which self-training may add; their tones are empty."""
    rows: list[TrainingClip]
    """Of all clips, also those that cannot be used, with the reason."""
    facts: dict[str, Any]
    """Amount and origin of the labeled clips, with a hash of their names, labels and measures."""


def read_data(settings: Settings, dataset: str, store: str, folder: Path) -> Data:
    """Reads the clips of the folder and of the datasets that the settings name."""
    found = folder_sounds(folder)
    facts: dict[str, Any] = {}
    if settings.truth_dataset:
        clips, number = dataset_sounds(store, settings.truth_dataset, settings.truth_version)
        found += clips
        facts |= {"truth_dataset": settings.truth_dataset, "truth_version": number}
    others: list[Sound] = []
    if dataset:
        clips, number = dataset_sounds(store, dataset, settings.dataset_version)
        named = {s.name for s in found if isinstance(s.label, Label) and s.label.tone}
        others = _sample([s for s in clips if s.name not in named], settings.dataset_clips)
        facts |= {"dataset": dataset, "dataset_version": number, "dataset_clips": len(others)}
    chosen = {s.name for s in others}
    labeled, rows = _measured(_named([s for s in found if s.name not in chosen], wanted_tones(settings.tones)))
    unlabeled, more = _measured(others)
    digest = hashlib.sha256(labeled.clips.measures.tobytes())
    for row in labeled.rows:
        digest.update(f"{row.clip}\0{row.tone}\0{row.speaker}\n".encode())
    amount = {"clips": len(labeled.rows), "speakers": len({r.speaker for r in labeled.rows})}
    languages = {"languages": " ".join(sorted({r.language for r in labeled.rows if r.language}))}
    return Data(labeled, unlabeled, rows + more, amount | languages | facts | {"clips_sha256": digest.hexdigest()})


def _sample(sounds: Sequence[Sound], most: int) -> list[Sound]:
    """Some of the clips, always the same ones: those whose names have the lowest hashes."""
    chosen = sorted(sounds, key=lambda s: hashlib.sha256(s.name.encode()).digest())[:most]
    return sorted(chosen, key=lambda s: s.name)


def _named(sounds: Iterable[Sound], wanted: dict[str, str]) -> list[Sound]:
    """Gives the labels the names that the model shall have for them."""
    found = []
    for sound in sounds:
        label = sound.label
        if isinstance(label, Label) and not label.tone:
            label = "no ground truth covers half of the clip"
        elif isinstance(label, Label) and wanted:
            tone = wanted.get(label.tone, "")
            label = Label(tone, label.speaker, label.language, label.gender) if tone else f"the tone {label.tone!r} is not to be learned"
        found.append(Sound(sound.name, sound.file, label))
    return found


def _measured(sounds: Sequence[Sound]) -> tuple[Measured, list[TrainingClip]]:
    """Measures the clips that have a label; also returns the rows of all."""
    rows, usable, numbers, genders, seen = [], [], [], [], set[str]()
    for count, sound in enumerate(sounds, 1):
        label = sound.label
        if isinstance(label, str):
            rows.append(TrainingClip(sound.name, "", "", "", 0, "", None, "", label))
            continue
        found = "listed before" if sound.name in seen else measure(sound.file())
        seen.add(sound.name)
        row = TrainingClip(sound.name, label.speaker, label.language, label.tone, 0, "", None, "", found if isinstance(found, str) else "")
        rows.append(row)
        if not isinstance(found, str):
            usable.append(row)
            numbers.append(found)
            genders.append(label.gender)
        if count % _REPORT_EVERY == 0:
            report(f"measured {count} of {len(sounds)} clips")
    measures = np.array(numbers).reshape(len(numbers), len(MEASURES))
    clips = Clips(measures, np.array([r.tone for r in usable], str), np.array([r.speaker for r in usable], str), genders)
    return Measured(usable, clips), rows
