"""Days of publication, as feeds state them."""

import email.utils
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.discover import dates
from components.discover.dates import day_of

DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))
TIMES = st.sampled_from(["", " 09:00", " 오후 3:00", " 오전 0:30:00", " (화) 09:00", "(금)", " 23:59:59.5 +0900", ", 09:00 KST"])


@given(DAYS, TIMES, st.data())
def test_every_way_to_write_a_day_is_that_day(day, time, data):
    y, m, d = day.year, day.month, day.day
    month = day.strftime("%B")
    ways = [
        day.isoformat(),
        f"{y}.{m:02}.{d:02}",
        f"{y}/{m}/{d}",
        f"{y}. {m}. {d}.",
        f"{y}년 {m}월 {d}일",
        f"{y}년{m:02}월{d:02}일",
        f"{y}年{m}月{d}日",
        f"{d:02} {m}월 {y}",
        f"화, {d:02} {m}월 {y}",
        f"(화) {y}.{m}.{d}",
        f"{d} {month} {y}",
        f"{month[:3]} {d}, {y}",
        f"Tuesday, {month} {d}th, {y}",
        f"{d:02}-{month[:3].upper()}-{y}",
    ]
    assert day_of(data.draw(st.sampled_from(ways)) + time) == day.isoformat()


@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)), st.integers(-12, 14))
def test_the_formats_of_the_standards_are_the_day_in_their_own_zone(moment, hours):
    zoned = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    for text in (email.utils.format_datetime(zoned), zoned.isoformat(), moment.ctime(), moment.strftime("%Y%m%dT%H%M%SZ")):
        assert day_of(text) == moment.date().isoformat()
    assert day_of(email.utils.format_datetime(zoned.astimezone(UTC), usegmt=True)) == zoned.astimezone(UTC).date().isoformat()


NO_DAYS = """one day|오늘|어제|3월 5일|03/05/2024|05.03.2024|24.03.05|'24. 3. 5|2024|2024-03|March 2024|March 5|1709600400|1709600400000
2024-02-30|2024-13-01|2024-00-10|Tue, 31 Feb 2024 09:00:00 +0900|2024-03-051|Tue, 05 Mar 2567 09:00:00 +0700|1402/12/15|令和6年3月5日
2024-064|09:00|Mayor 5, 2024|5|00000000"""


@pytest.mark.parametrize("text", ["", "9" * 5000, *NO_DAYS.replace("\n", "|").split("|")])
def test_what_leaves_a_part_out_or_is_of_another_calendar_is_no_day(text):
    assert day_of(text) == ""


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Tue, 05 Mar 24 09:00:00 +0900", "2024-03-05"),  # RFC 822 has two digits
        ("Tue, 05 Mar 97 09:00:00 +0900", "1997-03-05"),
        ("Tues, 5 Sept 2024 10:00", "2024-09-05"),
        ("Tue Mar 5 09:00:00 KST 2024", "2024-03-05"),
        ("2024-03-05T24:00", "2024-03-05"),
        ("２０２４年３月５日", "2024-03-05"),
        ("2024\u1102\u1167\u11ab 3\u110b\u116f\u11af 5\u110b\u1175\u11af", "2024-03-05"),  # 년 월 일 in NFD
        ("202403050900", "2024-03-05"),
        ("2024-03-05 오후 3:00", "2024-03-05"),
    ],
)
def test_further_ways(text, day):
    assert day_of(text) == day


@given(st.text(max_size=40) | st.from_regex(r"[0-9월년일./ :,-]{1,30}", fullmatch=True))
def test_any_text_is_a_day_or_none_and_only_of_its_own_digits(text):
    found = day_of(text)
    assert found == "" or date.fromisoformat(found).year in dates.YEARS


def test_nothing_asks_for_today(monkeypatch):
    monkeypatch.setattr(dates, "date", type("Date", (date,), {"today": None}))
    assert day_of("2024.03.05 09:00") == "2024-03-05"
    assert not {"time", "datetime"} & set(vars(dates))
