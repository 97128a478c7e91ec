"""Names the speakers of a dataset by the vectors of its clips.

Clips without a speaker are grouped by their voices (`shared.voices`), the longest first. Then each
group, the longest first, joins the most similar speaker, or becomes a new one. Clips that have a
speaker keep it. The result depends only on the rows and on the speakers known before, not on the
order of the shards.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared import encoders
from components.shared.encoders import Vectors
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Vector
from components.shared.task import StageError
from components.shared.voices import Numbers, Voice, added, groups, similarities
from components.shared.voices import table as voice_table
from store.datasets import Version, speaker_names
from store.speakers import DatasetSpeaker

BLOCK_CLIPS = 4096
REMEMBERED_SECONDS = 10.0
"""Speech that stands for that of a speaker whose clips are gone."""
SHOWN = 20
"""Number of speakers in a version's lineage, those with most speech."""


def grouped(rows: Sequence[DatasetRow], of: Vectors, join_similarity: float) -> tuple[list[Voice], NDArray[np.int64]]:
    """The voices in rows that have vectors, and the index of the voice of each row."""
    vectors, seconds = _arrays(rows)
    totals = vectors * seconds[:, None]
    labels = groups(totals, seconds, of, join_similarity)
    return [Voice(*heard) for heard in zip(added(totals, labels), added(seconds, labels).tolist(), strict=True)], labels


def named(
    rows: Iterable[DatasetRow], known: Mapping[str, Voice], given: int, of: Vectors, join_similarity: float
) -> tuple[list[DatasetRow], int]:
    """Gives a speaker to each row that has a vector and no speaker yet.

    It joins two groups, or a group and a speaker, whose similarity is `join_similarity` or more. Returns all rows, and the number
    of ids given now; `given` is the number so far. `of` are the facts of the vectors' encoder.
    """
    rows = list(rows)
    new = sorted((r for r in rows if r.vector and not r.speaker), key=lambda r: (-r.samples, r.clip))
    if not new:
        return rows, given
    heard, labels = grouped(new, of, join_similarity)
    nearest, speakers = _nearest(heard, known, of), [""] * len(heard)
    for i in sorted(range(len(heard)), key=lambda i: -heard[i].seconds):
        speakers[i], similarity = nearest[i]
        if similarity < join_similarity:
            given += 1
            speakers[i] = f"s{given:04d}"
    names = {row.clip: speakers[label] for row, label in zip(new, labels, strict=True)}
    return [replace(r, speaker=names[r.clip]) if r.clip in names else r for r in rows], given


def _nearest(heard: Sequence[Voice], known: Mapping[str, Voice], of: Vectors) -> list[tuple[str, float]]:
    """The most similar speaker of each voice, and the similarity; "" and -inf if no speaker is known."""
    if not known:
        return [("", -np.inf)] * len(heard)
    speakers = sorted(known, key=_number)
    near = similarities(voice_table(heard), voice_table([known[s] for s in speakers]), of)
    return [(speakers[i], float(row[i])) for row, i in zip(near, np.argmax(near, axis=1), strict=True)]


def encoder_of(rows: Iterable[DatasetRow]) -> str:
    """The encoder of all vectors, as in the column `voice_by`; "" without one. Raises StageError if there are vectors of two encoders."""
    clips = Counter(encoders.encoder_of(r.voice_by) for r in rows if r.vector)
    if len(clips) > 1:
        found = " and ".join(f"{count} clips by {name}" for name, count in sorted(clips.items()))
        raise StageError(
            f"diarize_engine: expected the vectors of one encoder in a dataset, found {found}, which cannot be compared: run with "
            "--discover-again, which diarizes every recording again, or with the --diarize-engine that the dataset was made with"
        )
    return next(iter(clips), "")


