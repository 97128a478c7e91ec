"""GET over HTTP and HTTPS with retries and limits, on requests. Only programs whose pins include requests import it.

requests follows redirects and uses the proxies and certificates of the environment (HTTPS_PROXY,
NO_PROXY, REQUESTS_CA_BUNDLE), and its logins (components/shared/logins.py). It connects through
Python's sockets and http.client, so `network.public_only` covers it.
"""

import http.client
import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import requests
import urllib3

from components.shared.logins import LOGINS, authorizations, known_logins, without_logins
from components.shared.network import PrivateAddressError, public_url
from components.shared.state import joined, state_of, stated_by
from components.shared.task import one_line, report

USER_AGENT = "Mozilla/5.0 (compatible; speechmill)"
BLOCK_BYTES = 1 << 14
MAX_PAUSE_SECONDS = 600.0
"""Longest pause between two attempts, unless the first pause is set longer."""
MAX_RETRY_AFTER_SECONDS = 60
LIVE = "a live stream, which has no end"
_RETRIED = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
Received = Callable[[int, int], None]
"""Called with the bytes received so far and the size of the file; 0 if the size is unknown."""
T = TypeVar("T")


class HttpError(Exception):
    """The file cannot be had. The text is one line, the same in every run, without the URL and its secrets."""

    def __init__(self, reason: str, times: int = 1) -> None:
        super().__init__(f"{reason}, {times} times" if times > 1 else reason)
        self.reason, self.times = reason, times


class TransientError(Exception):
    """An attempt failed for a reason that may pass. `wait_seconds` is what the server asks for."""

    def __init__(self, reason: str, wait_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Limits:
    """How often, how long and how much to fetch. 0 is no limit."""

    attempts: int
    """Failed attempts in a row before giving up. An attempt that gets further than all before it
    starts a new row."""
    pause_seconds: float
    """Pause after the first failure; it doubles with each further one, up to MAX_PAUSE_SECONDS."""
    connect_seconds: float = 30
    read_seconds: float = 60
    """Longest wait for the next byte."""
    total_seconds: float = 0
    """Longest time for one response body."""
    max_bytes: int = 0
    """Largest file, after decompression."""
    max_bytes_per_second: int = 0

    def pause_after(self, failures: int) -> float:
        """Seconds to pause after this many failures in a row, with up to a quarter more at random."""
        pause = self.pause_seconds * 2 ** min(failures - 1, 30)
        return min(pause, max(MAX_PAUSE_SECONDS, self.pause_seconds)) * random.uniform(1, 1.25)


@dataclass(frozen=True)
class Answer:
    """A response to `fetch`."""

    url: str
    """After redirects."""
    content_type: str
    """In lower case, with its parameters."""
    data: bytes
    skipped: bool = False
    """Whether the rest of the data was not read."""


def fetch(url: str, limits: Limits, skip: Callable[[str, bytes], bool] = lambda content_type, start: False) -> Answer:
    """Returns the response at a URL.

    Args:
        url: http:// or https://.
        limits: How often, how long and how much.
        skip: Called with the content type and what has arrived, first without any data. It ends the response where it is true.

    Raises:
        HttpError: The server refuses, a limit is exceeded, or the last attempt failed.
    """

    def attempt() -> Answer:
        with _Session(url) as session, _request(session, url, limits) as response:
            content_type, data, blocks = response.headers.get("Content-Type", "").strip().lower(), b"", _blocks(response, limits)
            skipped = skip(content_type, data) or skip(content_type, data := next(blocks, b""))
            return Answer(response.url, content_type, data if skipped else data + b"".join(blocks), skipped)

    return retry(attempt, url, limits)


def state_at(url: str, limits: Limits) -> str:
    """Returns the state of the file at a URL that its server states, by a request for its first byte.

    Raises:
        HttpError: The server refuses, or the last attempt failed.
    """

    def attempt() -> str:
        accepted = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)
        with _Session(url) as session:
            session.headers["Accept-Encoding"] = "identity"
            with _request(session, url, limits, {"Range": "bytes=0-0"}, accepted) as response:
                return stated_by(response.headers)

    return retry(attempt, url, limits)


def transfer(url: str, path: Path, limits: Limits, expected_bytes: int = 0, received: Received | None = None) -> str:
    """Writes the file at a URL to `path`, or the part that is still missing. Returns the state that the server states of it.

    A transfer that breaks is resumed, also by a later call, if the server names the file's version
    (ETag or Last-Modified) and still has that version. The version is kept beside `path` with the
    ending .version until the file is complete.

    Args:
        url: http:// or https://.
        path: The file. It is complete when this returns; the caller checks its hash. It stays when an attempt fails.
        limits: How often, how long and how much.
        expected_bytes: Size of the file; 0 if it is unknown.
        received: Called after each block.

    Raises:
        HttpError: The server refuses, has a file of another size, a limit is exceeded, or the last attempt failed.
        OSError: The file cannot be written.
    """
    with _Session(url) as session:
        session.headers["Accept-Encoding"] = "identity"
        said = retry(lambda: _append(session, url, path, limits, expected_bytes, received), url, limits, lambda: _size(path))
    _version_file(path).unlink(missing_ok=True)
    return joined(said, state_of(bytes=_size(path)))


