"""The rules by which a version keeps clips: what they are, and which of them refuses a clip first."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from components.publish.matching import LEAST_SECONDS
from components.publish.repeats import heard_before
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.task import StageError, one_line
from store.repeats import Repeat

UNKNOWN = "unknown"
DOMINANT = "dominant"
REPEATS = "repeats"
CALMEST, MOST_AROUSED = "calmest", "most_aroused"
SPEAKER = r"s\d{4,}"
"""What an id looks like."""
_FLAGS = ("hallucination", "no_speech", "character_rate", "not_transcribed")
_RANGES = {
    "min_seconds": (0, 86_400, " seconds"),
    "join_similarity": (-1, 1, ""),
    "min_similarity": (-1, 1, ""),
    "min_purity": (-1, 1, ""),
    "min_dnsmos": (0, 5, ""),
    "min_snr_db": (-100, 100, " dB"),
    "min_bandwidth_hz": (0, SAMPLE_RATE_HZ / 2, " Hz"),
    "max_clipped_share": (0, 1, ""),
    "min_confidence": (-100, 0, ""),
    "min_characters_per_second": (0, 100, ""),
    "max_characters_per_second": (0, 100, ""),
    "min_repeat_seconds": (LEAST_SECONDS, 86_400, " seconds"),
}
"""Least, most and unit of each number. A minimum that is the least and a maximum that is the most refuse nothing."""


@dataclass(frozen=True)
class Rules:
    """What a clip must be to be kept. An empty tuple refuses nothing. All names are in small letters."""

    genders: tuple[str, ...] = ()
    min_seconds: float = 0.0
    licences: tuple[str, ...] = ()
    """"unknown" is the absent one."""
    speakers: tuple[str, ...] = ()
    """Ids, or "dominant", which `resolved` replaces."""
    join_similarity: float = 1.0
    """No rule of selection: from which cosine on a new clip joins a known voice."""
    min_similarity: float = -1.0
    min_purity: float = -1.0
    tones: tuple[str, ...] = ()
    """As tag_tone names them, or "calmest" and "most_aroused", which `resolved` replaces."""
    min_dnsmos: float = 0.0
    min_snr_db: float = -100.0
    min_bandwidth_hz: float = 0.0
    max_clipped_share: float = 1.0
    languages: tuple[str, ...] = ()
    min_confidence: float = -100.0
    min_characters_per_second: float = 0.0
    max_characters_per_second: float = 100.0
    refused_flags: tuple[str, ...] = ()
    refuse_repeats: bool = False
    min_repeat_seconds: float = LEAST_SECONDS
    """Shorter repeats refuse nothing."""
    tones_of: frozenset[tuple[str, str]] = frozenset()
    """Speakers, and the tone that is wanted of each, besides `tones`."""


class Rule(NamedTuple):
    """One rule: what it looks at, and when it refuses that."""

    reason: str
    is_set: Callable[[Rules], bool]
    """Whether it can refuse anything."""
    measure: Callable[[DatasetRow], Any]
    """"" or None where it was not measured."""
    refuses: Callable[[Any, Rules], bool]
    """Of a measure that is there; a clip without it is refused."""
    switch: str = ""
    """What measures it, where it can be switched off."""


def _known(row: DatasetRow) -> float:
    return 1.0 if row.similarity is None else row.similarity


def _tone(row: DatasetRow) -> tuple[str, str] | None:
    return (row.speaker, row.tone.casefold()) if row.tone else None


def _flags(row: DatasetRow) -> set[str] | None:
    return set(row.text_flags.split(",")) if row.text_by else None


def _speaks(language: str, wanted: Sequence[str]) -> bool:
    return any(f"{language}-".startswith(f"{w}-") for w in wanted)


_GENDER, _EMBED, _TONE = "segment_detect_gender", "embed (embed_enabled)", "tag_tone (tag_tone_enabled)"
_QUALITY, _TEXT = "tag_quality (tag_quality_enabled)", "transcribe (transcribe_engine)"
RULES = (
    Rule("licence", lambda w: bool(w.licences), lambda r: r.licence.casefold() or UNKNOWN, lambda v, w: v not in w.licences),
    Rule("too_short", lambda w: w.min_seconds > 0, lambda r: r.samples, lambda v, w: v < round(w.min_seconds * SAMPLE_RATE_HZ)),
    Rule("gender", lambda w: bool(w.genders), lambda r: r.gender, lambda v, w: v not in w.genders, _GENDER),
    Rule("speaker", lambda w: bool(w.speakers), lambda r: r.speaker, lambda v, w: v not in w.speakers, _EMBED),
    Rule("similarity", lambda w: w.min_similarity > -1, _known, lambda v, w: v < w.min_similarity),
    Rule("purity", lambda w: w.min_purity > -1, lambda r: r.purity, lambda v, w: v < w.min_purity, _EMBED),
    Rule("tone", lambda w: bool(w.tones), _tone, lambda v, w: v[1] not in w.tones and v not in w.tones_of, _TONE),
    Rule("dnsmos", lambda w: w.min_dnsmos > 0, lambda r: r.dnsmos_ovrl, lambda v, w: v < w.min_dnsmos, _QUALITY),
    Rule("snr", lambda w: w.min_snr_db > -100, lambda r: r.snr_db, lambda v, w: v < w.min_snr_db, _QUALITY),
    Rule("bandwidth", lambda w: w.min_bandwidth_hz > 0, lambda r: r.bandwidth_hz, lambda v, w: v < w.min_bandwidth_hz, _QUALITY),
    Rule("clipped", lambda w: w.max_clipped_share < 1, lambda r: r.clipped_share, lambda v, w: v > w.max_clipped_share, _QUALITY),
    Rule("flag", lambda w: bool(w.refused_flags), _flags, lambda v, w: not v.isdisjoint(w.refused_flags), _TEXT),
    Rule("language", lambda w: bool(w.languages), lambda r: r.language, lambda v, w: not _speaks(v, w.languages), _TEXT),
    Rule("confidence", lambda w: w.min_confidence > -100, lambda r: r.confidence, lambda v, w: v < w.min_confidence, _TEXT),
    Rule(
        "characters_per_second",
        lambda w: w.min_characters_per_second > 0 or w.max_characters_per_second < 100,
        lambda r: r.characters_per_second,
        lambda v, w: not w.min_characters_per_second <= v <= w.max_characters_per_second,
        _TEXT,
    ),
)
"""All rules but `duplicate`, which comes before them, and `repeats`, which comes after; a clip has the reason of the first to refuse it."""


def names(text: str) -> tuple[str, ...]:
    """A text with commas as names in small letters."""
    return tuple(name.strip().casefold() for name in text.split(",") if name.strip())


def rules(**settings: Any) -> Rules:
    """The rules from the stage's settings, which are called as the fields of Rules.

    Raises:
        StageError: A name that means nothing, or a number out of its range.
    """
    given: dict[str, Any] = {name: names(value) if isinstance(value, str) else value for name, value in settings.items()}
    wanted = Rules(**given)
    for setting, (least, most, unit) in _RANGES.items():
        if not least <= (found := getattr(wanted, setting)) <= most:
            raise StageError(f"publish_{setting}: expected {least:g} to {most:g}{unit}, found {found}")
    if wanted.min_characters_per_second > wanted.max_characters_per_second:
        raise StageError(
            "publish_min_characters_per_second: expected no more than publish_max_characters_per_second, "
            f"found {wanted.min_characters_per_second} and {wanted.max_characters_per_second}"
        )
    _check_names("genders", wanted.genders, "female|male", "female, male or both separated by a comma")
    _check_names("speakers", wanted.speakers, rf"{DOMINANT}|{SPEAKER}", f"{DOMINANT}, or ids like s0001, separated by commas")
    _check_names("languages", wanted.languages, r"[a-z]{2,8}(-[a-z0-9]{1,8})*", "languages like ko or en-us, separated by commas")
    _check_names("refused_flags", wanted.refused_flags, "|".join(_FLAGS), f"some of {', '.join(_FLAGS)}, separated by commas")
    return wanted


def _check_names(setting: str, found: Iterable[str], pattern: str, expected: str) -> None:
    if unknown := [name for name in found if not re.fullmatch(pattern, name)]:
        raise StageError(f"publish_{setting}: expected {expected}, found {one_line(', '.join(unknown))}")


def resolved(rules: Rules, rows: Iterable[DatasetRow], dominant: str, given: int) -> Rules:
    """The rules with names of speakers and tones in place of what these are in a dataset.

    Args:
        rules: The rules.
        rows: All rows of the dataset.
        dominant: Id of its dominant speaker, or "".
        given: How many ids it has given.

    Raises:
        StageError: An id that it never gave.
    """
    if unknown := [name for name in rules.speakers if name != DOMINANT and not 1 <= int(name[1:]) <= given]:
        there = f"s0001 to s{given:04d} are given" if given else "no id is given yet"
        raise StageError(f"publish_speakers: expected speakers of the dataset, found {', '.join(unknown)}: {there}")
    last: dict[str, int] = {}
    for row in rows:
        if cluster := re.fullmatch(r"tone-(\d+)", row.tone):
            last[row.speaker] = max(last.get(row.speaker, 0), int(cluster[1]))
    most_aroused = frozenset((speaker, f"tone-{number}") for speaker, number in last.items() if MOST_AROUSED in rules.tones)
    speakers = tuple(dominant if name == DOMINANT else name for name in rules.speakers)
    tones = tuple("tone-1" if name == CALMEST else name for name in rules.tones)
    return replace(rules, speakers=speakers, tones=tones, tones_of=most_aroused)


def check_measured(rows: Collection[DatasetRow], rules: Rules) -> None:
    """Raises StageError for a rule about what was measured of no clip at all; of a dataset without clips nothing is asked."""
    for rule in RULES:
        if rows and rule.switch and rule.is_set(rules) and all(rule.measure(r) in ("", None) for r in rows):
            raise StageError(
                f"expected clips with what the rule `{rule.reason}` looks at, found none of {len(rows)} that has it: "
                f"switch on {rule.switch}, with discover_again for recordings that are there already, or leave the rule out"
            )


def _refusal(row: DatasetRow, rules: Rules, duplicates: Collection[str], active: Iterable[Rule]) -> str:
    if row.recording in duplicates:
        return "duplicate"
    for rule in active:
        value = rule.measure(row)
        if value in ("", None) or rule.refuses(value, rules):
            return rule.reason
    return ""


def select(rows: Iterable[DatasetRow], rules: Rules, duplicates: Collection[str], repeats: Iterable[Repeat] = ()) -> list[DatasetRow]:
    """The same rows with `kept` and `reason` as the rules say. `repeats` are those of the dataset."""
    active = [r for r in RULES if r.is_set(rules)]
    found = [(row, _refusal(row, rules, duplicates, active)) for row in rows]
    before = heard_before((row for row, reason in found if not reason), repeats, rules.min_repeat_seconds) if rules.refuse_repeats else {}
    reasons = ((row, f"{REPEATS}:{before[row.clip]}" if row.clip in before else reason) for row, reason in found)
    return [replace(row, kept=not reason, reason=reason) for row, reason in reasons]
