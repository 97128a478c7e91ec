"""What is decided about a dataset's speakers: their names, and which ids stand for others.

People decide it (corrections.py), and `publish` gives names to speakers whose voices have one in the store. The lineage of a
version holds it, and the next version takes it over. Ids of clips are in the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from components.shared.encoders import Vectors
from components.shared.voices import Voice, similarities, table
from store.datasets import Version, speaker_names
from store.voices import NamedVoice


@dataclass(frozen=True)
class Identities:
    """The decisions as of one version of a dataset."""

    names: Mapping[str, str] = field(default_factory=dict)
    """The names of speakers by their ids. Two ids that were both recognized may have the same name."""
    merged: Mapping[str, str] = field(default_factory=dict)
    """The ids that were merged into others, with the id that their clips have now. New clips near to their voices get it, too."""
    unnamed: frozenset[str] = frozenset()
    """Ids that get no name by recognition, because a person told them apart from the one who has it."""

    @property
    def facts(self) -> dict[str, Any]:
        """The part of a version's lineage that `identities` reads; what is empty is left out."""
        found = {"names": dict(self.names), "merged": dict(self.merged), "unnamed": sorted(self.unnamed)}
        return {key: value for key, value in found.items() if value}


def identities(version: Version | None) -> Identities:
    """What a version of a dataset says; nothing is decided in a dataset without a version."""
    if version is None:
        return Identities()
    facts = version.lineage.get("speakers", {})
    return Identities(speaker_names(version.lineage), facts.get("merged", {}), frozenset(facts.get("unnamed", [])))


def recognized(
    heard: Mapping[str, Voice], decided: Identities, voices: Mapping[str, Sequence[NamedVoice]], of: Vectors, join_similarity: float
) -> tuple[Identities, dict[str, float]]:
    """Gives names to speakers without one.

    A speaker gets the name of the named voice that is most similar, if the similarity is `join_similarity` or more. `heard` are the
    voices of all speakers that have clips. All vectors are of the encoder with the facts `of`. Returns the decisions and the
    similarity of each speaker that got a name now.
    """
    heard = {s: v for s, v in heard.items() if s not in decided.names and s not in decided.unnamed}
    known = [(name, _voice(v)) for name, own in voices.items() for v in own]
    if not known or not heard:
        return decided, {}
    near = similarities(table(list(heard.values())), table([v for _, v in known]), of)
    most = {s: (known[int(np.argmax(row))][0], float(row.max())) for s, row in zip(heard, near, strict=True)}
    best = {s: found for s, found in most.items() if found[1] >= join_similarity}
    names = {**decided.names, **{speaker: name for speaker, (name, _) in best.items()}}
    return replace(decided, names=names), {speaker: similarity for speaker, (_, similarity) in best.items()}


def _voice(voice: NamedVoice) -> Voice:
    return Voice(np.frombuffer(voice.centroid, "<f4").astype(np.float64) * voice.speech_seconds, voice.speech_seconds)