def retry(attempt: Callable[[], T], url: str, limits: Limits, size: Callable[[], int] = lambda: 0) -> T:
    """Calls `attempt` until it returns; pauses after each TransientError.

    Raises:
        HttpError: `limits.attempts` attempts in a row failed. `size()`, the bytes received so far,
            reached a new maximum after none of them but the first.
    """
    failures = most = 0
    while True:
        try:
            return attempt()
        except TransientError as error:
            failures = 1 if size() > most else failures + 1
            most = max(most, size())
            if failures >= limits.attempts:
                raise HttpError(str(error), failures) from None
            pause = max(limits.pause_after(failures), error.wait_seconds)
            report(f"{one_line(public_url(url))}: {error} after {size()} bytes, trying again in {pause:.0f} s")
        time.sleep(pause)


def paced(blocks: Iterable[bytes], max_bytes_per_second: int) -> Iterator[bytes]:
    """The blocks, at most so many bytes a second; 0 is no limit."""
    started, received = time.monotonic(), 0
    for block in blocks:
        yield block
        received += len(block)
        if max_bytes_per_second:
            time.sleep(max(0.0, received / max_bytes_per_second - (time.monotonic() - started)))


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all errors that led to it, the last one first; libraries keep them under several names."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            named = (getattr(found, name, None) for name in ("cause", "reason", "__cause__", "__context__"))
            waiting += [*found.args, *(getattr(found, "exc_info", None) or ()), *named]


class _Session(requests.Session):
    """A session with the logins of the environment and of one URL, and redirects as browsers follow them.

    It never reads ~/.netrc, as requests would: its default entry goes to every host.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.headers["User-Agent"] = USER_AGENT
        self.hooks["response"].append(_drop_redirect_body)
        self.auth = self._log_in
        self._logins = [*without_logins(url)[1], *known_logins()]
        self.login = 0
        """Number of the login to use where a host has several."""

    def logins(self, url: str) -> int:
        """Returns how many logins there are for a URL."""
        return len(authorizations(url, self._logins))

    def _log_in(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if known := authorizations(request.url or "", self._logins):
            request.headers["Authorization"] = known[min(self.login, len(known) - 1)]
        return request

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """A login is sent on after a redirect only where it belongs to the new place as well."""
        prepared_request.headers.pop("Authorization", None)
        self._log_in(prepared_request)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Location often holds raw bytes in the encoding of the server. They are percent-encoded as they are."""
        if not resp.is_redirect:
            return None
        location = resp.headers["location"].strip().encode("latin-1", "replace")  # as http.client has decoded it
        quoted = re.sub(rb"[^!-~]", lambda m: b"%%%02X" % m[0][0], location).decode("ascii")
        return without_logins(quoted)[0]


def _drop_redirect_body(response: requests.Response, **_: object) -> None:
    """requests would read the body of a redirect to its end, whatever its size."""
    if response.is_redirect:
        response.close()


def _request(
    session: _Session,
    url: str,
    limits: Limits,
    headers: dict[str, str] | None = None,
    accepted: tuple[HTTPStatus, ...] = (HTTPStatus.OK,),
) -> requests.Response:
    """Sends one request; returns a response with an accepted status, its body not yet read."""
    try:
        response = _send(session, without_logins(url)[0], limits, headers)
    except Exception as error:  # requests lets errors of urllib3, http.client and codecs through
        raise _fault(error) from None
    status = response.status_code
    if status in accepted:
        return response
    response.close()
    if status in _RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TransientError(f"HTTP {status}", _retry_after_seconds(response.headers.get("Retry-After", "")))
    if status == HTTPStatus.UNAUTHORIZED:
        known = session.logins(response.url)
        raise HttpError(f"HTTP 401: it wants a user name and password, {'and refuses those' if known else 'and none is'} in {LOGINS}")
    raise HttpError(f"HTTP {status}")


def _send(session: _Session, url: str, limits: Limits, headers: dict[str, str] | None) -> requests.Response:
    """Sends a request; if the host has several logins, with one after the other until it accepts one."""
    session.login = 0
    while True:
        response = session.get(url, headers=headers, stream=True, timeout=(limits.connect_seconds, limits.read_seconds))
        session.login += 1
        if response.status_code != HTTPStatus.UNAUTHORIZED or session.login >= session.logins(response.url):
            return response
        response.close()


