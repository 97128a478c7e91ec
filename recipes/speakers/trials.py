"""Who is compared with whom: references of some utterances of a speaker against clips of that speaker and of others.

A trial is one clip against one reference. Clips are cut from utterances; those that a reference is made of are in no trial of it.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from mixtures import Utterance, recording_id
from numpy.typing import NDArray

from components.shared.rows import Clip, Speaker
from components.shared.windows import Windows
from components.tag_speaker.tag_speaker import compared, speaker_of, voice

REFERENCE_UTTERANCES = (1, 3, 5)
USUAL_UTTERANCES = 3
"""Of a reference, where nothing else is said."""
DRAWS = 3
"""References that are drawn of each speaker and size."""
BANDS_SECONDS = {"1.5 to 3 s": (1.5, 3.0), "3 to 6 s": (3.0, 6.0), "6 to 15 s": (6.0, 15.0)}
TURN_SECONDS = (1.0, 1.6, 2.4)
"""How long somebody else speaks at the end of a clip that is not pure."""


@dataclass(frozen=True)
class Spoken:
    """A clip of an utterance, what is heard in it, and the windows of its recording."""

    utterance: Utterance
    band: str
    clip: Clip
    windows: Windows
    heard: Speaker

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.clip.end - self.clip.start


@dataclass(frozen=True)
class Reference:
    """What some utterances of a speaker give."""

    speaker: str
    vector: NDArray[np.float64]
    paths: frozenset[str]
    """The utterances."""


@dataclass(frozen=True)
class Trials:
    """Many trials, a column each, all shaped (trials,)."""

    columns: Mapping[str, NDArray[np.generic]]

    def where(self, **wanted: object) -> "Trials":
        """Those whose columns have these values."""
        keep = np.ones(len(self), bool)
        for name, value in wanted.items():
            keep &= self.columns[name] == value
        return self[keep]

    def __getitem__(self, keep: NDArray[np.bool_]) -> "Trials":
        return Trials({name: values[keep] for name, values in self.columns.items()})

    def __len__(self) -> int:
        return len(self.columns["similarity"])


def clips(utterances: Iterable[Utterance], condition: str, windows: Mapping[str, Windows]) -> list[Spoken]:
    """One clip of each length that an utterance is long enough for, from its beginning on."""
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
    """References of so many utterances each, DRAWS of every speaker who has some more."""
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
    """As `tag_speaker` makes it of a reference's windows."""
    return voice(vectors, np.ones(len(vectors)))


def trials(
    made: Sequence[Reference], given: Sequence[Spoken], condition: str, separated: bool, utterances: int
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Every clip of the reference's language against every reference: columns of a reference at a time."""
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
    """Similarities as `tag_speaker` gives them in a programme, where clips that sound like one voice are compared together.

    In each the voice of the reference says more than anybody else; two others of its gender and one of the other gender say two
    utterances each; every utterance is in a random condition.
    """
    names = sorted(by_condition)
    placed = {(s.utterance.path, name): s for name in names for s in by_condition[name]}  # of the bands of an utterance the longest
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
    """Some utterances of some speakers."""
    speakers = sorted({u.speaker for u in utterances})
    chosen = rng.permutation(speakers)[:count] if speakers else []
    return [u for speaker in chosen for u in [v for v in utterances if v.speaker == speaker][:each]]


def turns(made: Sequence[Reference], given: Sequence[Spoken], band: str = "3 to 6 s") -> dict[float, list[float]]:
    """Purities of clips of a speaker in which another one of the same gender speaks last, by how long that one does.

    No window holds both voices, as one at the change would.
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
