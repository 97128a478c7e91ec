"""Converts cron expressions of five fields to the six fields (with seconds) that Kubeflow's Go library reads.

cronsim and the Go library agree on `*`, numbers, names, ranges, lists and steps, and on a day of the month combined with a day of
the week. They differ on everything else (L, W, #, ?, @weekly), so it is refused here.
"""

import itertools
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from components.shared.task import StageError

_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_VALUE = r"(?:\d{1,2}|[A-Za-z]{3})"
_TERM = rf"(?:\*|{_VALUE}(?:-{_VALUE})?)(?:/\d{{1,2}})?"
_FIELD = re.compile(rf"{_TERM}(?:,{_TERM})*")
_WRITTEN = "minute hour day-of-month month day-of-week, such as `0 3 * * MON` for Mondays at 3:00 or `*/30 8-18 * * MON-FRI`"
_HORIZON = timedelta(days=5 * 365)
"""Kubeflow searches for the next time within five years."""


def six_fields(cron: str) -> str:
    """Returns the six-field form of a cron expression of five fields; the seconds come first.

    Raises StageError if the expression is not valid, or if it matches no time within five years.
    """
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        raise StageError(f"cron: expected five fields ({_WRITTEN}), found {len(fields)} in {cron!r}")
    for name, field in zip(_FIELDS, fields, strict=True):
        if not _FIELD.fullmatch(field):
            raise StageError(f"cron: {name}: expected numbers, names, ranges, lists and steps ({_WRITTEN}), found {field!r}")
    now = datetime.now(ZoneInfo("UTC"))
    try:
        parsed = CronSim(cron, now)
        soon = next(parsed) - now < _HORIZON
    except CronSimError as error:
        wrong = str(error).removeprefix("Bad ")
        raise StageError(f"cron: {wrong}: out of range, or a range that runs backwards, in {cron!r} ({_WRITTEN})") from None
    except StopIteration:
        soon = False
    if not soon:
        raise StageError(f"cron: expected a time within five years, found none that matches {cron!r}")
    days_of_week = {day % 7 for day in parsed.weekdays if isinstance(day, int)}  # Sunday is 0 and 7 in cronsim, 0 in the Go library
    values = (parsed.minutes, parsed.hours, parsed.days, parsed.months, days_of_week)
    return " ".join(["0", *(_rewritten(field, v) for field, v in zip(fields, values, strict=True))])


def _rewritten(field: str, values: set[int]) -> str:
    """Returns the field in numbers. A leading star stays: with it both kinds of day must match, without it one of them."""
    if field.startswith("*"):
        stars = [term for term in field.split(",") if term.startswith("*")]
        return ",".join([*stars, *([] if len(stars) == field.count(",") + 1 else [_ranges(values)])])
    return _ranges(values)


def _ranges(values: set[int]) -> str:
    runs = [[v for _, v in run] for _, run in itertools.groupby(enumerate(sorted(values)), lambda item: item[1] - item[0])]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def five_fields(cron: str) -> str:
    """Removes the seconds that six_fields() added; returns other expressions unchanged."""
    seconds, _, rest = cron.partition(" ")
    return rest if seconds == "0" and len(cron.split()) == 6 else cron


def next_times(cron: str, zone: str, now: datetime, count: int = 3) -> list[datetime]:
    """Returns the next times of a six-field expression in a time zone, converted to local time."""
    return [time.astimezone() for time in itertools.islice(CronSim(cron, now.astimezone(timezone(zone))), count)]


def timezone(name: str) -> ZoneInfo:
    """Returns the time zone with a name such as Asia/Seoul."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise StageError(f"expected a time zone such as UTC or Asia/Seoul, found {name!r}") from None
