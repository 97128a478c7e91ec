"""The settings of `publish`: the rules that select a dataset's clips, in the order in which they apply.

This table is the only place that names a rule. It gives the stage's parameters with their types,
defaults and help, the checks of their values, the selection with its reasons, and the thresholds in
the report. To add a rule, add a row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.encoders import vectors_of
from components.shared.events import BOUNDS
from components.shared.rows import SAMPLE_RATE_HZ

UNKNOWN = "unknown"
"""The name of a license that the source does not state."""
DOMINANT = "dominant"
"""The name of the speaker with most speech in the dataset."""
CALMEST, MOST_AROUSED = "calmest", "most_aroused"
"""The names of the first and the last tone cluster of each speaker."""
REPEATS = "repeats"
"""The reason of a clip that was heard before. A colon and the earlier clip follow it."""
SPEAKER_ID = r"s\d{4,}"
"""Pattern of a speaker's id."""
LEAST_REPEAT_SECONDS = 3.0
"""Shortest repeat that `publish` finds: little more than the sound that one fingerprint hash spans."""
_FLAGS = ("hallucination", "no_speech", "character_rate", "cut_word", "not_transcribed")

_GENDER = "segment (segment_detect_gender)"
_DIARIZE = "diarize (diarize_enabled)"
_TONE = "tag_tone (tag_tone_enabled)"
_QUALITY = "tag_quality (tag_quality_enabled)"
_EVENTS = "tag_events (tag_events_enabled)"
_TRANSCRIBE = "transcribe (transcribe_engine)"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of `publish`. One that is neither a Number nor Names is a switch.

    A setting with a column is a rule that looks at one clip at a time. It rejects a clip whose
    column has no value, unless `absent` says otherwise.
    """

    name: str
    """Name of the stage's parameter. Pipelines call it `publish_<name>`."""
    default: str | float | bool
    """The parameter's default. Its type is the parameter's type."""
    help: str
    """What the setting means. `description` adds the range, the unit and the neutral value."""
    reason: str = ""
    """Reason that a rejected clip gets; "" if the setting rejects no clip by itself."""
    column: str = ""
    """The column of DatasetRow that the rule compares; "" if the setting compares no column."""
    absent: Any = None
    """The value that stands in for a missing one; None if the rule rejects clips without a value."""
    filled_by: str = ""
    """The column that has a value exactly if the rule's column was measured; "" for that column itself."""
    needs: str = ""
    """The stage that fills the column and the setting that enables it; "" if the rule needs none."""

    @property
    def neutral(self) -> str | float | bool:
        """The value with which the rule rejects no clip."""
        return False

    @property
    def description(self) -> str:
        """Help for the parameter, with everything that a person needs to set it."""
        reason = f"Rejected clips have the reason {self.reason}." if self.reason else ""
        return " ".join(part for part in (self.help, self._values(), reason) if part)

    def _values(self) -> str:
        return ""


@dataclass(frozen=True, kw_only=True)
class Number(Setting):
    """A number. As a rule, it is the lowest value that is kept, or the highest if `at_most`."""

    default: float
    range: tuple[float, float]
    """Least and most that the number may be."""
    unit: str
    title: str = ""
    """What the report calls the column; "" if the report does not show it."""
    at_most: bool = False
    """Whether the number is the highest value that is kept, not the lowest."""
    scale: int = 1
    """How many of the column's units make one of the setting's unit."""
    encoder: str = ""
    """The threshold of an encoder's vectors, a field of `Vectors`, that a setting of 0 stands for; "" if 0 is just a number."""

    @property
    def neutral(self) -> float:
        """The end of the range at which the rule rejects no clip."""
        return self.range[1 if self.at_most else 0]

    def _values(self) -> str:
        neutral = f"; {self.neutral:g} keeps all" if self.column else ""
        encoder = "; 0 takes the threshold of the vectors' encoder" if self.encoder else ""
        return f"Range: {self.range[0]:g} to {self.range[1]:g} ({self.unit}){neutral}{encoder}."


@dataclass(frozen=True, kw_only=True)
class Names(Setting):
    """Names separated by commas, in any case. As a rule, it keeps clips with one of them."""

    default: str = ""
    pattern: str = r"(?s:.*)"
    """Regular expression of a valid name in lowercase."""
    expected: str = ""
    """Description of valid names for an error message."""
    rejects: bool = False
    """Whether the rule rejects clips with one of the names, and keeps all others."""

    @property
    def neutral(self) -> str:
        """No names."""
        return ""

    def _values(self) -> str:
        return f"Separate several with commas; empty {'rejects none' if self.rejects else 'keeps all'}."


