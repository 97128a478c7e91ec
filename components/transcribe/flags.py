"""Flags doubtful transcripts."""

import functools
import re
import tomllib
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import Path

from components.transcribe.engines import Transcription

MOST_COMPRESSION = 2.4
"""Maximum zlib compression ratio of a text that is not repetitive; Whisper's own threshold. Transcripts of 2 to 23 s stay below 1.7."""

RATES = {"ko": (1.2, 12.6), "en": (2.4, 30.0)}
"""Minimum and maximum plausible letters and digits per second, by language: half of the lowest measured rate with pauses, and 1.75 times
the highest without pauses, because the measured speech was read or acted and shows are spontaneous. Measured 0.1 and 99.9 percentiles,
with and without pauses: Korean 2.4 to 5.7, 3.2 to 7.2 (282 utterances, 26 speakers); English 4.9 to 14.0, 5.7 to 17.4 (230, 34)."""
ANY_RATE = (1.2, 30.0)
"""The range of all other languages."""

_ONE_PHRASE = re.compile(r"(\w{2,20}?)\1{3,}|(\w)\2{5,}")
"""A phrase four times or more, or a letter six times or more; people do say "아니 아니 아니" and "네 네 네"."""
_PHRASES = Path(__file__).with_name("hallucinations.toml")


def flags(result: Transcription, seconds: float, is_cut: bool = False) -> list[str]:
    """Returns the flags of a transcript of a clip of this length, in a fixed order. `is_cut` is whether an edge of it cuts a word."""
    if result.problem:
        return ["not_transcribed"]
    language = result.language.lower().partition("-")[0]
    found = {
        "hallucination": is_hallucination(result.text, language) or repeats_itself(result.text),
        "no_speech": result.no_speech or not characters(result.text),
        "character_rate": not is_usual_rate(characters(result.text) / seconds, language),
        "cut_word": is_cut,
    }
    return [name for name, holds in found.items() if holds]


def characters(text: str) -> int:
    """Returns the number of letters and digits in a text."""
    return sum(c.isalnum() for c in text)


def is_usual_rate(characters_per_second: float, language: str) -> bool:
    """Returns whether a rate is plausible for a language."""
    least, most = RATES.get(language, ANY_RATE)
    return least <= characters_per_second <= most


def repeats_itself(text: str) -> bool:
    """Returns whether a text is repetitive: zlib compresses it well, or it is nothing but one phrase again and again."""
    data = text.encode()
    return len(data) > MOST_COMPRESSION * len(zlib.compress(data)) or bool(_ONE_PHRASE.fullmatch(plain(text)))


def is_hallucination(text: str, language: str) -> bool:
    """Returns whether a text is, or contains, a known hallucination of engines."""
    letters = plain(text)
    whole, part = _patterns(language)
    return bool(letters) and bool(whole.fullmatch(letters) or part.search(letters))


@functools.cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Returns a pattern for a whole text, which may repeat, and one for a part of it; phrases under `any` apply to every language."""
    listed = tomllib.loads(_PHRASES.read_text(encoding="utf-8"))
    phrases = [p for name in ("any", language) for p in listed.get(name, ())]
    whole, part = ([_pattern(p["text"]) for p in phrases if p.get("anywhere", False) == anywhere] for anywhere in (False, True))
    return re.compile(f"(?:{_any_of(whole + part)})+"), re.compile(_any_of(part))


def _any_of(patterns: Sequence[str]) -> str:
    return "|".join(sorted(patterns)) or r"(?!)"


def _pattern(phrase: str) -> str:
    """Returns the pattern of a phrase without spaces and punctuation; * is a name of up to 12 letters."""
    return r"\w{1,12}".join(re.escape(plain(part)) for part in phrase.split("*"))


def agreement(one: Transcription, other: Transcription) -> float | None:
    """Returns the similarity of two texts, 0 to 1, as `Transcript.text_agreement` has it; None if one is missing."""
    from rapidfuzz.distance import Levenshtein

    return None if one.problem or other.problem else Levenshtein.normalized_similarity(plain(one.text), plain(other.text))


def plain(text: str) -> str:
    """Returns the letters and digits of a text, normalized."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
