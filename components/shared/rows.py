"""The data dictionary: one frozen dataclass per kind of row, one field per column, units in the names.

An empty text and a length of 0 mean unknown. A null score means not measured. Times are seconds from the start of the
recording, and every audio stage keeps that timeline to the sample. docs/data-dictionary.md is made of this module.
"""

from dataclasses import dataclass
from typing import NewType

SAMPLE_RATE_HZ = 44_100
"""Sample rate of every recording and clip. Times in rows are whole numbers of samples, except those of windows."""
UNKNOWN_SECONDS = 3600.0
"""Length assumed for an item whose `seconds` is 0, to plan shards and to show progress."""

Vector = NewType("Vector", bytes)
"""Numbers as the bytes of little-endian float32: `numpy.frombuffer(v, "<f4")`. b"" is none. In files a list of float32."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A recording and its metadata from the source."""

    recording: str
    """Id of the recording: 16 hex digits of a hash of its kind, its feed and its id in the feed."""
    kind: str
    """How `download` fetches it: youtube, feed, podbbang, media, local, bucket or sample."""
    url: str
    """URL of the recording, without user names, signatures and other secrets."""
    title: str
    """Title, as the source states it."""
    channel: str
    """Channel, feed or folder that the recording is from."""
    published: str
    """Date of publication as the source states it, in ISO 8601, or empty."""
    licence: str
    """License as the source states it. Empty means unknown; it is never guessed."""
    seconds: float
    """Length of the audio. Before the download, it is the length that the source states. 0 means unknown."""


@dataclass(frozen=True, slots=True)
class Item(SourceInfo):
    """One recording to download. `discover` writes a table of these for each shard: its plan."""

    url: str
    """URL to fetch. It may hold a signature, and is never copied into another table."""
    failures: int
    """Number of earlier downloads that failed."""
    state: str
    """What the source says of the file: its size, a time, an ETag. Empty if it says nothing."""


@dataclass(frozen=True, slots=True)
class Recording(SourceInfo):
    """One recording of an audio artifact, or the reason why it has no audio."""

    samples: int
    """Length of `audio/<recording>.flac` in frames at 44.1 kHz, 0 without audio. `seconds` is the same length."""
    media_sha256: str
    """SHA-256 of the media file as downloaded."""
    duplicate_of: str
    """Id of the recording in the same shard with the same media file, or empty."""
    reason: str
    """Why there is no audio, on one line, or empty."""
    conversion: str
    """What `download` changed so that the recording holds every voice at its second, such as `turned down 4.2 dB`, or empty."""
    state: str
    """What the source said of the file: its size, a time, an ETag. If it says otherwise later, the file was replaced."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a recording with one kind of sound. The segments of a recording cover it without gap or overlap."""

    recording: str
    start: float
    """Start, from the start of the recording."""
    end: float
    """End, from the start of the recording."""
    label: str
    """speech, music, noise or silence. Silence is below the threshold of energy, which depends on the recording and on the neighborhood."""
    gender: str
    """female or male for speech if `segment_detect_gender` is on, else empty."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of a recording, without audio. The clips of a recording are ordered by time and do not overlap."""

    clip: str
    """Id of the clip: `<recording>-<start in milliseconds, 8 digits>`."""
    recording: str
    start: float
    end: float
    gender: str
    hard_cut: bool
    """Whether the clip ends within speech because no pause was near. The next clip then begins in the middle of a word."""


def to_samples(seconds: float) -> int:
    """Converts seconds to a number of samples; exact for the times in rows."""
    return round(seconds * SAMPLE_RATE_HZ)


def span(row: "Segment | Clip | Turn") -> tuple[int, int]:
    """First sample of a row and the one after its last."""
    return to_samples(row.start), to_samples(row.end)


@dataclass(frozen=True, slots=True)
class Turn:
    """A time in which one person speaks. The turns of a recording are ordered by start; where two overlap, both speak."""

    recording: str
    start: float
    end: float
    voice: int
    """Number of the voice in the recording, from 0 in order of appearance; -1 if another voice is heard, but not which."""


