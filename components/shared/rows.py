"""The data dictionary: one frozen dataclass per kind of row, one field per column, units in the names.

"" is a text nobody knows, 0 a length nobody knows, null a score that nobody measured. Times are seconds on the
recording's own timeline, and every audio stage keeps that timeline to the sample.
"""

from dataclasses import dataclass
from typing import NewType

SAMPLE_RATE_HZ = 44_100
"""Every recording and every clip has this rate; a time in a row is a whole number of its samples, except a window's."""
UNKNOWN_SECONDS = 3600.0
"""Length assumed for an item whose `seconds` is 0, to plan shards and to show progress."""

Vector = NewType("Vector", bytes)
"""Numbers as the bytes of little-endian float32, `numpy.frombuffer(v, "<f4")`; b"" is none. In files a list of float32."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """The recording that a row is about, and what its source says about it."""

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
class Item(SourceInfo):
    """What `discover` plans: one thing to download. A shard's plan is a table of these.

    Its URL is the one to fetch now, which may hold a signature: it is never copied into other tables.
    """

    failures: int
    """How often its download ended in a reason before."""


@dataclass(frozen=True, slots=True)
class Recording(SourceInfo):
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


def to_samples(seconds: float) -> int:
    """Converts seconds to a number of samples; exact for the times in rows."""
    return round(seconds * SAMPLE_RATE_HZ)


def span(row: Segment | Clip) -> tuple[int, int]:
    """First sample of a row and the one after its last."""
    return to_samples(row.start), to_samples(row.end)


@dataclass(frozen=True, slots=True)
class Window:
    """A voice over some tenths of a second, as `embed` heard it. The windows of a recording are ordered by time and overlap."""

    recording: str
    start: float
    end: float
    vector: Vector
    """The d-vector: 256 numbers, of length 1, whose products are cosine similarities."""


@dataclass(frozen=True, slots=True)
class Removed:
    """One sound that `denoise` found by itself and took out: the second table of its artifact."""

    recording: str
    start: float
    end: float
    filter: str
    """tones or sfx."""
    name: str
    """Of a known effect, its file's; of a tone its frequency, as in "6000 Hz"."""
    frequency_hz: float | None
    """Of a tone."""
    correlation: float | None
    """Of a known effect: of its samples and the recording's where it lies, 0 to 1."""
    attenuation_db: float | None
    """How much less of it there is than before; null where that cannot be measured."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the chains between which `best` chose for a recording: the third table of `denoise`'s artifact."""

    recording: str
    chain: str
    chosen: bool
    dnsmos_ovrl: float | None
    """Mean over some of the recording's speech; null for a recording without speech, where none is chosen."""
    bandwidth_hz: float | None


@dataclass(frozen=True, slots=True)
class TimelineSpan:
    """A span of a recording's timeline: what `segment` found there, or what `denoise` removed."""

    recording: str
    start: float
    end: float
    kind: str
    """speech, music, noise or silence from `segment`; tones or sfx removed by `denoise`."""
    label: str
    """Gender of speech, name of the removed sound, or ""."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """By what the stretches of a recording are known again where they come back."""

    recording: str
    hop_seconds: float
    """From one hash to the next: number i is about what begins at i * hop_seconds."""
    span_seconds: float
    """What one hash is about."""
    hashes: bytes
    """Chromaprint's, 32 bits each, little-endian: `numpy.frombuffer(h, "<u4")`. What sounds the same differs in few bits. b"" is none."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose voice a clip is, measured."""

    clip: str
    vector: Vector
    """The d-vector of the clip's windows together, of length 1."""
    similarity: float | None
    """Cosine of the reference's d-vector and that of the clip's voice, -1 to 1: of the clip and those of its shard that sound like it,
    since a few seconds over music sound like nobody by themselves. null without a reference."""
    purity: float | None
    """Lowest cosine of one of its windows: to the reference's d-vector where there is one, else to the clip's own. null without windows."""
    reference: str
    """<name>/<version> of the reference, or ""."""


