"""Ids that stay, and texts of strangers."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.discover.feeds import list_media
from components.discover.items import MAX_TEXT, clean, listed, own_id, recording_id, seconds_of

NAMES = st.text(string.ascii_letters + string.digits + "-._~", min_size=1)


def media_id(url: str) -> str:
    return list_media(url).item.recording


@given(NAMES, st.integers(1, 65535), NAMES, st.integers(0, 10**9))
def test_port_scheme_user_and_signature_leave_the_id_of_media_alone(path, port, signature, number):
    plain = media_id(f"https://host.example/{path}?id={number}")
    assert media_id(f"http://me:pw@HOST.example:{port}/{path}?sig={signature}&id={number}&Expires={port}#t={number}") == plain


def test_what_the_query_names_is_part_of_the_id_of_media_in_any_order():
    assert media_id("https://a.example/download.php?id=7") != media_id("https://a.example/download.php?id=8")
    assert media_id("https://a.example/download.php?id=7&v=1") == media_id("https://a.example/download.php?v=1&id=7")
    assert media_id("https://a.example/a.mp3") != media_id("https://b.example/a.mp3")


@given(st.tuples(NAMES, NAMES, NAMES), st.tuples(NAMES, NAMES, NAMES))
def test_ids_differ_where_kind_place_or_own_id_differ(one, other):
    assert (recording_id(*one) == recording_id(*other)) == (one == other)
    assert len(recording_id(*one)) == 16


def test_an_id_that_is_a_url_is_taken_without_its_port_and_with_all_the_rest():
    assert own_id("http://127.0.0.1:4711/?p=3#a") == own_id("http://127.0.0.1:4712/?p=3#a")
    assert own_id("http://a.example/?p=3") != own_id("http://a.example/?p=4")
    assert own_id("http://a.example/#1") != own_id("http://a.example/#2")
    assert own_id("tag:a.example,2026:1") == "tag:a.example,2026:1"


@given(st.text())
def test_texts_become_one_line_of_nfc_without_control_characters(text):
    cleaned = clean(text)
    assert len(cleaned) <= MAX_TEXT
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in cleaned)
    assert clean(cleaned) == cleaned


def test_titles_keep_what_people_write():
    assert clean(" 오늘의/사연\r\n 1회 👨‍👩‍👧\x00 ") == "오늘의/사연 1회 👨‍👩‍👧"
    assert clean(unicodedata.normalize("NFD", "여성시대")) == "여성시대"
    assert clean(None) == ""
    assert len(clean("가" * 1000)) == 500


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3600", 3600), ("62:03", 3723), ("1:02:03", 3723), ("00:01:30.5", 90.5), (" 75 ", 75), (1234, 1234), (12.5, 12.5)]
    + [(text, 0) for text in ("", None, "an hour", "1:2:3:4", "-5", "nan", "inf", "1e9", "٣", "12345678901234567890")],
)
def test_lengths_in_all_their_forms(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:audio/mp3;base64,AAAA", "ftp://a.example/a.mp3", "/etc/passwd", "", "http://"])
def test_only_web_urls_are_fetched_for_a_feed(url):
    entry = listed("feed", "a.example/feed", "1", url)
    assert entry.refusal.startswith("expected an http or https link to its audio, found ")
