"""Reads the day of publication as people and programs write it, and never guesses one.

The day is the one in the text: it stays in the text's time zone, because shows are named by it. A day that a text leaves
out is not filled from another, such as today's.
"""

import re
import unicodedata
from datetime import date

YEARS = range(1900, 2200)
"""Years that are believed. Others belong to another calendar, or are mistakes."""

_ENGLISH = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_NUMBERS = {name[:3]: number for number, name in enumerate(_ENGLISH, 1)}
_NAMES = "|".join(f"{name}|{name[:3]}\\.?" for name in _ENGLISH) + r"|sept\.?"
_MONTH = rf"(?:(?P<name>{_NAMES})|(?P<month>\d{{1,2}}) ?월)"
_WEEKDAY = r"(?:[^\W\d_]{1,12}\.?, ?|(?:mon|tue|wed|thu|fri|sat|sun) |\(?[월화수목금토일](?:요일)?\)?,? )?"
_DAY, _YEAR = r"(?P<day>\d{1,2})", r"(?P<year>\d{4})"
_END = r"(?=$|[ ,;(오]|t\d)"
_FORMS = tuple(
    re.compile(_WEEKDAY + form + _END)
    for form in (
        rf"{_YEAR}(?P<sign>[-/.]) ?(?P<month>\d{{1,2}})(?P=sign) ?{_DAY}\.?",  # 2024-03-05, 2024. 3. 5.
        rf"{_YEAR} ?[년年] ?(?P<month>\d{{1,2}}) ?[월月] ?{_DAY} ?[일日]",
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?:(?:[01]\d|2[0-4])[0-5]\d(?:[0-5]\d)?)?",
        rf"{_DAY}(?:st|nd|rd|th)?[ -]{_MONTH},?[ -](?P<year>\d{{4}}|\d\d)",  # RFC 822
        rf"{_MONTH} {_DAY}(?:st|nd|rd|th)?,? {_YEAR}",
        rf"{_MONTH} {_DAY},? \d\d?:\d\d(?::\d\d)?(?: [a-z]{{2,5}}| [+-]\d{{4}})? {_YEAR}",  # asctime
    )
)


def day_of(text: str) -> str:
    """Returns the day of a date, in ISO 8601, or "" if the text holds none for certain."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    match = next((m for form in _FORMS if (m := form.match(plain))), None)
    if not match:
        return ""
    found = match.groupdict()
    year = int(found["year"])
    year += (2000 if year < 69 else 1900) if len(found["year"]) == 2 else 0
    month = int(found["month"]) if found.get("month") else _NUMBERS[found["name"][:3]]
    try:
        return date(year, month, int(found["day"])).isoformat() if year in YEARS else ""
    except ValueError:
        return ""
