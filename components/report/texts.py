"""Formats numbers, names and texts from outside for the page."""

from components.report.charts import time_unit

MOST_CHARACTERS = 160
"""Longest text in a table, which keeps the page small."""


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text of at most `most` characters; an ellipsis replaces the rest."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def duration(seconds: float) -> str:
    """A duration in the unit that suits it: 12.3 h, 4.5 min, 6.7 s."""
    unit, name = time_unit(seconds)
    return f"{seconds / unit:,.1f} {({'hours': 'h', 'minutes': 'min', 'seconds': 's'})[name]}"


def clock(seconds: float) -> str:
    """A time in a recording: 1:02:03 or 2:03."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes


def percent(share: float) -> str:
    """A share, 0 to 1, in percent."""
    return f"{100 * share:.1f} %"


def number(value: float | None) -> str:
    """A measurement with three significant digits, from 1,000 on as a whole number; a dash for None."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 clip, 1,200 clips."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def label(name: str) -> str:
    """A name of the code with spaces for underscores."""
    return name.replace("_", " ")
