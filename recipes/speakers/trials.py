"""Pairs references with clips. A trial compares one clip with one reference, of the same speaker or of another.

Clips are cut from utterances. A reference is made of some utterances of a speaker, and is never compared with clips of these.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import Clip, Speaker
from components.shared.windows import Windows, together
from components.tag_speaker.tag_speaker import compared, speaker_of
from recipes.speakers.mixtures import Utterance, recording_id

REFERENCE_UTTERANCES = (1, 3, 5)
USUAL_UTTERANCES = 3
"""Utterances of a reference in the tables that do not compare sizes of references."""
DRAWS = 3
"""References drawn per speaker and size."""
BANDS_SECONDS = {"1.5 to 3 s": (1.5, 3.0), "3 to 6 s": (3.0, 6.0), "6 to 15 s": (6.0, 15.0)}
TURN_SECONDS = (1.0, 1.6, 2.4)
"""Seconds of another voice at the end of a clip, for the table of purities."""


@dataclass(frozen=True)
class Spoken:
    """A clip of an utterance, its voice vector and purity, and the windows of its recording."""

    utterance: Utterance
    band: str
    clip: Clip
    windows: Windows
    heard: Speaker

    @property
    def seconds(self) -> float:
        """The clip's length."""
        return self.clip.end - self.clip.start


@dataclass(frozen=True)
class Reference:
    """A voice vector made of some utterances of a speaker."""

    speaker: str
    vector: NDArray[np.float64]
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
                heard = speaker_of(clip, windows[recording], None, "")
                found += [Spoken(one, band, clip, windows[recording], heard)] if heard.vector else []
    return found


def references(utterances: Sequence[Utterance], heard: Mapping[str, Windows], count: int) -> list[Reference]:
    """Draws DRAWS references of `count` utterances for every speaker with at least `count` + 3 utterances."""
    by_speaker = defaultdict(list)
    for one in utterances:
        by_speaker[one.speaker].append(one)
    found = []
    for speaker, own in by_speaker.items():
        rng = np.random.default_rng(zlib.crc32(f"{count} {speaker}".encode()))
        for _ in range(DRAWS if len(own) >= count + 3 else 0):
            drawn = [own[i].path for i in rng.permutation(len(own))[:count]]
            found.append(Reference(speaker, reference_vector(np.concatenate([heard[p].vectors for p in drawn])), frozenset(drawn)))
    return found


def reference_vector(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The vector that `tag_speaker` computes from a reference's windows."""
    return together(vectors)


def trials(
    made: Sequence[Reference], given: Sequence[Spoken], condition: str, separated: bool, utterances: int
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
    vectors = np.stack([np.frombuffer(s.heard.vector, "<f4") for s in given])
    targets = {s.utterance.speaker: s.utterance for s in given}
    for reference in (r for r in made if r.speaker in targets):
        target = targets[reference.speaker]
        tried = np.flatnonzero((fixed["language"] == target.language) & ~np.isin(fixed["path"], list(reference.paths)))
        columns: dict[str, NDArray[np.generic]] = {name: values[tried] for name, values in fixed.items() if name != "path"}
        same = columns["speaker"] == reference.speaker
        purities = [
            speaker_of(given[i].clip, given[i].windows, reference.vector, "").purity if own else None
            for i, own in zip(tried, same, strict=True)
        ]
        scored = {"similarity": vectors[tried] @ reference.vector, "purity": np.array(purities, float)}
        constant = {"condition": condition, "separated": separated, "target": reference.speaker, "utterances": utterances}
        repeated = {name: np.full(len(tried), value) for name, value in constant.items()}
        yield {**columns, **scored, **repeated, "same": same, "same_gender": columns["gender"] == target.gender}


def programmes(
    made: Sequence[Reference], by_condition: Mapping[str, Sequence[Spoken]], separated: bool
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
            rows = compared([s.heard for s in tried], [s.clip for s in tried], reference.vector)
            yield {
                "similarity": np.array([r.similarity for r in rows]),
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


def turns(made: Sequence[Reference], given: Sequence[Spoken], band: str = "3 to 6 s") -> dict[float, list[float]]:
    """Purities of clips that end with another speaker of the same gender, by the seconds that the other one speaks.

    The two parts are measured apart, so no window holds both voices, as one at the change would in a real recording.
    """
    found: dict[float, list[float]] = defaultdict(list)
    of_band = [s for s in given if s.band == band]
    for reference in made:
        rng = np.random.default_rng(zlib.crc32(reference.speaker.encode()))
        own = [s for s in of_band if s.utterance.speaker == reference.speaker and s.utterance.path not in reference.paths]
        like = [s for s in of_band if own and _alike(s.utterance, own[0].utterance)]
        for one in own if like else []:
            other = like[rng.integers(len(like))]
            for seconds in TURN_SECONDS:
                end = Clip("", other.clip.recording, other.clip.start, other.clip.start + seconds, "", False)
                purities = [speaker_of(c, s.windows, reference.vector, "").purity for c, s in ((one.clip, one), (end, other))]
                if None not in purities:
                    found[seconds].append(min(p for p in purities if p is not None))
    return found


def _alike(one: Utterance, other: Utterance) -> bool:
    return (one.language, one.gender) == (other.language, other.gender) and one.speaker != other.speaker
