"""Decodes feeds as browsers do: labels mean the larger encodings that people write, and no byte makes the rest unreadable."""

import codecs
import re

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BEGINNINGS = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_LARGER = {
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
"""The encoding that a label stands for in practice, by the name of Python's codec. Most are those of the WHATWG's Encoding Standard."""
_FURTHER = {
    "cseuckr": "cp949",
    "csksc56011987": "cp949",
    "isoir149": "cp949",
    "ksc56011989": "cp949",
    "windows949": "cp949",
    "bigfive": "big5hkscs",
    "cnbig5": "big5hkscs",
    "mskanji": "cp932",
    "windows31j": "cp932",
    "dos874": "cp874",
    "windows874": "cp874",
    "koi8": "koi8-r",
    "unicode": "utf-8",
    "unicode11utf8": "utf-8",
}
"""Labels that Python does not know, without punctuation and the prefix x-."""
_TEXTS = re.compile(
    r"utf-(8|16|32)(-[bl]e)?|cp\d+|iso8859-\d+|koi8-\w|mac-\w+|big5hkscs|gb18030|johab|euc_j\w+|euc_jis\w+|hz|iso2022_(jp|kr)\w*|shift_jis\w*"
)
"""Python's codecs for texts. Others, such as unicode_escape and punycode, are none, and the last is slow."""
_DECLARATION = re.compile(r"""\s*<\?xml[^>]{0,500}?encoding\s*=\s*["']([^"'>]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s;"']{1,40})""", re.IGNORECASE)
_HALVES = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
_ANY_BYTES = ("cp125", "cp874", "iso8859", "koi8", "mac", "cp8", "cp0", "cp1")
"""Beginnings of the names of codecs that decode almost any bytes, so success says nothing."""
_WIDE = ("utf-16", "utf-32")
"""Not believed without a byte order mark or zeros at the beginning: what was read of the declaration has none."""
REPLACEMENT = "\ufffd"
A_FEW = 3
"""Number of replaced letters that say nothing against UTF-8 where it is declared: titles cut at a number of bytes."""


def codec_of(label: str) -> str:
    """Returns the name of Python's codec for a label of an encoding, or "" if it is unknown."""
    label = label.lower().strip().removeprefix("x-")
    plain = re.sub(r"[^a-z0-9]", "", label)
    name = _FURTHER.get(plain) or _codec(label) or _codec(plain) or _codec(re.sub(r"^iso8859(\d+)$", r"iso8859-\1", plain))
    name = _LARGER.get(name, name)
    return name if _TEXTS.fullmatch(name) else ""


def _codec(label: str) -> str:
    try:
        return codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""


def decode(data: bytes, content_type: str = "") -> tuple[str, str]:
    """Decodes XML; never fails.

    A byte order mark decides. Otherwise the encodings that the server and the document declare are tried,
    and UTF-8 before encodings that accept any bytes. If none fits, the likeliest that replaces the least
    is taken: what it cannot decode becomes U+FFFD.

    Args:
        data: The document.
        content_type: The value of the header of this name; it may hold a charset.

    Returns:
        The text, and what was wrong, on one line, or "".
    """
    for start, codec in (*_BYTE_ORDER_MARKS, *_BEGINNINGS):
        if data.startswith(start):
            return _replacing(data, codec)
    labels = [m[1] for m in (_CHARSET.search(content_type), _DECLARATION.match(data[:1024].decode("latin-1"))) if m]
    unknown = next((f"its encoding {label} is unknown" for label in labels if not codec_of(label)), "")
    declared = [codec for label in labels if (codec := codec_of(label)) and not codec.startswith(_WIDE)]
    telling = sorted((c for c in dict.fromkeys(declared) if not c.startswith(_ANY_BYTES)), key=lambda c: c != "utf-8")
    for codec in dict.fromkeys([*telling, "utf-8"]):
        try:
            return data.decode(codec), unknown
        except UnicodeDecodeError:
            continue
    if not set(telling) - {"utf-8"} and not _mostly_replaced(_lenient(data, "utf-8"), A_FEW if telling else 0):
        return _replacing(data, "utf-8", unknown)
    if declared and not telling:
        return _replacing(data, declared[0], unknown)
    likely = [*telling, "utf-8", *([] if set(telling) - {"utf-8"} else ["cp949"])]
    best = min(dict.fromkeys(likely), key=lambda codec: _lenient(data, codec).count(REPLACEMENT))
    if "cp949" in likely and _mostly_replaced(_lenient(data, best)):
        best = "cp1252"
    return _replacing(data, best, unknown or ("" if best in telling else f"it is not {'utf-8' if telling else 'declared'}: read as {best}"))


def _replacing(data: bytes, codec: str, problem: str = "") -> tuple[str, str]:
    text = _lenient(data, codec).removeprefix("\ufeff")
    replaced = text.count(REPLACEMENT) - (data.count(REPLACEMENT.encode()) if codec == "utf-8" else 0)
    return text, f"{replaced} pieces are not {codec} and became U+FFFD" if replaced > 0 else problem


def _mostly_replaced(text: str, allowed: int = 0) -> bool:
    """Checks whether more letters beyond ASCII were replaced than decoded, and more than are allowed: it is another encoding."""
    replaced = text.count(REPLACEMENT)
    return replaced > max(allowed, len(text) - len(text.encode("ascii", "ignore")) - replaced)


def _lenient(data: bytes, codec: str) -> str:
    """Decodes with U+FFFD for what cannot be decoded. Characters that programs wrote as two halves in UTF-8 are put together."""
    if codec == "utf-8":
        data = _HALVES.sub(
            lambda m: m[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode(), data
        )
    return data.decode(codec, "replace")
