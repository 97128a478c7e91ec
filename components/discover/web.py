"""Small answers over HTTP: feeds and JSON, in bounded size and time, tried again where that can help."""

import email.utils
import random
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import requests
import urllib3

from components.discover.items import SourceError
from components.shared.network import PrivateAddressError
from components.shared.task import report

USER_AGENT = "Mozilla/5.0 (compatible; speechmill)"
TRIES = 3
BACKOFF_SECONDS = 1.0
MAX_RETRY_AFTER_SECONDS = 60.0
CONNECT_SECONDS, READ_SECONDS, ANSWER_SECONDS = 15, 30, 300
MAX_BYTES = 64 * 2**20
PAGE_PAUSE_SECONDS = 0.5
"""Between the pages of one source: what other users of podbbang's API keep to."""
_CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `data` is empty where the answer is the media itself: that is for `download`."""

    url: str
    """Where it came from, after redirects."""
    content_type: str
    """In small letters, with its parameters."""
    data: bytes

    @property
    def is_media(self) -> bool:
        return self.content_type.startswith(("audio/", "video/"))


class _TransientError(Exception):
    """A fault that may pass; the server may have said when."""

    def __init__(self, reason: str, wait_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def fetch(url: str) -> Answer:
    """The answer at a URL, redirects followed.

    Raises:
        SourceError: It cannot be had, or not in MAX_BYTES and ANSWER_SECONDS.
    """
    for tried in range(1, TRIES + 1):
        try:
            return _fetch_once(url)
        except _TransientError as error:
            if tried == TRIES:
                raise SourceError(f"{error}, {TRIES} times") from None
            wait = max(error.wait_seconds, BACKOFF_SECONDS * 2 ** (tried - 1) * random.uniform(1, 1.25))
            report(f"{error}: again in {wait:.0f} s")
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _fetch_once(url: str) -> Answer:
    try:
        headers = {"User-Agent": USER_AGENT}
        with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
            _check_status(answer)
            found = Answer(answer.url, answer.headers.get("Content-Type", "").strip().lower(), b"")
            return found if found.is_media else Answer(found.url, found.content_type, _body(answer))
    except (OSError, urllib3.exceptions.HTTPError, UnicodeError) as error:  # requests lets some of the two others pass
        raise _fault(error) from None


def _check_status(answer: requests.Response) -> None:
    status = answer.status_code
    if status == HTTPStatus.OK:
        return
    reason = f"HTTP {status}"
    if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _TransientError(reason, _retry_after_seconds(answer.headers.get("Retry-After", "")))
    raise SourceError(reason)


def _retry_after_seconds(text: str) -> float:
    """A Retry-After header, in seconds or as a date, as seconds from now, at most MAX_RETRY_AFTER_SECONDS."""
    try:
        seconds = float(text) if text.isdecimal() else email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        return 0.0
    return min(max(0.0, seconds), MAX_RETRY_AFTER_SECONDS)


def _body(answer: requests.Response) -> bytes:
    data, deadline = bytearray(), time.monotonic() + ANSWER_SECONDS
    for chunk in answer.iter_content(_CHUNK_BYTES):
        data += chunk
        if len(data) > MAX_BYTES:
            raise SourceError(f"larger than {MAX_BYTES // 2**20} MiB")
        if time.monotonic() > deadline:
            raise _TransientError(f"not complete after {ANSWER_SECONDS} s")
    return bytes(data)


def _fault(error: Exception) -> Exception:
    """What a failed request means. The library's own message quotes the URL, secrets included."""
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, PrivateAddressError):
            return SourceError(str(cause))
        if isinstance(cause, socket.gaierror):
            return SourceError("its host is not found")
    if isinstance(
        error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema | UnicodeError
    ):
        return SourceError("not an http or https URL, or redirected to one that is none")
    if isinstance(error, requests.TooManyRedirects):
        return SourceError("too many redirects")
    if isinstance(error, requests.exceptions.SSLError):
        return SourceError("no TLS connection that can be trusted")
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in chain):
        return _TransientError("no answer in time")
    return _TransientError("the connection failed")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
