"""Reads Creative Commons licenses out of what sources state, for catalogs that know licenses by an id or a URL. Others stay as they are."""

import re
from collections.abc import Iterable

OTHER, UNKNOWN = "other", "unknown"
_CC = re.compile(r"(?:creativecommons\.org/licenses/|\bcc[ -])(?P<terms>by(?:-nc)?(?:-sa|-nd)?)[/ -]v?(?P<version>\d\.\d)\b")
_CC0 = re.compile(r"creativecommons\.org/publicdomain/zero/1\.0|\bcc0\b")
_HUB = {
    *("cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0"),
    *("cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
}
"""The Creative Commons licenses that Hugging Face's front matter has an id for."""


def hub_ids(licences: Iterable[str]) -> list[str]:
    """The ids of Hugging Face for licenses as sources state them, sorted: `unknown` for none, `other` for those without an id."""
    return sorted({_hub_id(licence) for licence in licences})


def url_of(licence: str) -> str:
    """The URL of a Creative Commons license; another text as it is; `unknown` for an empty one."""
    if found := _id(licence):
        if found == "cc0-1.0":
            return "https://creativecommons.org/publicdomain/zero/1.0/"
        terms, _, version = found.removeprefix("cc-").rpartition("-")
        return f"https://creativecommons.org/licenses/{terms}/{version}/"
    return licence or UNKNOWN


def _hub_id(licence: str) -> str:
    if not licence.strip():
        return UNKNOWN
    found = _id(licence)
    return found if found in _HUB else OTHER


def _id(licence: str) -> str:
    """Such as cc-by-4.0; empty if the text is no Creative Commons license with a version."""
    text = re.sub(r"[\s_]+", " ", licence.casefold())
    text = re.sub(r"\b(by|nc|sa|nd) (?=(by|nc|sa|nd)\b)", r"\1-", text)
    if _CC0.search(text):
        return "cc0-1.0"
    found = _CC.search(text)
    return f"cc-{found['terms']}-{found['version']}" if found else ""
