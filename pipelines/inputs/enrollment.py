"""Makes a reference of a dataset's speaker: the best of its kept clips, with the voice by which `publish` recognizes it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.publish.parts import parts
from components.publish.speakers import encoder_of
from components.shared.model import Model
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Vector
from components.shared.rules import with_thresholds
from components.shared.table import write_rows
from components.shared.task import StageError
from components.shared.voices import Voice
from pipelines.inputs.media import VOICE_REFERENCE, make
from pipelines.inputs.references import FEW_SECONDS, LEAST_SECONDS
from store.datasets import audio_key
from store.interface import Store
from store.voices import TABLE, NamedVoice

WANTED_SECONDS = 1.5 * FEW_SECONDS
"""Clips are taken until they last this long: more adds little to a voice."""

MAIN_SHARE = 0.1
"""A voice with less of the speaker's speech may be a stray clip of somebody else."""


def best_clips(rows: Sequence[DatasetRow]) -> list[DatasetRow]:
    """Returns clips of a speaker for a reference, together WANTED_SECONDS or a little more, if there are as many.

    `rows` are clips with vectors. The half that sounds most like the speaker comes first. Of these, recordings take turns, and of a
    recording the clips of the best quality come first.
    """
    if not rows:
        return []
    vectors = np.stack([np.frombuffer(r.vector, "<f4") for r in rows]).astype(np.float64)
    near = vectors @ (np.array([r.samples for r in rows]) @ vectors)
    atypical = near < np.median(near)
    ranked = sorted(range(len(rows)), key=lambda i: (atypical[i], -(rows[i].dnsmos_ovrl or 0), -near[i], rows[i].clip))
    heard, turns = Counter[tuple[bool, str]](), dict[int, int]()
    for i in ranked:
        group = (bool(atypical[i]), rows[i].recording)
        turns[i] = heard[group]
        heard[group] += 1
    chosen, seconds, sounds = list[DatasetRow](), 0.0, set[str]()
    for i in sorted(ranked, key=lambda i: (atypical[i], turns[i])):  # stable: within a turn the order stays
        if seconds < WANTED_SECONDS and rows[i].audio_sha256 not in sounds:
            sounds.add(rows[i].audio_sha256)
            seconds += rows[i].samples / SAMPLE_RATE_HZ
            chosen.append(rows[i])
    return chosen


def _main_parts(rows: Sequence[DatasetRow], join_similarity: float) -> list[Voice]:
    """The voices in a speaker's clips without stray ones: all of LEAST_SECONDS and MAIN_SHARE or more, or else the longest."""
    joined = float(with_thresholds({"join_similarity": join_similarity}, encoder_of(rows))["join_similarity"])
    found = parts(rows, joined)
    least = max(LEAST_SECONDS, MAIN_SHARE * sum(v.seconds for v in found))
    return [v for v in found if v.seconds >= least] or found[:1]


def _named(voice: Voice, name: str, voice_by: str, dataset: str, speaker: str) -> NamedVoice:
    return NamedVoice(name, Vector(voice.mean.astype("<f4").tobytes()), voice_by, voice.seconds, dataset, speaker)


def enroll(
    store: Store, dataset: str, rows: Sequence[DatasetRow], speaker: str, name: str, join_similarity: float, folder: Path
) -> tuple[Model, list[DatasetRow]]:
    """Makes the reference `name` of a speaker in an empty folder.

    The same rows make the same reference. Raises StageError if the kept clips of the speaker are too short for one.

    Args:
        store: The store of the dataset.
        dataset: The dataset.
        rows: All rows of a version of it.
        speaker: The id of the speaker.
        name: The name of the reference.
        join_similarity: As in the rules of the version; 0 is that of the encoder.
        folder: The reference will be in `reference` in it.

    Returns:
        The reference and its clips.
    """
    own = [r for r in rows if r.speaker == speaker]
    clips = best_clips([r for r in own if r.kept])
    if (seconds := sum(r.samples for r in clips) / SAMPLE_RATE_HZ) < LEAST_SECONDS:
        raise StageError(
            f"expected {LEAST_SECONDS:g} s or more in kept clips of {speaker}, found {seconds:.1f} s; it has {len(own)} clips, kept or "
            "not: keep more of them with `speechmill dataset select`, or name a speaker who says more"
        )
    files = []
    (folder / "clips").mkdir()
    (made := folder / "reference").mkdir()
    for row in clips:
        files.append(folder / "clips" / f"{row.clip}.flac")
        files[-1].write_bytes(store.read(audio_key(dataset, row.audio_sha256)))
    write_rows(made, NamedVoice, [_named(v, name, encoder_of(own), dataset, speaker) for v in _main_parts(own, join_similarity)], TABLE)
    return make(VOICE_REFERENCE, made, name, files, ", ".join(sorted({r.licence for r in clips} - {""}))), clips
