"""Named voices: how a person sounds in a dataset, by vectors. They are stored beside each reference that was made of a speaker.

`publish` recognizes them in all datasets of the store whose vectors are of the same encoder.
"""

from dataclasses import dataclass

from components.shared.encoders import encoder_of
from components.shared.rows import Vector
from store.interface import Store
from store.models import REFERENCES, ModelStore, place
from store.parquet import read_object

TABLE = "voices"
"""Name of the table in the folder of a reference."""


@dataclass(frozen=True, slots=True)
class NamedVoice:
    """A voice of a named person, as of the dataset's version in which a speaker got the name.

    A person may have several: in the studio, on the telephone.
    """

    name: str
    centroid: Vector
    """Mean of the vectors of the voice's clips, weighted by clip length. Its norm is at most 1."""
    voice_by: str
    """The encoder that made the vectors: campplus or resemblyzer."""
    speech_seconds: float
    """Length of the clips."""
    dataset: str
    """The dataset that the clips are of."""
    speaker: str
    """Id of the speaker in that dataset."""


def named_voices(store: Store, voice_by: str) -> dict[str, list[NamedVoice]]:
    """The named voices of a store by their names, of the encoder `voice_by`: of each name the newest reference that has some."""
    references, found = ModelStore(store, REFERENCES), dict[str, list[NamedVoice]]()
    for name in references.names():
        for model in references.versions(name):
            if name in found or f"{TABLE}.parquet" not in model.files:
                continue
            rows = read_object(store, f"{place(name, model.version, REFERENCES)}/{TABLE}.parquet", NamedVoice)
            if own := [v for v in rows if encoder_of(v.voice_by) == encoder_of(voice_by)]:
                found[name] = own
    return found
