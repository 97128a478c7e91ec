"""States of files: what they have in common decides whether a file was replaced."""

from hypothesis import given
from hypothesis import strategies as st

from components.shared.state import change, joined, parts_of, state_of, stated_by

NAMES = st.sampled_from(["bytes", "modified", "etag", "published"])
STATES = st.dictionaries(NAMES, st.text(min_size=1, max_size=8).filter(str.strip)).map(lambda said: state_of(**said))


@given(STATES)
def test_a_state_has_not_changed_from_itself_nor_from_one_that_says_nothing(state: str) -> None:
    assert change(state, state) == change("", state) == change(state, "") == ""
    assert joined(state, state) == joined("", state) == joined(state, "") == state


@given(STATES, STATES)
def test_the_state_of_two_says_all_that_they_say_and_has_not_changed_from_the_later_one(before: str, now: str) -> None:
    both = joined(before, now)
    assert parts_of(both) == parts_of(before) | parts_of(now)
    assert change(now, both) == ""


def test_a_change_is_named_and_an_etag_decides_alone() -> None:
    assert change(state_of(bytes=4, published="today"), state_of(bytes=5)) == "bytes 5, before 4"
    assert change(state_of(bytes=4, etag='"a"'), state_of(bytes=4, etag='"b"')) == 'etag "b", before "a"'
    assert change(state_of(modified="today", etag='"a"'), state_of(modified="now", etag='"a"')) == ""


def test_what_servers_say_stays_one_part() -> None:
    said = state_of(etag='"a;\nbytes 9"', bytes=0, modified="")
    assert parts_of(said) == {"etag": '"a, bytes 9"'}


def test_a_response_states_the_size_of_its_file_and_no_time_of_its_own() -> None:
    date = "Mon, 01 Jan 2024 00:00:00 GMT"
    assert stated_by({"Content-Range": "bytes 0-0/44", "Content-Length": "1", "ETag": 'W/"a"'}) == 'etag "a"; bytes 44'
    assert stated_by({"Content-Length": "44", "Content-Encoding": "gzip", "Last-Modified": date}) == f"modified {date}"
    assert stated_by({"Content-Range": "bytes 0-0/*", "Last-Modified": date, "Date": date}) == ""


def test_an_invisible_character_between_spaces_is_no_difference() -> None:
    state = state_of(bytes="0 \x1b 0")
    assert state == "bytes 0 0" and joined("", state) == state
