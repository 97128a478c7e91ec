"""User names and passwords of sources, from the environment. Each goes to its own host and to no other."""

import base64
import os
import posixpath
import re
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

from components.shared.task import StageError

LOGINS, LOGINS_FILE = "SPEECHMILL_LOGINS", "SPEECHMILL_LOGINS_FILE"
"""Environment variables with the text, or the path of a file, that holds https://USER:PASSWORD@HOST/, one per line: a secret."""

_LOGIN = re.compile(r"(?P<scheme>https?|feed|pcast|itpc)://(?P<user>[^/?#\s,]*)@(?P<rest>[^\s,]*)", re.IGNORECASE)
_STANDARD_PORTS = {"http": 80, "https": 443}


def without_logins(text: str) -> tuple[str, list[str]]:
    """Returns a text without the users and passwords in its URLs, and the URLs that had them, as http or https."""
    return _LOGIN.sub(lambda m: f"{m['scheme']}://{m['rest']}", text), _logins(text)


def remember(logins: Iterable[str]) -> None:
    """Adds logins to the environment, for this process and those that it starts."""
    if text := "\n".join(dict.fromkeys([*logins, *_logins(os.environ.get(LOGINS, ""))])):
        os.environ[LOGINS] = text


def known_logins() -> list[str]:
    """Returns the logins of the environment.

    Raises:
        StageError: LOGINS_FILE names a file that cannot be read.
    """
    text = os.environ.get(LOGINS, "")
    if path := os.environ.get(LOGINS_FILE):
        try:
            text += "\n" + Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "bytes that are not UTF-8"
            raise StageError(f"expected {LOGINS_FILE} to name a file that can be read, found: {reason}; fix or unset it") from None
    return _logins(text)


def authorizations(url: str, logins: Iterable[str]) -> list[str]:
    """Returns the Authorization headers of the logins for a URL, the likeliest first.

    A login is for its scheme, host and port, since another port is another server. One for http on port
    80 is also for https on port 443, but one for https never goes over http. Of several logins for a
    host, the one whose path has more in common with the URL's comes first.
    """
    wanted = _origin(url)
    fitting = [login for login in logins if wanted in _places(login)] if wanted else []
    fitting.sort(key=lambda login: len(posixpath.commonpath([_path(login), _path(url)])), reverse=True)
    return list(dict.fromkeys(_header(login) for login in fitting))


def _logins(text: str) -> list[str]:
    """Returns the URLs with users in a text. The schemes of podcast programs mean http."""
    return [f"{m['scheme'] if m['scheme'][0] in 'hH' else 'http'}://{m['user']}@{m['rest']}" for m in _LOGIN.finditer(text)]


def _origin(url: str) -> tuple[str, str, int] | None:
    """Returns scheme, host and port of a URL; None if it is no web URL."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or _STANDARD_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return parts.scheme, (parts.hostname or "").rstrip("."), port


def _places(login: str) -> list[tuple[str, str, int] | None]:
    origin = _origin(login)
    return [origin, ("https", origin[1], 443)] if origin and origin[::2] == ("http", 80) else [origin]


def _path(url: str) -> str:
    return "/" + urllib.parse.urlsplit(url).path


def _header(login: str) -> str:
    user, _, password = urllib.parse.urlsplit(login).netloc.rpartition("@")[0].partition(":")
    pair = f"{urllib.parse.unquote(user)}:{urllib.parse.unquote(password)}"
    return "Basic " + base64.b64encode(pair.encode(errors="replace")).decode()