def voices(rows: Iterable[DatasetRow], remembered: Iterable[DatasetSpeaker] = (), numbers: int = 0) -> dict[str, Voice]:
    """The voice of each speaker: the sum of its clips. The voice of one without a clip is remembered.

    If `numbers` is given, only voices of vectors of that length: those of another encoder cannot be recognized.
    """
    kept = (s for s in remembered if numbers in (0, len(s.centroid) // 4))
    found = {s.speaker: _remembered(s) for s in kept}
    heard: dict[str, Voice] = {}
    for block in _blocks(r for r in rows if r.speaker and numbers in (0, len(r.vector) // 4)):
        vectors, seconds = _arrays(block)
        speakers, labels = np.unique([r.speaker for r in block], return_inverse=True)
        for i, speaker in enumerate(speakers.tolist()):
            voice = Voice(seconds[labels == i] @ vectors[labels == i], float(seconds[labels == i].sum()))
            heard[speaker] = heard[speaker] + voice if speaker in heard else voice
    return found | heard


def _remembered(speaker: DatasetSpeaker) -> Voice:
    total = np.frombuffer(speaker.centroid, "<f4").astype(np.float64) * REMEMBERED_SECONDS
    return Voice(total, REMEMBERED_SECONDS)


def speech_seconds(rows: Iterable[DatasetRow], duplicates: Collection[str]) -> dict[str, float]:
    """Seconds of speech of each speaker, the most first. Clips of `duplicates` do not count."""
    samples: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.speaker:
            samples[row.speaker] += row.samples * (row.recording not in duplicates)
    return {s: samples[s] / SAMPLE_RATE_HZ for s in sorted(samples, key=lambda s: (-samples[s], _number(s)))}


def facts(seconds: Mapping[str, float], given: int) -> dict[str, Any]:
    """The part of a version's lineage about its speakers: what `speech_seconds` returned, and the number of ids given so far."""
    spoken = {s: n for s, n in seconds.items() if n}
    return {
        "given": given,
        "count": len(seconds),
        "dominant": next(iter(spoken), ""),
        "speech_seconds": sum(seconds.values()),
        "seconds": dict(islice(spoken.items(), SHOWN)),
    }


def dominant_share(facts: Mapping[str, Any]) -> float:
    """The dominant speaker's share of all speech, 0 to 1. `facts` are those of a version's lineage; 0 if empty."""
    return float(facts["seconds"][facts["dominant"]] / facts["speech_seconds"]) if facts.get("dominant") else 0.0


def table(rows: Sequence[DatasetRow], versions: Iterable[Version]) -> list[DatasetSpeaker]:
    """The speakers in all rows of the newest version. `versions` are all versions of the dataset, the first one first."""
    seconds = speech_seconds(rows, {r.recording for r in rows if r.reason == "duplicate"})
    clips = Counter(r.speaker for r in rows if r.speaker)
    versions = list(versions)
    given, names = [(v.number, given_ids(v)) for v in versions], speaker_names(versions[-1].lineage)
    total = sum(seconds.values()) or 1.0
    return [
        DatasetSpeaker(
            speaker=speaker,
            centroid=Vector(voice.mean.astype("<f4").tobytes()),
            clips=clips[speaker],
            speech_seconds=seconds[speaker],
            share=seconds[speaker] / total,
            first_version=next(version for version, ids in given if ids >= _number(speaker)),
            name=names.get(speaker, ""),
        )
        for speaker, voice in voices(rows).items()
    ]


def given_ids(version: Version) -> int:
    """Number of speaker ids that a dataset had given when a version was made."""
    return int(version.lineage.get("speakers", {}).get("given", 0))


def _number(speaker: str) -> int:
    return int(speaker[1:])


def _blocks(rows: Iterable[DatasetRow]) -> Iterator[list[DatasetRow]]:
    iterator = iter(rows)
    while block := list(islice(iterator, BLOCK_CLIPS)):
        yield block


def voice_of(row: DatasetRow) -> Voice:
    """The voice of a clip that has a vector."""
    vectors, seconds = _arrays([row])
    return Voice(vectors[0] * seconds[0], float(seconds[0]))


def _arrays(rows: Sequence[DatasetRow]) -> tuple[NDArray[np.float32], Numbers]:
    """The rows' vectors, shaped (clips, numbers), and seconds, shaped (clips,). Clips are nearly all speech, so their lengths stand for
    the seconds that their vectors were heard for."""
    vectors = np.frombuffer(b"".join(r.vector for r in rows), "<f4").reshape(len(rows), -1)
    return vectors, np.array([r.samples for r in rows]) / SAMPLE_RATE_HZ