@dataclass(frozen=True, slots=True)
class Window:
    """The voice vector of at most 1.6 s of speech of one person. The windows of a recording are ordered by time and may overlap."""

    recording: str
    start: float
    end: float
    voice: int
    """Number of the voice, as in its turn."""
    vector: Vector
    """Vector of the voice, normalized to length 1. The dot product of two is their cosine similarity."""
    voice_by: str
    """The encoder that made the vector: campplus (192 numbers) or resemblyzer (256 numbers)."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A sound that `separate` found and removed before the separation."""

    recording: str
    start: float
    end: float
    filter: str
    """How it was found: tones for a steady tone, sfx for a known effect."""
    name: str
    """Name of the effect's file, or the frequency of the tone, such as `6000 Hz`."""
    frequency_hz: float | None
    """Frequency of the tone; null for an effect."""
    correlation: float | None
    """Correlation of the effect with the recording at this place, 0 to 1; null for a tone."""
    attenuation_db: float | None
    """Attenuation of the sound by the filter; null if it cannot be measured."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A chain of filters that `best` tried on a recording."""

    recording: str
    chain: str
    """The chain, as in `denoise_chain`."""
    chosen: bool
    """Whether `best` chose this chain. In a recording without speech it chooses none."""
    dnsmos_ovrl: float | None
    """Mean DNSMOS OVRL over excerpts of the recording's speech, 1 to 5; null without speech."""
    bandwidth_hz: float | None
    """Bandwidth of the recording's speech; null without speech."""


VOICE = "voice"
"""The `kind` of a turn in a timeline."""


@dataclass(frozen=True, slots=True)
class TimelineSpan:
    """A part of a recording and the sound in it. The dataset keeps a table of these for each recording: its timeline."""

    recording: str
    start: float
    end: float
    kind: str
    """speech, music, noise or silence as labeled by `segment`; voice for a turn; event for one that `tag_events` heard; tones or sfx for a
    sound that `separate` removed."""
    label: str
    """Gender of the speech, name of the event or the removed sound, number of the turn's voice in the recording, or empty."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The acoustic fingerprint of a recording. `publish` compares fingerprints to find repeats."""

    recording: str
    hop_seconds: float
    """Time between the starts of two hashes. Hash number i covers the audio that starts at `i * hop_seconds`."""
    span_seconds: float
    """Length of the audio that one hash covers."""
    hashes: bytes
    """Chromaprint hashes of 32 bits, little-endian: `numpy.frombuffer(h, "<u4")`. Hashes of similar audio differ in few bits."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """The voice of a clip."""

    clip: str
    vector: Vector
    """Voice vector of the clip, from the windows of its main voice, normalized to length 1."""
    voice_by: str
    """The encoder that made the vector: campplus or resemblyzer; empty without one, and in datasets that knew resemblyzer alone.
    Vectors of two encoders cannot be compared."""
    similarity: float | None
    """Similarity of the reference and the clip's voice, at most 1, corrected for the length of the speech; null without a reference.
    The voice is all that `diarize` hears as one in the shard, because a few seconds over music are too little to compare."""
    clip_similarity: float | None
    """The same of the clip alone."""
    purity: float | None
    """Share of the speech of the clip in which its main voice speaks alone, 0 to 1; null if `diarize` hears no speech in it."""
    overlap_share: float | None
    """Share of the clip in which two speak at the same time, 0 to 1; null like `purity`."""
    reference: str
    """`<name>/<version>` of the reference, or empty."""


@dataclass(frozen=True, slots=True)
class Tone:
    """The tone in which a clip is spoken."""

    clip: str
    tone: str
    """A class of the model, such as neutral, happy, angry or sad. Without a model, a cluster from `tone-1` (the calmest) to
    `tone-<k>` (the most aroused)."""
    tone_probability: float | None
    """Probability of the tone according to the model, 0 to 1; null for clusters."""
    arousal: float | None
    """Mean of pitch, loudness and treble, each standardized within the clip's voice; 0 is that voice's mean."""
    f0_mean_hz: float | None
    """Geometric mean of the pitch of the voiced frames; null without voiced frames."""
    f0_range_semitones: float | None
    """Pitch range of the voiced frames, from the 5th to the 95th percentile."""
    f0_slope_semitones_per_second: float | None
    """Slope of the pitch over the clip."""
    energy_db: float | None
    """RMS level of the clip, relative to full scale."""
    voiced_rate: float | None
    """Share of voiced frames, 0 to 1."""
    tone_by: str
    """`<name>/<version>` of the model, or the name of the clustering."""
    features: Vector
    """180 numbers: means of 40 MFCCs, 12 chroma bands and 128 mel bands."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The sound quality of a clip, measured without a clean reference. Every score is null for a silent clip."""

    clip: str
    dnsmos_sig: float | None
    """DNSMOS P.835 score of the speech, 1 to 5; null for clips under 0.5 s. DNSMOS scores windows of 9.01 s; a shorter clip is repeated
    to fill one."""
    dnsmos_bak: float | None
    """DNSMOS P.835 score of the background, 1 to 5, where 5 is no background noise; null for clips under 0.5 s."""
    dnsmos_ovrl: float | None
    """DNSMOS P.835 score overall, 1 to 5; null for clips under 0.5 s."""
    snr_db: float | None
    """Signal-to-noise ratio. The noise is the quietest tenth of the clip. Too high where music was removed. null for clips under 0.5 s."""
    bandwidth_hz: float | None
    """Highest frequency that holds speech; null if no frequency stands out, or for clips under 0.5 s."""
    loudness_lufs: float | None
    """Integrated loudness by ITU-R BS.1770-4; null if the whole clip is below the gate, or for clips under 0.4 s."""
    true_peak_dbtp: float | None
    """True peak level, measured at four times the sample rate; 0 is full scale."""
    clipped_share: float | None
    """Share of samples that are clipped, 0 to 1."""
    quality_by: str
    """Names of the measuring methods with their versions (of DNSMOS, the model's hash), separated by commas."""


