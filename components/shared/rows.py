"""The data dictionary: one frozen dataclass per kind of row, one field per column, units in the names.

Every column is always filled: "" is a text nobody knows, 0 a length nobody knows. Times are seconds on the
recording's own timeline, and every audio stage keeps that timeline to the sample.
"""

from dataclasses import dataclass

SAMPLE_RATE_HZ = 44_100
"""Every recording and every clip has this rate; a time in a row is a whole number of its samples."""


@dataclass(frozen=True, slots=True)
class Source:
    """Which recording a row is about, and what its source says of it."""

    recording: str
    """Id of the recording: 16 hex digits of a hash of its kind, its feed and its own id there."""
    kind: str
    """youtube, feed, podbbang, media, local, bucket or sample: how `download` fetches it."""
    url: str
    """Where it came from, without user names, signatures and other secrets; only an Item has it as it is fetched."""
    title: str
    channel: str
    published: str
    """ISO 8601 date of publication at its source, or ""."""
    licence: str
    """As the source states it; "" is unknown, never guessed."""
    seconds: float
    """Of audio that is there; where there is none yet, as the source states it. 0 is unknown."""


@dataclass(frozen=True, slots=True)
class Item(Source):
    """What `discover` plans: one thing to download. A shard's plan is a table of these.

    Its URL is the one to fetch now, which may hold a signature: it is never copied into other tables.
    """

    failures: int
    """How often its download ended in a reason before."""


@dataclass(frozen=True, slots=True)
class Recording(Source):
    """One recording of an audio artifact. Without audio (samples = 0) it holds the reason why."""

    samples: int
    """Length in frames at SAMPLE_RATE_HZ; the file audio/<recording>.flac has exactly these. `seconds` is the same."""
    media_sha256: str
    """Of the media as it was downloaded."""
    duplicate_of: str
    """Id of the recording in this shard with the same media, or ""."""
    reason: str
    """Why there is no audio, in one line, or ""."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of one kind, as `segment` heard it. The segments of a recording cover it without gap or overlap."""

    recording: str
    start: float
    end: float
    label: str
    """speech, music, noise or silence (below the energy threshold)."""
    gender: str
    """female or male for speech where it was asked for, else ""."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A view of a recording: valid in every rendition of it. The clips of a recording are ordered and disjoint."""

    clip: str
    """<recording>-<start in milliseconds, 8 digits>."""
    recording: str
    start: float
    end: float
    gender: str
    hard_cut: bool
    """It ends where speech goes on, because no pause was near: the next clip begins in the middle of a word."""


@dataclass(frozen=True, slots=True)
class Account(Recording):
    """A recording with what became of its samples outside its clips: the second table of a part.

    samples == music_samples + noise_samples + silence_samples + unclipped_speech_samples + the samples of its clips.
    """

    music_samples: int
    noise_samples: int
    silence_samples: int
    unclipped_speech_samples: int
    """Speech in stretches too short to become a clip."""


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """One clip of a dataset, kept or not, with every measurement of it."""

    clip: str
    recording: str
    source: str
    """URL of the recording."""
    title: str
    channel: str
    published: str
    licence: str
    start: float
    end: float
    samples: int
    gender: str
    hard_cut: bool
    audio_sha256: str
    """Of the clip's PCM_16 samples, little-endian, mono, at SAMPLE_RATE_HZ: names its file in the store."""
    kept: bool
    reason: str
    """The first rule of `publish` that refuses it, or ""."""
