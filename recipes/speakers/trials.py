"""Pairs references with clips. A trial compares one clip with one reference, of the same speaker or of another.

Clips are cut from utterances. A reference is made of some utterances of a speaker, and is never compared with clips of these.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.shared.clip_voices import clip_voice
from components.shared.encoders import Vectors
from components.shared.rows import Clip
from components.shared.voices import Voice, added, groups, table
from components.shared.windows import Windows
from recipes.speakers.mixtures import Utterance, recording_id

REFERENCE_UTTERANCES = (1, 3, 5)
USUAL_UTTERANCES = 3
"""Utterances of a reference in the tables that do not compare sizes of references."""
DRAWS = 3
"""References drawn per speaker and size."""
BANDS_SECONDS = {"1.5 to 3 s": (1.5, 3.0), "3 to 6 s": (3.0, 6.0), "6 to 15 s": (6.0, 15.0)}


@dataclass(frozen=True)
class Spoken:
    """A clip of an utterance, and its voice."""

    utterance: Utterance
    band: str
    seconds: float
    """The clip's length."""
    voice: Voice


@dataclass(frozen=True)
class Reference:
    """A voice as some utterances of a speaker have it."""

    speaker: str
    voice: Voice
    paths: frozenset[str]
    """The utterances that it was made of."""


@dataclass(frozen=True)
class Trials:
    """A table of trials: its columns by name, each shaped (trials,)."""

    columns: Mapping[str, NDArray[np.generic]]

    def where(self, **wanted: object) -> "Trials":
        """The trials whose columns have these values."""
        keep = np.ones(len(self), bool)
        for name, value in wanted.items():
            keep &= self.columns[name] == value
        return self[keep]

    def __getitem__(self, keep: NDArray[np.bool_]) -> "Trials":
        return Trials({name: values[keep] for name, values in self.columns.items()})

    def __len__(self) -> int:
        return len(self.columns["similarity"])


def clips(utterances: Iterable[Utterance], condition: str, windows: Mapping[str, Windows]) -> list[Spoken]:
    """For each utterance, one clip per band of lengths that it is long enough for. Clips start where the utterance does."""
    found = []
    for one in utterances:
        recording = recording_id(condition, one.speaker)
        rng = np.random.default_rng(zlib.crc32(one.path.encode()))
        for band, (least, most) in BANDS_SECONDS.items():
            seconds = min(one.end - one.start, float(rng.uniform(least, most)))
            if recording in windows and seconds >= least:
                clip = Clip(f"{one.path} {band}", recording, one.start, one.start + seconds, one.gender, False)
                voice = clip_voice(clip, windows[recording])
                found += [Spoken(one, band, seconds, voice)] if voice else []
    return found


def references(utterances: Sequence[Utterance], heard: Mapping[str, Voice], count: int) -> list[Reference]:
    """Draws DRAWS references of `count` utterances for every speaker with at least `count` + 3 utterances."""
    by_speaker = defaultdict(list)
    for one in utterances:
        by_speaker[one.speaker].append(one)
    found = []
    for speaker, own in by_speaker.items():
        rng = np.random.default_rng(zlib.crc32(f"{count} {speaker}".encode()))
        for _ in range(DRAWS if len(own) >= count + 3 else 0):
            drawn = [own[i].path for i in rng.permutation(len(own))[:count]]
            parts = [heard[p] for p in drawn]
            voice = Voice(np.sum([v.total for v in parts], axis=0), sum(v.seconds for v in parts))
            found.append(Reference(speaker, voice, frozenset(drawn)))
    return found


def trials(
    made: Sequence[Reference], given: Sequence[Spoken], of: Vectors, condition: str, separated: bool, utterances: int
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Compares every reference with every clip of its language; yields the columns of one reference at a time."""
    fixed = {
        "path": np.array([s.utterance.path for s in given]),
        "speaker": np.array([s.utterance.speaker for s in given]),
        "gender": np.array([s.utterance.gender for s in given]),
        "language": np.array([s.utterance.language for s in given]),
        "band": np.array([s.band for s in given]),
        "seconds": np.array([s.seconds for s in given]),
    }
    totals, seconds = table([s.voice for s in given])
    targets = {s.utterance.speaker: s.utterance for s in given}
    for reference in (r for r in made if r.speaker in targets):
        target = targets[reference.speaker]
        tried = np.flatnonzero((fixed["language"] == target.language) & ~np.isin(fixed["path"], list(reference.paths)))
        columns: dict[str, NDArray[np.generic]] = {name: values[tried] for name, values in fixed.items() if name != "path"}
        same = columns["speaker"] == reference.speaker
        scored = {"similarity": reference.voice.similarities(totals[tried], seconds[tried], of)}
        constant = {"condition": condition, "separated": separated, "target": reference.speaker, "utterances": utterances}
        repeated = {name: np.full(len(tried), value) for name, value in constant.items()}
        yield {**columns, **scored, **repeated, "same": same, "same_gender": columns["gender"] == target.gender}


def programmes(
    made: Sequence[Reference], by_condition: Mapping[str, Sequence[Spoken]], of: Vectors, separated: bool
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Similarities in whole programmes, where `tag_speaker` compares clips that sound like one voice together.

    A programme holds all remaining utterances of the reference's speaker, and two utterances each of two speakers of the same gender
    and of one of the other gender. Every utterance is in a random condition.
    """
    names = sorted(by_condition)
    placed = {
        (s.utterance.path, name): s for name in names for s in by_condition[name]
    }  # later bands win: the longest clip of each utterance
    spoken = {s.utterance.path: s.utterance for s in by_condition[names[0]]}
    for number, reference in enumerate(r for r in made if any(u.speaker == r.speaker for u in spoken.values())):
        rng = np.random.default_rng(number)
        own = [u for u in spoken.values() if u.speaker == reference.speaker and u.path not in reference.paths]
        like = [u for u in spoken.values() if own and _alike(u, own[0])]
        unlike = [
            u
            for u in spoken.values()
            if own and (u.language, u.gender) != (own[0].language, own[0].gender) and u.language == own[0].language
        ]
        said = [*own, *_guests(like, 2, rng), *_guests(unlike, 1, rng)]
        drawn = [placed.get((u.path, names[rng.integers(len(names))])) for u in said]
        tried = [s for s in drawn if s is not None]
        if own and like:
            totals, seconds = table([s.voice for s in tried])
            voices = groups(totals, seconds, of)
            similarity = reference.voice.similarities(added(totals, voices), added(seconds, voices), of)[voices]
            yield {
                "similarity": similarity,
                "seconds": np.array([s.seconds for s in tried]),
                "same": np.array([s.utterance.speaker == reference.speaker for s in tried]),
                "same_gender": np.array([s.utterance.gender == own[0].gender for s in tried]),
                "language": np.array([s.utterance.language for s in tried]),
                "target": np.array([reference.speaker for _ in tried]),
                "separated": np.array([separated for _ in tried]),
            }


def _guests(utterances: Sequence[Utterance], count: int, rng: np.random.Generator, each: int = 2) -> list[Utterance]:
    """The first `each` utterances of `count` random speakers."""
    speakers = sorted({u.speaker for u in utterances})
    chosen = rng.permutation(speakers)[:count] if speakers else []
    return [u for speaker in chosen for u in [v for v in utterances if v.speaker == speaker][:each]]


def _alike(one: Utterance, other: Utterance) -> bool:
    return (one.language, one.gender) == (other.language, other.gender) and one.speaker != other.speaker