@dataclass(frozen=True, slots=True)
class Account(Recording):
    """A recording, with the number of samples outside its clips.

    `samples` is the sum of the last four columns and the samples of the recording's clips.
    """

    music_samples: int
    """Samples outside clips that `segment` labeled as music."""
    noise_samples: int
    """Samples outside clips that `segment` labeled as noise."""
    silence_samples: int
    """Samples outside clips that `segment` labeled as silence."""
    unclipped_speech_samples: int
    """Samples of speech outside clips, in parts that are too short for a clip."""


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """One clip of a dataset, kept or rejected, with all its measurements.

    If a stage did not measure the clip, that stage's texts are empty and its scores are null.
    """

    clip: str
    recording: str
    source: str
    """URL of the recording, without user names, signatures and other secrets."""
    title: str
    channel: str
    published: str
    licence: str
    start: float
    end: float
    samples: int
    """Length of the clip in frames at 44.1 kHz."""
    gender: str
    hard_cut: bool
    audio_sha256: str
    """SHA-256 of the clip's samples as 16-bit little-endian mono PCM at 44.1 kHz. It names the audio file in the store."""
    before_sha256: str
    """SHA-256 of the clip's samples as downloaded, mixed to mono, in the same format. Only some clips of each recording have it."""
    timeline_sha256: str
    """SHA-256 of the recording's timeline. It names the timeline's file in the store."""
    speaker: str
    """Id of the speaker in the dataset, such as s0001, given by `publish`; empty without a vector."""
    vector: Vector
    """Voice vector of the clip, from all its windows, normalized to length 1."""
    voice_by: str
    similarity: float | None
    clip_similarity: float | None
    purity: float | None
    overlap_share: float | None
    extracted_share: float | None
    """Share of the clip that `extract` replaced by the wanted voice, 0 to 1; null if it tried nothing in it."""
    extract_similarity_gain: float | None
    """Rise of the similarity to the wanted voice in what was replaced, mean over its time; null if nothing was."""
    reference: str
    tone: str
    tone_probability: float | None
    arousal: float | None
    f0_mean_hz: float | None
    f0_range_semitones: float | None
    f0_slope_semitones_per_second: float | None
    energy_db: float | None
    voiced_rate: float | None
    tone_by: str
    dnsmos_sig: float | None
    dnsmos_bak: float | None
    dnsmos_ovrl: float | None
    """DNSMOS P.835 score overall, 1 to 5; null for clips under 0.5 s."""
    snr_db: float | None
    bandwidth_hz: float | None
    """Highest frequency that holds speech; null if no frequency stands out, or for clips under 0.5 s."""
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    clipped_share: float | None
    quality_by: str
    text: str
    language: str
    confidence: float | None
    characters_per_second: float | None
    words: list[str]
    word_times: Vector
    text_flags: str
    text_by: str
    text_agreement: float | None
    text_second: str
    text_second_by: str
    laughter: float | None
    applause: float | None
    breath: float | None
    cough: float | None
    crying: float | None
    singing: float | None
    crowd: float | None
    telephone: float | None
    music: float | None
    events_top: list[str]
    events_top_probabilities: Vector
    events_by: str
    text_source: str
    text_engine: str
    speaker_truth: str
    tone_truth: str
    reject_truth: str
    reviewed_by: str
    reviewed: str
    kept: bool
    """Whether the clip is in the selection of this version."""
    reason: str
    """The first rule of `publish` that rejects the clip, or empty."""
