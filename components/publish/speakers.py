"""Names the speakers of a dataset by the vectors of its clips.

Clips without a speaker are grouped by their voices (`shared.voices`), the longest first. Then each
group, the longest first, joins the most similar voice, or becomes a new one. Clips that have a
voice keep it. The result depends only on the clips and on the voices known before, not on the
order of the shards.

A voice has an id, which is the speaker's. If a person merges two ids, the clips of both have one
speaker, and still two voices: their common mean is near to neither.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.shared import encoders
from components.shared.encoders import Vectors
from components.shared.rows import SAMPLE_RATE_HZ, Vector
from components.shared.task import StageError
from components.shared.voices import Voice, added, groups, nearest
from components.shared.voices import table as voice_table
from store.datasets import Version
from store.version_rows import DatasetSpeaker

REMEMBERED_SECONDS = 10.0
"""Speech that stands for that of a voice whose clips are gone."""
SHOWN = 20
"""Number of speakers in a version's lineage, those with most speech."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Clips:
    """Clips that have a vector."""

    ids: list[str]
    vectors: NDArray[np.float32]
    """Shaped (clips, numbers)."""
    seconds: Numbers
    """Lengths, shaped (clips,). Clips are nearly all speech, so they stand for the seconds that their vectors were heard for."""

    def of(self, places: Any) -> "Clips":
        """Some of the clips."""
        places = np.asarray(places, np.int64)
        return Clips([self.ids[i] for i in places], self.vectors[places], self.seconds[places])

    @property
    def totals(self) -> Numbers:
        """Vectors times seconds, shaped (clips, numbers)."""
        return self.vectors * self.seconds[:, None]

    def voice(self) -> Voice:
        """All clips as one voice."""
        return Voice(self.totals.sum(axis=0), float(self.seconds.sum()))


def has_vector(rows: pa.Table) -> pa.Array:
    """Which clips have a vector."""
    return pc.greater(pc.list_value_length(rows["vector"]), 0)


