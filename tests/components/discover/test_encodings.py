"""Feeds in the encodings that people write, declared as they declare them."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.discover.encodings import codec_of, decode

KOREAN = "라디오 여성시대, 둘째 사연"
HANGUL = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=4, max_size=40)


def declared(label: str, text: str, codec: str) -> bytes:
    return f'<?xml version="1.0" encoding="{label}"?><t>{text}</t>'.encode(codec)


LABELS_OF_KOREAN = """euc-kr EUC_KR cseuckr ks_c_5601-1987 KS_C_5601-1989 ksc5601 ksc_5601 korean iso-ir-149 csksc56011987 windows-949
    x-windows-949 ms949 cp949 uhc"""


@pytest.mark.parametrize("label", LABELS_OF_KOREAN.split())
def test_every_label_of_korean_means_the_larger_encoding_that_windows_writes(label):
    text = "똠방각하 펲시"  # none of the syllables 똠 펲 is in EUC-KR
    assert decode(declared(label, text, "cp949"))[0].endswith(f"<t>{text}</t>")
    assert decode(f"<t>{text}</t>".encode("cp949"), f"text/xml; charset={label}") == (f"<t>{text}</t>", "")


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("gb2312", "gb18030", "朱镕基"),
        ("gbk", "gb18030", "㐂"),
        ("shift_jis", "cp932", "①髙"),
        ("x-sjis", "cp932", "①"),
        ("big5", "big5hkscs", "嘅"),
        ("iso-8859-1", "cp1252", "“café” €"),
        ("us-ascii", "cp1252", "café"),
        ("latin1", "cp1252", "café"),
        ("iso-8859-9", "cp1254", "“ğ”"),
        ("windows-1251", "cp1251", "радио"),
        ("koi8-r", "koi8-r", "радио"),
        ("iso-2022-kr", "iso2022_kr", "라디오"),
        ("iso-2022-jp", "iso2022_jp", "ラジオ"),
        ("euc-jp", "euc_jp", "ラジオ"),
        ("johab", "johab", "똠방각하"),
        ("utf8", "utf-8", KOREAN),
    ],
)
def test_labels_mean_the_larger_encodings_of_browsers(label, codec, text):
    assert decode(declared(label, text, codec))[0].endswith(f"<t>{text}</t>")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"])
@pytest.mark.parametrize("label", ["utf-8", "utf-16", "euc-kr", "nonsense"])
def test_a_byte_order_mark_or_zeros_at_the_beginning_decide(codec, label):
    assert decode(declared(label, KOREAN, codec)) == (declared(label, KOREAN, "utf-8").decode(), "")


@pytest.mark.parametrize(
    "label", ["unicode_escape", "punycode", "idna", "rot13", "zlib", "base64", "undefined", "mbcs", "utf-7", "no-such", "\x00"]
)
def test_labels_of_what_is_no_encoding_of_texts_are_unknown(label):
    assert codec_of(label) == ""
    text, problem = decode(f'<?xml encoding="{label}"?><t>{KOREAN} \\u0041</t>'.encode())
    assert text.endswith(f"<t>{KOREAN} \\u0041</t>")
    assert problem in (f"its encoding {label} is unknown", "")


@pytest.mark.parametrize(
    ("server", "document", "codec"),
    [
        ("iso-8859-1", "utf-8", "utf-8"),
        ("iso-8859-1", "euc-kr", "cp949"),
        ("utf-8", "euc-kr", "cp949"),
        ("euc-kr", "utf-8", "utf-8"),
        ("euc-kr", "utf-8", "cp949"),
        ("", "utf-8", "cp949"),
        ("", "euc-kr", "utf-8"),
        ("us-ascii", "", "utf-8"),
        ("", "", "utf-8"),
        ("", "", "cp949"),
        ("no-such", "neither", "cp949"),
    ],
)
def test_where_the_server_and_the_document_disagree_the_bytes_decide(server, document, codec):
    head = f'<?xml version="1.0" encoding="{document}"?>' if document else ""
    text, _ = decode(f"{head}<t>{KOREAN}</t>".encode(codec), f"text/xml; charset={server}" if server else "text/xml")
    assert text == f"{head}<t>{KOREAN}</t>"


@given(HANGUL, st.integers(1, 2), st.sampled_from(["utf-8", ""]))
def test_one_letter_cut_in_the_middle_costs_one_letter(text, kept, label):
    data = declared(label, text + "|", "utf-8").replace(b"|", "각".encode()[:kept])
    found, problem = decode(data)
    assert found == f'<?xml version="1.0" encoding="{label}"?><t>{text}\ufffd</t>'
    assert problem == "1 pieces are not utf-8 and became U+FFFD"


@given(HANGUL)
def test_one_letter_cut_in_the_middle_costs_one_letter_in_cp949_as_well(text):
    found, problem = decode(declared("euc-kr", text + "|", "cp949").replace(b"|", "각".encode("cp949")[:1]))
    assert found.endswith(f"<t>{text}\ufffd</t>")
    assert problem == "1 pieces are not cp949 and became U+FFFD"


def test_a_cut_letter_of_utf_8_under_the_server_s_default_charset():
    assert decode(f"<t>{KOREAN}|</t>".encode().replace(b"|", b"\xea\xb0"), "text/xml; charset=iso-8859-1")[0] == f"<t>{KOREAN}\ufffd</t>"


def test_a_single_cut_letter_is_not_taken_for_another_language():
    assert decode(declared("utf-8", "one |", "utf-8").replace(b"|", b"\xea\xb0"))[0].endswith("<t>one \ufffd</t>")


@pytest.mark.parametrize("label", ["utf-8", ""])
def test_western_europe_that_is_declared_as_utf_8_or_not_at_all(label):
    found, problem = decode(declared(label, "déjà vu à Genève, où ça?", "latin-1"))
    assert found.endswith("<t>déjà vu à Genève, où ça?</t>")
    assert "read as cp1252" in problem


def test_characters_in_two_halves_are_put_together():
    halves = "😀".encode("utf-16-be")
    data = b"".join(chr(int.from_bytes(halves[i : i + 2])).encode("utf-8", "surrogatepass") for i in (0, 2))
    assert decode(b"<t>\xea\xb0\x80 " + data + b"</t>") == ("<t>가 😀</t>", "")
    lone, problem = decode(declared("utf-8", "가나|", "utf-8").replace(b"|", data[:3]))
    assert "가나\ufffd" in lone and "not utf-8" in problem


def test_replacement_characters_that_the_feed_holds_are_no_damage():
    assert decode("가\ufffd".encode()) == ("가\ufffd", "")


@given(st.binary(max_size=300), st.text(max_size=30))
def test_any_bytes_become_a_text(data, label):
    text, problem = decode(data, f"text/xml; charset={label}")
    text.encode()
    assert "\n" not in problem


@given(st.text(st.characters(codec="cp949"), max_size=60), st.sampled_from(["euc-kr", "ks_c_5601-1987"]))
def test_whatever_windows_writes_is_read_as_it_was(text, label):
    data = declared(label, text, "cp949")
    assert decode(data)[0] in (data.decode("cp949"), data.decode("utf-8", "ignore"))


def test_all_codecs_that_labels_lead_to_exist():
    for label in ("euc-kr", "gb2312", "shift_jis", "big5", "iso-8859-11", "tis-620", "koi8", "dos-874", "unicode", "cn-big5", "ascii"):
        assert codecs.lookup(codec_of(label)).name == codec_of(label)