def _retry_after_seconds(text: str) -> float:
    """A Retry-After header, in seconds or as a date; 0 if it is neither."""
    with suppress(urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return urllib3.Retry(retry_after_max=MAX_RETRY_AFTER_SECONDS).parse_retry_after(text)
    return 0.0


def _blocks(response: requests.Response, limits: Limits, have: int = 0) -> Iterator[bytes]:
    """The body as it arrives; `have` bytes of the file are there already."""
    started = time.monotonic()

    def arriving() -> Iterator[bytes]:
        nonlocal have
        while block := _read(response, min(BLOCK_BYTES, limits.max_bytes_per_second or BLOCK_BYTES)):
            have += len(block)
            if limits.max_bytes and have > limits.max_bytes:
                raise HttpError(f"more than {limits.max_bytes} bytes")
            if limits.total_seconds and time.monotonic() - started > limits.total_seconds:
                raise TransientError(f"not complete after {limits.total_seconds:g} s")
            yield block

    return paced(arriving(), limits.max_bytes_per_second)


def _read(response: requests.Response, most_bytes: int) -> bytes:
    """What has arrived. `iter_content` would wait for a whole block, so a slow server could exceed `total_seconds`."""
    try:
        return response.raw.read1(most_bytes, decode_content=True) or b""
    except Exception as error:
        raise _fault(error) from None


def _append(session: _Session, url: str, path: Path, limits: Limits, expected_bytes: int, received: Received | None) -> str:
    """Sends one request and appends its body to the file. Returns the state that the server states of it."""
    have = _size(path)
    if expected_bytes and have == expected_bytes:
        return ""
    version = _read_version(path, url) if have else ""
    resume = {"Range": f"bytes={have}-", "If-Range": version} if version else {}
    accepted = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)[: 3 if version else 1]
    with _request(session, url, limits, resume, accepted) as response:
        stated = response.headers.get("Content-Length", "")
        if response.status_code == HTTPStatus.OK:
            have = 0
            if not stated and any(name.lower().startswith("icy-") for name in response.headers):
                raise HttpError(LIVE)
        else:
            place, _, stated = response.headers.get("Content-Range", "").partition("/")
            if response.status_code != HTTPStatus.PARTIAL_CONTENT or not place.startswith(f"bytes {have}-"):
                path.unlink()
                raise TransientError("the server does not send the rest of the file")
        total = int(stated) if re.fullmatch(r"[0-9]{1,18}", stated) and "Content-Encoding" not in response.headers else 0
        if expected_bytes and total not in (0, expected_bytes):
            raise HttpError(f"{total} bytes: it is another file")
        with path.open("ab" if have else "wb") as file:
            if not have:
                _write_version(path, url, response)
            try:
                for block in _blocks(response, limits, have):
                    file.write(block)
                    have += len(block)
                    if received:
                        received(have, total or expected_bytes)
            except HttpError:
                file.truncate(0)
                raise
    if (total or expected_bytes) not in (0, have):
        raise TransientError(f"the server sent {have} of {total or expected_bytes} bytes")
    return stated_by(response.headers)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _version_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.version")


def _write_version(path: Path, url: str, response: requests.Response) -> None:
    """Keeps the server's name for this version of the file: without it a resumed file could be half of each of two."""
    etag = response.headers.get("ETag", "")
    version = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")  # a weak ETag names no exact bytes
    known = "" if "Content-Encoding" in response.headers else version  # the bytes in the file are not those of the response
    _version_file(path).write_text(f"{url}\n{known}", encoding="utf-8")


def _read_version(path: Path, url: str) -> str:
    file = _version_file(path)
    known_url, _, version = (file.read_text(encoding="utf-8") if file.exists() else "").partition("\n")
    return version if known_url == url else ""


def _fault(error: Exception) -> HttpError | TransientError:
    """What a failed request means. The library's own message quotes the URL, secrets included."""
    chain = list(causes(error))
    if refused := next((e for e in chain if isinstance(e, PrivateAddressError)), None):
        return HttpError(str(refused))
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL):
        return TransientError("the proxy failed")
    if any(isinstance(e, http.client.BadStatusLine) and str(e).startswith("ICY ") for e in chain):  # Shoutcast's answer
        return HttpError(LIVE)
    if isinstance(error, ValueError):  # also requests' InvalidURL, InvalidSchema and MissingSchema
        return HttpError("not an http or https URL, or redirected to one that is none")
    if isinstance(error, requests.TooManyRedirects):
        return HttpError("too many redirects")
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in chain):
        return HttpError("a certificate that this machine does not trust; REQUESTS_CA_BUNDLE can name the file of its authority")
    if type(error) is OSError:  # REQUESTS_CA_BUNDLE names no file
        return HttpError(one_line(error))
    if unknown := next((e for e in chain if isinstance(e, socket.gaierror)), None):
        reason = "its host is not found"
        return TransientError(reason) if unknown.errno == socket.EAI_AGAIN else HttpError(reason)
    if any(isinstance(e, TimeoutError | requests.Timeout) for e in chain):
        return TransientError("no answer in time")
    if not isinstance(error, OSError | urllib3.exceptions.HTTPError):
        return HttpError(f"the request failed: {type(error).__name__}")
    said = [e.strerror for e in chain if isinstance(e, OSError) and e.strerror]
    return TransientError(f"the connection failed: {one_line(said[-1])}" if said else "the connection broke")