@dataclass(frozen=True, kw_only=True)
class Bounds(Names):
    """Names of columns of numbers, each with a bound or without: laughter, music:0.8. As a rule, it rejects clips that reach one."""

    rejects: bool = True
    bounds: Mapping[str, float]
    """The columns, and the bound of each that is named without one."""

    def given(self, names: Iterable[str]) -> dict[str, float]:
        """The bound of each column that is named; the last one counts."""
        parts = (name.partition(":") for name in names)
        return {column: float(bound) if bound else self.bounds[column] for column, _, bound in parts}


SETTINGS: tuple[Setting, ...] = (
    Names(
        name="licences",
        reason="licence",
        column="licence",
        absent=UNKNOWN,
        help=f'Keep clips of recordings under these licenses; "{UNKNOWN}" stands for a license that the source does not state.',
    ),
    Number(
        name="min_seconds",
        reason="too_short",
        column="samples",
        scale=SAMPLE_RATE_HZ,
        title="Length",
        unit="s",
        default=1.5,
        range=(0, 86_400),
        help="Minimum length of a clip.",
    ),
    Names(
        name="genders",
        reason="gender",
        column="gender",
        needs=_GENDER,
        pattern="female|male",
        expected="female, male, or both separated by a comma",
        help="Keep clips of female or male voices.",
    ),
    Names(
        name="speakers",
        reason="speaker",
        column="speaker",
        needs=_DIARIZE,
        pattern=r"[a-z0-9][a-z0-9_-]{0,62}",
        expected=f"{DOMINANT}, ids such as s0001, or names as in `speakers name`, separated by commas",
        help=f'Keep clips of these speakers: "{DOMINANT}" for the one with the most speech in the dataset, ids as `dataset show` '
        "lists them (s0001), or names that `speakers name` gave.",
    ),
    Number(
        name="join_similarity",
        unit="similarity",
        default=0.0,
        range=(-1, 1),
        encoder="voice",
        help="Lowest similarity of two groups of clips that count as one speaker. It applies to new clips; clips of an earlier version "
        "keep their speaker.",
    ),
    Number(
        name="min_similarity",
        reason="similarity",
        column="similarity",
        filled_by="clip_similarity",  # rows without it were compared by cosines
        absent=1.0,
        title="Similarity to the reference",
        unit="similarity",
        default=0.0,
        range=(-1, 1),
        encoder="reference",
        help="Lowest similarity of a clip's voice to the reference. Clips that were not compared with a reference are kept.",
    ),
    Number(
        name="min_purity",
        reason="purity",
        column="purity",
        needs=_DIARIZE,
        title="Purity of the voice",
        unit="share of the speech",
        default=0.0,
        range=(0, 1),
        help="Lowest purity of a clip: the share of its speech in which its main voice speaks alone.",
    ),
    Number(
        name="max_overlap",
        reason="overlap",
        column="overlap_share",
        absent=0.0,
        title="Overlapped speech",
        unit="share of the clip",
        at_most=True,
        default=0.02,
        range=(0, 1),
        help="Largest share of a clip in which two people may speak at the same time. Clips for which it is not known are kept.",
    ),
    Names(
        name="tones",
        reason="tone",
        column="tone",
        needs=_TONE,
        help="Keep clips in these tones, as the tone model names them (calm, angry). Without a model, the tones are clusters: tone-1, "
        f'tone-2 and so on; "{CALMEST}" and "{MOST_AROUSED}" are the first and the last cluster of each speaker.',
    ),
    Number(
        name="min_dnsmos",
        reason="dnsmos",
        column="dnsmos_ovrl",
        needs=_QUALITY,
        title="Overall quality",
        unit="DNSMOS OVRL, 1 to 5",
        default=0.0,
        range=(0, 5),
        help="Lowest overall quality of a clip by DNSMOS P.835.",
    ),
    Number(
        name="min_snr_db",
        reason="snr",
        column="snr_db",
        needs=_QUALITY,
        title="Signal to noise",
        unit="dB",
        default=-100.0,
        range=(-100, 100),
        help="Lowest signal-to-noise ratio of a clip.",
    ),
    Number(
        name="min_bandwidth_hz",
        reason="bandwidth",
        column="bandwidth_hz",
        needs=_QUALITY,
        title="Bandwidth",
        unit="Hz",
        default=0.0,
        range=(0, SAMPLE_RATE_HZ / 2),
        help="Lowest bandwidth of a clip's speech.",
    ),
    Number(
        name="max_clipped_share",
        reason="clipped",
        column="clipped_share",
        needs=_QUALITY,
        title="Clipped samples",
        unit="share of the clip",
        at_most=True,
        default=1.0,
        range=(0, 1),
        help="Largest share of a clip's samples that may be clipped.",
    ),
    Bounds(
        name="refused_events",
        reason="event",
        column="events_by",
        needs=_EVENTS,
        bounds=BOUNDS,
        pattern=rf"({'|'.join(BOUNDS)})(:(0(\.\d*)?|\.\d+|1(\.0*)?))?",
        expected=f"some of {', '.join(BOUNDS)}, each alone or with a probability such as laughter:0.5, separated by commas",
        help=f"Reject clips in which one of these is heard: {', '.join(BOUNDS)}. A name may have the probability from which it counts, "
        "such as laughter:0.5; docs/events.md has the others.",
    ),
    Names(
        name="refused_flags",
        reason="flag",
        column="text_flags",
        filled_by="text_by",
        needs=_TRANSCRIBE,
        rejects=True,
        pattern="|".join(_FLAGS),
        expected=f"some of {', '.join(_FLAGS)}, separated by commas",
        help=f"Reject clips whose transcript has one of these flags: {', '.join(_FLAGS)}.",
    ),
    Names(
        name="languages",
        reason="language",
        column="language",
        needs=_TRANSCRIBE,
        pattern=r"[a-z]{2,8}(-[a-z0-9]{1,8})*",
        expected="languages such as ko or en-us, separated by commas",
        help="Keep clips in these languages (ko, en-us); en includes its variants, such as en-us.",
    ),
    Number(
        name="min_confidence",
        reason="confidence",
        column="confidence",
        needs=_TRANSCRIBE,
        title="Confidence of the transcript",
        unit="mean log-probability",
        default=-100.0,
        range=(-100, 0),
        help="Lowest confidence of a transcript.",
    ),
    Number(
        name="min_agreement",
        reason="agreement",
        column="text_agreement",
        needs="transcribe (transcribe_second)",
        title="Agreement of two engines",
        unit="share of the characters",
        default=0.0,
        range=(0, 1),
        help="Lowest agreement of the texts of both engines.",
    ),
    Number(
        name="min_characters_per_second",
        reason="characters_per_second",
        column="characters_per_second",
        needs=_TRANSCRIBE,
        title="Slowest reading speed",
        unit="characters per second",
        default=0.0,
        range=(0, 100),
        help="Minimum number of letters and digits in the transcript per second of the clip.",
    ),
    Number(
        name="max_characters_per_second",
        reason="characters_per_second",
        column="characters_per_second",
        needs=_TRANSCRIBE,
        title="Fastest reading speed",
        unit="characters per second",
        at_most=True,
        default=100.0,
        range=(0, 100),
        help="Maximum number of letters and digits in the transcript per second of the clip.",
    ),
    Setting(
        name="refuse_repeats",
        reason=REPEATS,
        default=False,
        help="Reject a clip if half of it or more repeats kept clips of earlier recordings, or earlier ones of the same recording: "
        "jingles, advertisements, reruns. Leave this off for a show whose repeated sentences belong in the dataset. "
        f"The reason also names the kept clip with the same sound, as {REPEATS}:<clip>.",
    ),
    Number(
        name="min_repeat_seconds",
        unit="s",
        default=5.0,
        range=(LEAST_REPEAT_SECONDS, 86_400),
        help="Minimum length of a repeat that counts.",
    ),
)
"""All settings. A clip gets the reason of the first rule that rejects it, in this order."""

RULES = tuple(setting for setting in SETTINGS if setting.column)
"""The rules that look at one clip at a time. The rule about repeats comes after them."""


def with_thresholds(settings: Mapping[str, Any], voice_by: str) -> dict[str, Any]:
    """Returns settings in which a 0 that stands for a threshold of vectors is that of the encoder that made them."""
    known = vectors_of(voice_by)
    taken = {s.name: getattr(known, s.encoder) for s in SETTINGS if isinstance(s, Number) and s.encoder and settings.get(s.name) == 0}
    return {**settings, **taken}