@dataclass(frozen=True, slots=True)
class Tone:
    """How a clip is said."""

    clip: str
    tone: str
    """As the model names it (neutral, happy, angry, sad; calm, angry), or tone-1, the calmest, to tone-<k>, the most aroused."""
    tone_probability: float | None
    """As the model gives it; null for clusters."""
    arousal: float | None
    """Standardized within the clip's voice: 0 is that voice's own mean."""
    f0_mean_hz: float | None
    """Geometric mean of the voiced frames; null without any."""
    f0_range_semitones: float | None
    """From the 5th to the 95th percentile of the voiced frames."""
    f0_slope_semitones_per_second: float | None
    energy_db: float | None
    """RMS of the clip against full scale."""
    voiced_rate: float | None
    """Share of the frames that are voiced, 0 to 1."""
    tone_by: str
    """<name>/<version> of the model, or the name of the clustering."""
    features: Vector
    """180 numbers: the means of 40 MFCC, 12 chroma and 128 mel bands."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How a clip sounds, by meters without a reference."""

    clip: str
    dnsmos_sig: float | None
    """DNSMOS P.835, 1 to 5, of the speech. It hears 9.01 s at 16 kHz; a shorter clip is tiled to that, so its score is of a loop."""
    dnsmos_bak: float | None
    """The same, of the background: 5 is none."""
    dnsmos_ovrl: float | None
    """The same, overall."""
    snr_db: float | None
    """Power of the speech by that of the noise, which is the quietest tenth of the clip; null for silence, as every score."""
    bandwidth_hz: float | None
    """The highest frequency with speech in it; null where none stands out. This, snr_db and DNSMOS are null below 0.5 s."""
    loudness_lufs: float | None
    """Integrated loudness, ITU-R BS.1770-4; null where all of the clip lies below the gate, and below 0.4 s."""
    true_peak_dbtp: float | None
    """Highest level between the samples too, four times as many of them; 0 is full scale."""
    clipped_share: float | None
    """Share of the samples that lie on a clipped top, 0 to 1."""
    quality_by: str
    """What measured it: names and hashes, separated by commas."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in a clip."""

    clip: str
    text: str
    """Unicode NFC."""
    language: str
    """BCP 47 as given or detected, in small letters: ko, en-us."""
    confidence: float | None
    """Mean log-probability of what was decoded, at most 0; null where the engine gives none."""
    characters_per_second: float | None
    """Letters and digits of the text by the clip's length."""
    words: list[str]
    """Where the engine times them, in order."""
    word_times: Vector
    """Start and end of every word in seconds from the clip's start: 2 numbers a word."""
    text_flags: str
    """What is doubtful about the text, in this order, separated by commas: hallucination, no_speech, character_rate; or not_transcribed,
    where the engine was not asked or gave no answer."""
    text_by: str
    """Engine and model: whisper/<name>/<version>, azure/<api version>, pocketsphinx/<version>."""


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
    before_sha256: str
    """The same of the recording as it was downloaded, mixed to mono, for some clips of each recording; else ""."""
    timeline_sha256: str
    """Hash of the table of TimelineSpan rows of its recording; names its file in the store."""
    speaker: str
    """Id of its voice in the dataset, s0001 and so on, given by `publish`; "" without a vector."""
    vector: Vector
    """This and what follows as in Speaker, …"""
    similarity: float | None
    purity: float | None
    reference: str
    tone: str
    """… in Tone, …"""
    tone_probability: float | None
    arousal: float | None
    f0_mean_hz: float | None
    f0_range_semitones: float | None
    f0_slope_semitones_per_second: float | None
    energy_db: float | None
    voiced_rate: float | None
    tone_by: str
    dnsmos_sig: float | None
    """… in Quality …"""
    dnsmos_bak: float | None
    dnsmos_ovrl: float | None
    snr_db: float | None
    bandwidth_hz: float | None
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    clipped_share: float | None
    quality_by: str
    text: str
    """… and in Transcript. Where a stage has no row of the clip, texts are "" and scores null."""
    language: str
    confidence: float | None
    characters_per_second: float | None
    words: list[str]
    word_times: Vector
    text_flags: str
    text_by: str
    kept: bool
    reason: str
    """The first rule of `publish` that refuses it, or ""."""
