"""Schedules as a person writes them, five fields of cron, as Kubeflow wants them: six, for the Go library that it reads them with.

Both libraries agree on `*`, numbers, names, ranges, lists and steps, and on what a day of the month beside a day of the week
means; the rest (L, W, #, ?, @weekly) one of them would refuse or take for something else, so it is refused here.
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
"""Kubeflow looks no further ahead."""


def six_fields(cron: str) -> str:
    """A schedule of five fields with the seconds that Kubeflow wants before them.

    Raises:
        StageError: It is no such schedule, or there is no time that it names.
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
        raise StageError(f"cron: expected a time within five years, found none that {cron!r} names")
    days_of_week = {day % 7 for day in parsed.weekdays if isinstance(day, int)}  # Sunday is 0 and 7 here, 0 there
    values = (parsed.minutes, parsed.hours, parsed.days, parsed.months, days_of_week)
    return " ".join(["0", *(_rewritten(field, v) for field, v in zip(fields, values, strict=True))])


def _rewritten(field: str, values: set[int]) -> str:
    """The field in numbers. One that begins with a star keeps it: with it, both days have to match, without it one of them."""
    if field.startswith("*"):
        stars = [term for term in field.split(",") if term.startswith("*")]
        return ",".join([*stars, *([] if len(stars) == field.count(",") + 1 else [_ranges(values)])])
    return _ranges(values)


def _ranges(values: set[int]) -> str:
    runs = [[v for _, v in run] for _, run in itertools.groupby(enumerate(sorted(values)), lambda item: item[1] - item[0])]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def five_fields(cron: str) -> str:
    """What six_fields() made, without the seconds; another schedule as it is."""
    seconds, _, rest = cron.partition(" ")
    return rest if seconds == "0" and len(cron.split()) == 6 else cron


def next_times(cron: str, zone: str, now: datetime, count: int = 3) -> list[datetime]:
    """The next times of a schedule of six fields that is meant in a zone, as times of the machine's own."""
    return [time.astimezone() for time in itertools.islice(CronSim(cron, now.astimezone(timezone(zone))), count)]


def timezone(name: str) -> ZoneInfo:
    """The zone of a name such as Asia/Seoul."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise StageError(f"expected a time zone such as UTC or Asia/Seoul, found {name!r}") from None
