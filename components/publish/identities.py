"""What is decided about a dataset's speakers: their names, and which ids stand for others.

People decide it (corrections.py), and `publish` gives names to speakers whose voices have one in the store. The lineage of a
version holds it, and the next version takes it over. Ids of clips are in the rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from components.publish import speakers as naming
from components.shared.rows import DatasetRow
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
    rows: Iterable[DatasetRow], decided: Identities, voices: Mapping[str, Sequence[NamedVoice]], join_similarity: float
) -> tuple[Identities, dict[str, float]]:
    """Gives names to speakers without one.

    A speaker gets the name of the named voice that is nearest, if the mean cosine of their clips is `join_similarity` or more.
    All vectors are of one encoder. Returns the decisions and the cosine of each speaker that got a name now.
    """
    names = [name for name, own in voices.items() for _ in own]
    if not names:
        return decided, {}
    found, near = dict(decided.names), dict[str, float]()
    means = np.array([np.frombuffer(v.centroid, "<f4") for own in voices.values() for v in own], np.float64)
    for speaker, voice in naming.voices(rows).items():
        cosines = means @ voice.mean
        best = int(np.argmax(cosines))
        if speaker not in found and speaker not in decided.unnamed and cosines[best] >= join_similarity:
            found[speaker], near[speaker] = names[best], float(cosines[best])
    return replace(decided, names=found), near
