"""The speakers of a dataset: every id that it has ever used, with the voice of that speaker.

The versions of the dataset are the source of truth for ids: rows hold them, and the lineage of a
version holds how many were given. `publish` derives this table from them after each commit. The
table also keeps speakers that no longer have a clip, so that their voices are recognized again.
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
    """Mean of the clips' vectors, weighted by clip length. Its norm is at most 1, and higher for more
    similar clips. It stays if no clip is left."""
    clips: int
    """Number of clips, kept or rejected."""
    speech_seconds: float
    """Length of these clips, without those of duplicate recordings."""
    share: float
    """Share of the speech of all speakers, 0 to 1."""
    first_version: int
    """Version of the dataset that first had the speaker."""
    name: str
    """Name that a person gave, or that a named voice of the store has, or empty. Empty without a clip."""


class SpeakerStore:
    """Reads and writes the speakers of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._table = Table(store, f"datasets/{check_name(dataset)}/speakers", DatasetSpeaker, "speaker")

    def rows(self) -> list[DatasetSpeaker]:
        """All speakers, sorted by id."""
        return self._table.rows()

    def write(self, compute: Callable[[], Iterable[DatasetSpeaker]]) -> None:
        """Adds or replaces the speakers that `compute` returns, as in `Table.replace`. The others stay, without clips, time and name."""

        def merged(present: list[DatasetSpeaker]) -> list[DatasetSpeaker]:
            found = {s.speaker: s for s in compute()}
            gone = (s for s in present if s.speaker not in found)
            return [*found.values(), *(replace(s, clips=0, speech_seconds=0.0, share=0.0, name="") for s in gone)]

        self._table.replace(merged)