def clips_of(rows: pa.Table) -> Clips:
    """The clips of a table with the columns `clip`, `samples` and `vector`, all of which have a vector of one length."""
    vectors = rows["vector"].combine_chunks()
    numbers = vectors.flatten().to_numpy(zero_copy_only=False).astype("<f4", copy=False)
    return Clips(
        rows["clip"].to_pylist(),
        numbers.reshape(rows.num_rows, len(numbers) // max(1, rows.num_rows)),
        rows["samples"].to_numpy() / SAMPLE_RATE_HZ,
    )


def encoder_of(voice_by: Iterable[str], speakers: Iterable[DatasetSpeaker] = ()) -> str:
    """The encoder of all vectors: of clips with these values of `voice_by`, and of speakers; "" without one.

    Raises StageError if there are vectors of two encoders.
    """
    names = {facts.numbers: name for name, facts in encoders.ENCODERS.items()}
    clips = Counter(encoders.encoder_of(name) for name in voice_by)
    for s in speakers:
        if s.voice_seconds:
            clips[names[len(s.centroid) // 4]] += s.clips
    if len(clips) > 1:
        found = " and ".join(f"{count} clips by {name}" for name, count in sorted(clips.items()))
        raise StageError(
            f"diarize_engine: expected the vectors of one encoder in a dataset, found {found}, which cannot be compared: run with "
            "--discover-again, which diarizes every recording again, or with the --diarize-engine that the dataset was made with"
        )
    return next(iter(clips), "")


def named(new: Clips, known: Mapping[str, Voice], given: int, of: Vectors, join_similarity: float) -> tuple[list[str], int]:
    """Gives a voice to each clip.

    It joins two groups, or a group and a voice, whose similarity is `join_similarity` or more. Returns the ids, and the number of
    ids given now; `given` is the number so far. `of` are the facts of the vectors' encoder.
    """
    if not new.ids:
        return [], given
    order = sorted(range(len(new.ids)), key=lambda i: (-new.seconds[i], new.ids[i]))
    own = new.of(order)
    labels = groups(own.totals, own.seconds, of, join_similarity)
    heard = [Voice(*v) for v in zip(added(own.totals, labels), added(own.seconds, labels).tolist(), strict=True)]
    near, speakers = _nearest(heard, known, of), [""] * len(heard)
    for i in sorted(range(len(heard)), key=lambda i: -heard[i].seconds):
        speakers[i], similarity = near[i]
        if similarity < join_similarity:
            given += 1
            speakers[i] = f"s{given:04d}"
    ids = [""] * len(order)
    for place, label in zip(order, labels.tolist(), strict=True):
        ids[place] = speakers[label]
    return ids, given


def _nearest(heard: Sequence[Voice], known: Mapping[str, Voice], of: Vectors) -> list[tuple[str, float]]:
    """The most similar known voice of each voice, and the similarity; "" and -inf if none is known."""
    if not known:
        return [("", -np.inf)] * len(heard)
    ids = sorted(known, key=number)
    places, near = nearest(voice_table(heard), voice_table([known[s] for s in ids]), of)
    return [(ids[i], float(similarity)) for i, similarity in zip(places, near, strict=True)]


class Voices:
    """The voices of a dataset by id: each is the sum of its clips. A voice whose clips are all gone is remembered."""

    def __init__(self, rows: Iterable[DatasetSpeaker] = ()) -> None:
        self._means = {s.speaker: np.frombuffer(s.centroid, "<f4").astype(np.float64) for s in rows}
        self._seconds = {s.speaker: s.voice_seconds for s in rows}

    def known(self, numbers: int = 0) -> dict[str, Voice]:
        """All voices, those that are remembered too; if `numbers` is given, those of vectors of that length."""
        there = {s: self._seconds[s] or REMEMBERED_SECONDS for s, mean in self._means.items() if numbers in (0, len(mean))}
        return {s: Voice(self._means[s] * seconds, seconds) for s, seconds in there.items()}

    def seconds(self, voice: str) -> float:
        """Length of a voice's clips; 0 if none is left."""
        return self._seconds.get(voice, 0.0)

    def mean(self, voice: str) -> Vector:
        """Mean vector of a voice."""
        return Vector(self._means[voice].astype("<f4").tobytes())

    def add(self, clips: Clips, ids: Sequence[str]) -> None:
        """Adds clips, each to the voice with its id."""
        for voice, heard in _by_voice(clips, ids).items():
            before = self._seconds.get(voice, 0.0)
            total = (self._means[voice] * before if before else 0.0) + heard.total
            self._seconds[voice] = before + heard.seconds
            self._means[voice] = total / self._seconds[voice]

    def remove(self, clips: Clips, ids: Sequence[str]) -> None:
        """Takes clips away from the voices with their ids. A voice without clips keeps its mean; one that was forgotten has none."""
        for voice, heard in _by_voice(clips, ids).items():
            if voice not in self._seconds:
                continue
            left = self._seconds[voice] - heard.seconds
            if left < 1 / SAMPLE_RATE_HZ:
                self._seconds[voice] = 0.0
            else:
                self._means[voice] = (self._means[voice] * self._seconds[voice] - heard.total) / left
                self._seconds[voice] = left

    def of_speakers(self, merged: Mapping[str, str]) -> dict[str, Voice]:
        """The voice of each speaker that has clips: the sum of those that were merged into it. `merged` are ids that are not speakers."""
        found: dict[str, Voice] = {}
        for voice, seconds in self._seconds.items():
            if seconds:
                own, speaker = Voice(self._means[voice] * seconds, seconds), merged.get(voice, voice)
                found[speaker] = found[speaker] + own if speaker in found else own
        return found

    def forget(self, voices: Iterable[str]) -> None:
        """Removes voices, those that are remembered too."""
        for voice in voices:
            self._means.pop(voice, None)
            self._seconds.pop(voice, None)

    @property
    def ids(self) -> list[str]:
        """The ids of all voices, in their order."""
        return sorted(self._means, key=number)


def _by_voice(clips: Clips, ids: Sequence[str]) -> dict[str, Voice]:
    places = {name: i for i, name in enumerate(dict.fromkeys(ids))}
    labels = np.array([places[name] for name in ids], np.int64)
    totals, seconds = added(clips.totals, labels), added(clips.seconds, labels)
    return {name: Voice(totals[i], float(seconds[i])) for name, i in places.items()}


def facts(spoken: Mapping[str, int], clips: Mapping[str, int], given: int) -> dict[str, Any]:
    """The part of a version's lineage about its speakers.

    `spoken` are the samples of each speaker, without those of duplicates; `clips` the number of clips; `given` the number of ids
    given so far.
    """
    there = [s for s, count in clips.items() if s and count]
    seconds = {s: spoken.get(s, 0) / SAMPLE_RATE_HZ for s in sorted(there, key=lambda s: (-spoken.get(s, 0), number(s)))}
    heard = {s: n for s, n in seconds.items() if n}
    return {
        "given": given,
        "count": len(seconds),
        "dominant": next(iter(heard), ""),
        "speech_seconds": sum(spoken.get(s, 0) for s in there) / SAMPLE_RATE_HZ,
        "seconds": dict(islice(heard.items(), SHOWN)),
    }


def dominant_share(facts: Mapping[str, Any]) -> float:
    """The dominant speaker's share of all speech, 0 to 1. `facts` are those of a version's lineage; 0 if empty."""
    return float(facts["seconds"][facts["dominant"]] / facts["speech_seconds"]) if facts.get("dominant") else 0.0


def table(
    voices: Voices,
    before: Iterable[DatasetSpeaker],
    spoken: Mapping[str, int],
    clips: Mapping[str, int],
    names: Mapping[str, str],
    version: int,
) -> list[DatasetSpeaker]:
    """The speakers of the next version, which has the number `version`; `before` are those of the version before it."""
    first, total = {s.speaker: s for s in before}, sum(n for s, n in spoken.items() if s) or 1
    return [
        DatasetSpeaker(
            speaker=speaker,
            centroid=voices.mean(speaker),
            voice_seconds=voices.seconds(speaker),
            clips=clips.get(speaker, 0),
            speech_seconds=spoken.get(speaker, 0) / SAMPLE_RATE_HZ,
            share=spoken.get(speaker, 0) / total,
            first_version=first[speaker].first_version if speaker in first else version,
            name=names.get(speaker, ""),
        )
        for speaker in voices.ids
    ]


def given_ids(version: Version | None) -> int:
    """Number of speaker ids that a dataset had given when a version was made."""
    return int(version.lineage.get("speakers", {}).get("given", 0)) if version else 0


def number(speaker: str) -> int:
    """The number in an id."""
    return int(speaker[1:])
