"""Schedules: what Kubeflow's Go library does with the six fields is what cron does with the five."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.shared.task import StageError
from pipelines.cluster.cron import five_fields, next_times, six_fields

BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
START = datetime(2026, 11, 22, 22, 36, tzinfo=UTC)


def go_field(field: str, low: int, high: int) -> tuple[set[int], bool]:
    """One field as robfig/cron 1.2 reads it: its values, and whether it holds a star."""
    values: set[int] = set()
    star = False
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        star |= first == "*"
        begin = low if first == "*" else int(first)
        end = high if first == "*" or (step and not last) else int(last or first)
        assert low <= begin <= end <= high, f"Go refuses {field}"
        values |= set(range(begin, end + 1, int(step or 1)))
    return values, star


def go_times(cron: str, start: datetime, days: int) -> Iterator[datetime]:
    """The times of a schedule as robfig/cron 1.2 finds them."""
    (second, _), (minute, _), (hour, _), (day, day_star), (month, _), (weekday, weekday_star) = (
        go_field(field, *bounds) for field, bounds in zip(cron.split(), BOUNDS, strict=True)
    )
    assert second == {0}
    for date in (start.replace(hour=0, minute=0) + timedelta(days=n) for n in range(days)):
        in_day, in_week = date.day in day, date.isoweekday() % 7 in weekday
        if date.month in month and ((in_day and in_week) if day_star or weekday_star else (in_day or in_week)):
            times = (date.replace(hour=h, minute=m) for h in sorted(hour) for m in sorted(minute))
            yield from (t for t in times if t > start)


NAMES = {
    3: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    4: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
}


@st.composite
def fields(draw: st.DrawFn, index: int) -> str:
    low, high = [*BOUNDS[1:5], (0, 7)][index]
    number = st.integers(low, high).map(str)
    value = number | st.sampled_from(NAMES[index]) if index in NAMES else number
    span = st.just("*") | value | st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda ends: f"{min(ends)}-{max(ends)}")
    term = st.tuples(span, st.just("") | st.integers(1, high).map("/{}".format)).map("".join)
    return draw(st.just("*") | st.lists(term, min_size=1, max_size=3).map(",".join))


@settings(deadline=None, max_examples=300)
@given(st.tuples(*(fields(index) for index in range(5))).map(" ".join))
def test_six_fields_mean_to_kubeflow_what_five_mean_to_cron(cron: str) -> None:
    try:
        six = six_fields(cron)
    except StageError:
        assume(False)
    days = 400
    expected = list(islice(CronSim(cron, START), 50))
    end = START.replace(hour=0, minute=0) + timedelta(days=days)
    assert list(islice(go_times(six, START, days), 50)) == [t for t in expected if t < end]


@settings(deadline=None)
@given(st.text(alphabet="0123456789*,-/ LW#?@ABCSUNMO", max_size=20) | st.text(max_size=20))
def test_a_text_is_a_schedule_or_refused_in_one_line(text: str) -> None:
    try:
        six = six_fields(text)
    except StageError as error:
        assert len(str(error).splitlines()) == 1
    else:
        CronSim(text, START)
        next(go_times(six, START, 5 * 366))


@pytest.mark.parametrize(
    ("cron", "six"),
    [
        ("0 3 * * 1", "0 0 3 * * 1"),
        ("0 3 * * mon-fri", "0 0 3 * * 1-5"),
        ("*/15 8-18/2 1,15 JAN *", "0 */15 8,10,12,14,16,18 1,15 1 *"),
        ("0 0 * * 5-7", "0 0 0 * * 0,5-6"),
        ("0 0 * * SUN,7", "0 0 0 * * 0"),
        ("5 4 */2 * 1", "0 5 4 */2 * 1"),
    ],
)
def test_what_kubeflow_gets(cron: str, six: str) -> None:
    assert six_fields(cron) == six
    assert five_fields(six) == six.removeprefix("0 ")


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 0 3 * * 1", "expected five fields .* found 6"),
        ("@weekly", "found 1"),
        ("", "found 0"),
        ("0 3 L * *", "day of the month: .* found 'L'"),
        ("0 3 15W * *", "found '15W'"),
        ("0 3 * * 1#2", "found '1#2'"),
        ("0 3 ? * 1", r"found '\?'"),
        ("60 3 * * *", "minute: out of range"),
        ("0 24 * * *", "hour: out of range"),
        ("0 3 * * FRI-SUN", "day-of-week: out of range, or a range that runs backwards"),
        ("0 3 * * */0", "day-of-week"),
        ("0 3 * FOO *", "month"),
        ("0 3 30 2 *", "day-of-month"),
    ],
)
def test_what_is_no_schedule_of_five_fields_is_refused(cron: str, said: str) -> None:
    with pytest.raises(StageError, match=said) as refused:
        six_fields(cron)
    assert str(refused.value).startswith("cron: ") and "\n" not in str(refused.value)


@pytest.fixture
def in_seoul() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Seoul")
        time.tzset()
        yield
    time.tzset()


def test_the_next_times_are_in_the_person_s_time_zone(in_seoul: None) -> None:
    shown = [f"{t:%Y-%m-%d %H:%M %Z}" for t in next_times(six_fields("0 3 * * 1"), "UTC", START)]
    assert shown == ["2026-11-23 12:00 KST", "2026-11-30 12:00 KST", "2026-12-07 12:00 KST"]
    assert f"{next_times('0 0 9 * * 1', 'Asia/Seoul', START)[0]:%a %d %H:%M}" == "Mon 23 09:00"
    with pytest.raises(StageError, match=r"time zone .* 'Mars'"):
        next_times("0 0 3 * * 1", "Mars", START)


def test_the_hour_that_a_change_of_clocks_takes_away_is_left_out_as_kubeflow_leaves_it_out() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    times = next_times(six_fields("30 2 * * *"), "Europe/Berlin", start, 2)
    assert [t.astimezone(UTC).isoformat() for t in times] == ["2026-03-30T00:30:00+00:00", "2026-03-31T00:30:00+00:00"]
