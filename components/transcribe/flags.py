"""What is doubtful about a text."""

import functools
import re
import tomllib
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import Path

from components.transcribe.engines import Heard

MOST_COMPRESSION = 2.4
"""Text that zlib makes smaller than this repeats itself: Whisper's own threshold. Transcripts of 2 to 23 s of speech stay below 1.7."""

RATES = {"ko": (1.2, 12.6), "en": (2.4, 30.0)}
"""Letters and digits a second that somebody may say, by language: half of the least that was measured with its pauses, and 1.75 times the
most without pauses, since those read and acted and a show is talked. Measured (0.1 and 99.9 percentile; with pauses and without): Korean
2.4 to 5.7, 3.2 to 7.2 (282 utterances of 26 speakers); English 4.9 to 14.0, 5.7 to 17.4 (230 of 34 speakers)."""
ANY_RATE = (1.2, 30.0)
"""Of a language that was not measured."""

_PHRASES = Path(__file__).with_name("hallucinations.toml")


def flags(heard: Heard, seconds: float) -> list[str]:
    """The flags of a clip of so many seconds, in their order."""
    if heard.problem:
        return ["not_transcribed"]
    language = heard.language.lower().partition("-")[0]
    found = {
        "hallucination": is_hallucination(heard.text, language) or repeats_itself(heard.text),
        "no_speech": heard.no_speech or not characters(heard.text),
        "character_rate": not is_usual_rate(characters(heard.text) / seconds, language),
    }
    return [name for name, holds in found.items() if holds]


def characters(text: str) -> int:
    """Letters and digits of a text."""
    return sum(c.isalnum() for c in text)


def is_usual_rate(characters_per_second: float, language: str) -> bool:
    """Whether somebody may have said so many letters and digits a second in a language."""
    least, most = RATES.get(language, ANY_RATE)
    return least <= characters_per_second <= most


def repeats_itself(text: str) -> bool:
    """Whether a text says the same over and over."""
    data = text.encode()
    return len(data) > MOST_COMPRESSION * len(zlib.compress(data))


def is_hallucination(text: str, language: str) -> bool:
    """Whether a text is one that engines write where nobody says it: all of it, or a part that nobody says."""
    plain = _plain(text)
    whole, part = _patterns(language)
    return bool(plain) and bool(whole.fullmatch(plain) or part.search(plain))


@functools.cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What a whole text, perhaps several times, and what a part of it is matched with; phrases without a language are every one's."""
    listed = tomllib.loads(_PHRASES.read_text(encoding="utf-8"))
    phrases = [p for name in ("any", language) for p in listed.get(name, ())]
    whole, part = ([_pattern(p["text"]) for p in phrases if p.get("anywhere", False) == anywhere] for anywhere in (False, True))
    return re.compile(f"(?:{_any_of(whole + part)})+"), re.compile(_any_of(part))


def _any_of(patterns: Sequence[str]) -> str:
    return "|".join(sorted(patterns)) or r"(?!)"


def _pattern(phrase: str) -> str:
    """A phrase without spaces and punctuation; * is a name, up to 12 letters."""
    return r"\w{1,12}".join(re.escape(_plain(part)) for part in phrase.split("*"))


def _plain(text: str) -> str:
    """Letters and digits alone, in one form."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
