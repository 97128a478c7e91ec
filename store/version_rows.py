"""The rows of which a version of a dataset consists, beside the measurements of its clips."""

from dataclasses import dataclass

from components.shared.rows import Account, Vector


@dataclass(frozen=True, slots=True)
class Decision:
    """What a version of a dataset says of one clip. The clip's measurements are in the block."""

    clip: str
    recording: str
    block: str
    """The file with the clip's measurements: `measures/<block>.parquet` of the dataset."""
    samples: int
    """Length of the clip in frames at 44.1 kHz."""
    voice: str
    """Id that `publish` gave to the clip's voice; empty without a vector. It differs from `speaker` where a person merged two ids."""
    speaker: str
    """Id of the speaker in the dataset, such as s0001; empty without a vector."""
    kept: bool
    """Whether the clip is in the selection of this version."""
    reason: str
    """The first rule of `publish` that rejects the clip, or empty."""


@dataclass(frozen=True, slots=True)
class Recorded(Account):
    """A recording of a version of a dataset, with what became of its samples.

    `samples` is the sum of the columns music_samples to unclipped_speech_samples, and of kept_samples, rejected_samples and
    forgotten_samples.
    """

    run: str
    """The run that published these clips."""
    block: str
    """The file with the measurements of its clips; empty if it has none."""
    kept_samples: int
    """Samples in clips that are kept."""
    rejected_samples: int
    """Samples in clips that are rejected."""
    forgotten_samples: int = 0
    """Samples in clips of a speaker whom `dataset forget` took out of the dataset."""


@dataclass(frozen=True, slots=True)
class DatasetSpeaker:
    """One speaker of a version of a dataset. Speakers without a clip stay, so that their voices are recognized again."""

    speaker: str
    """Id: s0001, s0002 and so on, in order of first appearance. An id is never reused."""
    centroid: Vector
    """Mean of the vectors of the voice's clips, weighted by clip length. Its norm is at most 1, and higher for more
    similar clips. It stays if no clip is left."""
    voice_seconds: float
    """Length of the clips that the centroid is the mean of; 0 if none is left."""
    clips: int
    """Number of the speaker's clips, kept or rejected, those of ids that were merged into it included."""
    speech_seconds: float
    """Length of these clips, without those of duplicate recordings."""
    share: float
    """Share of the speech of all speakers, 0 to 1."""
    first_version: int
    """Version of the dataset that first had the speaker."""
    name: str
    """Name that a person gave, or that a named voice of the store has, or empty. Empty without a clip."""
