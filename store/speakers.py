"""The speakers of a dataset: every id that was ever given in it, with the voice that it stands for.

What is true of ids stands in the dataset's versions: the rows have them, and a version's lineage has how many were given. This table
is made of it after each commit, and remembers the voices of which no clip is left.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from components.shared.rows import Vector
from store.interface import Store
from store.objects import check_name
from store.tables import Table


@dataclass(frozen=True, slots=True)
class DatasetSpeaker:
    """One speaker of the dataset, as of its newest version."""

    speaker: str
    """Id: s0001, s0002 and so on, in order of first appearance. An id is never reused."""
    centroid: Vector
    """Mean of the clips' d-vectors, weighted by clip length. Its norm, at most 1, says how similar they are. Kept if no clip is left."""
    clips: int
    """Number of clips, kept or rejected."""
    speech_seconds: float
    """Length of these clips, without those of duplicate recordings."""
    share: float
    """Share of the speech of all speakers, 0 to 1."""
    first_version: int
    """The version of the dataset that gave the id."""


class SpeakerStore:
    """Reads and changes the speakers of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._table = Table(store, f"datasets/{check_name(dataset)}/speakers", DatasetSpeaker, "speaker")

    def rows(self) -> list[DatasetSpeaker]:
        """All speakers in the order of their ids."""
        return self._table.rows()

    def write(self, compute: Callable[[], Iterable[DatasetSpeaker]]) -> None:
        """Replaces what is known of the speakers that `compute` tells of; it may be called again on a conflict."""

        def merged(present: list[DatasetSpeaker], _: object) -> tuple[list[DatasetSpeaker], dict[str, str]] | None:
            found = {s.speaker: s for s in compute()}
            gone = [replace(s, clips=0, speech_seconds=0.0, share=0.0) for s in present if s.speaker not in found]
            rows = sorted([*found.values(), *gone], key=lambda s: s.speaker)
            return None if rows == present else (rows, {})

        self._table.change(merged)
