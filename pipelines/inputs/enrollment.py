"""Makes a reference of a dataset's speaker: the best of its kept clips, with the voice by which `publish` recognizes it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.publish.speakers import clips_of, encoder_of
from components.shared.encoders import vectors_of
from components.shared.model import Model
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Vector
from components.shared.rules import with_thresholds
from components.shared.table import from_table, write_rows
from components.shared.task import StageError
from components.shared.voices import Voice, added, groups
from pipelines.inputs.media import VOICE_REFERENCE, make
from pipelines.inputs.references import FEW_SECONDS, LEAST_SECONDS
from store.datasets import DatasetStore, Version, audio_key
from store.parquet import conformed
from store.voices import TABLE, NamedVoice

WANTED_SECONDS = 1.5 * FEW_SECONDS
"""Clips are taken until they last this long: more adds little to a voice."""

MAIN_SHARE = 0.1
"""A voice with less of the speaker's speech may be a stray clip of somebody else."""

MOST_CLIPS = 20_000
"""More clips of a speaker are not looked at: a voice does not get better known."""
_COLUMNS = ("clip", "recording", "licence", "samples", "audio_sha256", "speaker", "vector", "voice_by", "dnsmos_ovrl", "kept")


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


def parts(rows: pa.Table, encoder: str, join_similarity: float) -> list[Voice]:
    """The voices in a speaker's clips that have a vector, by the clustering that names speakers; the longest first."""
    clips = clips_of(rows)
    clips = clips.of(sorted(range(len(clips.ids)), key=lambda i: (-clips.seconds[i], clips.ids[i])))
    labels = groups(clips.totals, clips.seconds, vectors_of(encoder), join_similarity)
    found = zip(added(clips.totals, labels), added(clips.seconds, labels).tolist(), strict=True)
    return sorted((Voice(*v) for v in found), key=lambda v: -v.seconds)


def _main_parts(rows: pa.Table, encoder: str, join_similarity: float) -> list[Voice]:
    """The voices in a speaker's clips without stray ones: all of LEAST_SECONDS and MAIN_SHARE or more, or else the longest."""
    joined = float(with_thresholds({"join_similarity": join_similarity}, encoder)["join_similarity"])
    found = parts(rows, encoder, joined)
    least = max(LEAST_SECONDS, MAIN_SHARE * sum(v.seconds for v in found))
    return [v for v in found if v.seconds >= least] or found[:1]


def _named(voice: Voice, name: str, voice_by: str, dataset: str, speaker: str) -> NamedVoice:
    return NamedVoice(name, Vector(voice.mean.astype("<f4").tobytes()), voice_by, voice.seconds, dataset, speaker)


def _clips_of(dataset: DatasetStore, version: Version, speaker: str) -> pa.Table:
    """The clips of a speaker, at most MOST_CLIPS of them; the kept ones come first."""
    tables = (t.filter(pc.equal(t["speaker"], speaker)) for t in dataset.tables(version, _COLUMNS))
    kept, others, count = list[pa.Table](), list[pa.Table](), 0
    for table in tables:
        kept.append(table.filter(table["kept"]))
        others.append(table.filter(pc.invert(table["kept"])))
        count += kept[-1].num_rows
        if count >= MOST_CLIPS:
            break
    return pa.concat_tables([*kept, *others]).slice(0, MOST_CLIPS)


def enroll(
    dataset: DatasetStore, version: Version, speaker: str, name: str, join_similarity: float, folder: Path
) -> tuple[Model, list[DatasetRow]]:
    """Makes the reference `name` of a speaker in an empty folder.

    The same version makes the same reference. Raises StageError if the kept clips of the speaker are too short for one.

    Args:
        dataset: The dataset.
        version: A version of it.
        speaker: The id of the speaker.
        name: The name of the reference.
        join_similarity: As in the rules of the version; 0 is that of the encoder.
        folder: The reference will be in `reference` in it.

    Returns:
        The reference and its clips.
    """
    own = _clips_of(dataset, version, speaker)
    clips = best_clips(from_table(DatasetRow, conformed(DatasetRow, own.filter(own["kept"]), "a version")))
    if (seconds := sum(r.samples for r in clips) / SAMPLE_RATE_HZ) < LEAST_SECONDS:
        raise StageError(
            f"expected {LEAST_SECONDS:g} s or more in kept clips of {speaker}, found {seconds:.1f} s; it has {own.num_rows} clips, kept or "
            "not: keep more of them with `speechmill dataset select`, or name a speaker who says more"
        )
    files = []
    (folder / "clips").mkdir()
    (made := folder / "reference").mkdir()
    for row in clips:
        files.append(folder / "clips" / f"{row.clip}.flac")
        files[-1].write_bytes(dataset.store.read(audio_key(dataset.name, row.audio_sha256)))
    encoder = encoder_of(own["voice_by"].to_pylist())
    voices = [_named(v, name, encoder, dataset.name, speaker) for v in _main_parts(own, encoder, join_similarity)]
    write_rows(made, NamedVoice, voices, TABLE)
    return make(VOICE_REFERENCE, made, name, files, ", ".join(sorted({r.licence for r in clips} - {""}))), clips
