"""One large file over HTTP or HTTPS to disk as it comes: tried again where it fails, resumed where it broke, also by a later command."""

import contextlib
import email.utils
import errno
import json
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import requests

from components.shared.network import public_url
from components.shared.task import StageError, one_line, report

Received = Callable[[int, int], None]
"""Told how many bytes are there, and of how many; 0 is not known."""

BLOCK_BYTES = 1 << 14
"""What is lost at most when a connection breaks."""
CONNECT_SECONDS, READ_SECONDS = 30, 60
MAX_WAIT_SECONDS = 60.0
MAX_BYTES = 16 << 30
"""Of a file of unknown size; five times the largest model."""
TRIES = 6
_RETRIED = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_ADVICE = "fetch it from a mirror (--from URL), or download it by hand and name the file or its folder (--from PATH)"


class _TryAgainError(Exception):
    """A fault that may pass; the server may ask to wait, or what is there of the file may be of no use."""

    def __init__(self, reason: str, wait_seconds: float = 0.0, useless: bool = False) -> None:
        super().__init__(reason)
        self.wait_seconds, self.useless = wait_seconds, useless


def transfer(url: str, part: Path, expected_bytes: int, received: Received, pause_seconds: float = 1.0) -> None:
    """Writes what is at a URL to `part`, or what is still missing of it; the proxies of the environment are used.

    A server that goes on for a while and breaks is asked as often as it takes; TRIES in a row without a byte are the end. What
    is there stays for the next call, with the server's name of this version of the file beside it: a file is never half of two.

    Args:
        url: http:// or https://.
        part: The file, whole when this returns; whether it is the right one is left to its hash.
        expected_bytes: Size of the file; 0 if it is not known.
        received: Called after each block.
        pause_seconds: Before the second try; doubled before every further one.

    Raises:
        StageError: The server refuses it, has a file of another size, or fails too often.
    """
    if not url.startswith(("http://", "https://")):
        raise StageError(f"expected a URL that begins with http:// or https://, found {one_line(public_url(url))}")
    failures = 0
    with requests.Session() as session:
        session.headers.update({"User-Agent": "speechmill", "Accept-Encoding": "identity"})
        while not (expected_bytes and _size(part) == expected_bytes):
            before = _size(part)
            try:
                _receive(session, url, part, expected_bytes, received)
                return
            except _TryAgainError as error:
                if error.useless:
                    part.unlink(missing_ok=True)
                failures = 1 if _size(part) > before else failures + 1
                if failures == TRIES:
                    raise StageError(
                        f"expected the whole of {public_url(url)}, found {_size(part)} bytes and then, {TRIES} times in a row, {error}: "
                        f"run it again, which goes on from there, or {_ADVICE}"
                    ) from None
                wait_seconds = min(MAX_WAIT_SECONDS, max(pause_seconds * 2 ** (failures - 1), error.wait_seconds))
                report(f"{part.name.removesuffix('.part')}: {error} after {_size(part)} bytes, again in {wait_seconds:.0f} s")
                time.sleep(wait_seconds)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise StageError(
                    f"expected room for {expected_bytes or 'all'} bytes of {public_url(url)} in {part.parent}, found the disk full after "
                    f"{_size(part)}: make room and run it again, which goes on from there"
                ) from None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _receive(session: requests.Session, url: str, part: Path, expected_bytes: int, received: Received) -> None:
    """Asks once, and appends the answer."""
    have = _size(part)
    version = _read_version(part, url) if have else ""
    with _answer(session, url, {"Range": f"bytes={have}-", "If-Range": version} if version else {}) as answer:
        have = have if answer.status_code == HTTPStatus.PARTIAL_CONTENT else 0
        total = _stated_bytes(answer, have)
        if expected_bytes and total and total != expected_bytes:
            raise StageError(f"expected {expected_bytes} bytes at {public_url(url)}, found {total}: it is another file there; {_ADVICE}")
        with part.open("ab" if have else "wb") as file:
            if not have:
                _write_version(part, url, answer)
            for block in _blocks(answer):
                file.write(block)
                have += len(block)
                if have > (expected_bytes or MAX_BYTES):
                    file.truncate(0)
                    raise StageError(
                        f"expected at most {expected_bytes or MAX_BYTES} bytes at {public_url(url)}, found more: it is another file there; "
                        f"{_ADVICE}"
                    )
                received(have, total or expected_bytes)
        if (total or expected_bytes) not in (0, have):
            raise _TryAgainError("the connection ended")


def _answer(session: requests.Session, url: str, resume: dict[str, str]) -> requests.Response:
    """The server's answer, if it holds the file or what is missing of it."""
    try:
        answer = session.get(url, headers=resume, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
    except requests.RequestException as error:
        raise _fault(error) from None
    status = answer.status_code
    if status == HTTPStatus.OK or (status == HTTPStatus.PARTIAL_CONTENT and resume):
        return answer
    answer.close()
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _TryAgainError(f"HTTP {status}", useless=True)
    if status in _RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _TryAgainError(f"HTTP {status}", _retry_after_seconds(answer.headers.get("Retry-After", "")))
    raise StageError(f"expected a file at {public_url(url)}, found HTTP {status} {one_line(answer.reason or '')}: {_ADVICE}")


def _stated_bytes(answer: requests.Response, have: int) -> int:
    """How large the server says that the whole file is; 0 if it does not."""
    stated = answer.headers.get("Content-Length", "")
    if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
        place, _, stated = answer.headers.get("Content-Range", "").partition("/")
        if not place.startswith(f"bytes {have}-"):
            raise _TryAgainError("the server sent another range than it was asked for", useless=True)
    return int(stated) if stated.isdigit() and "Content-Encoding" not in answer.headers else 0


def _blocks(answer: requests.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_content(BLOCK_BYTES)
    except requests.RequestException as error:
        raise _fault(error) from None


def _fault(error: requests.RequestException) -> Exception:
    """What a failed request means. The library's own message quotes the URL, secrets included."""
    invalid = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema)
    if isinstance(error, (*invalid, requests.TooManyRedirects)):
        return StageError(f"expected an http or https URL that leads to a file, found one that does not: {_ADVICE}")
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return StageError(
            "expected a certificate that this machine trusts, found another: name your authority's file in REQUESTS_CA_BUNDLE, or "
            f"{_ADVICE}"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return _TryAgainError("the proxy failed")
    if isinstance(error, requests.Timeout):
        return _TryAgainError("no answer in time")
    said, cause = "", error
    while cause := cause.__cause__ or cause.__context__:  # type: ignore[assignment]
        said = cause.strerror if isinstance(cause, OSError) and cause.strerror else said
    return _TryAgainError(f"the connection failed: {one_line(said)}" if said else "the connection broke")


def _retry_after_seconds(value: str) -> float:
    if value.isdigit():
        return float(value)
    with contextlib.suppress(ValueError):
        return email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    return 0.0


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _write_version(part: Path, url: str, answer: requests.Response) -> None:
    """Keeps what names this version of the file to its server, where something does."""
    etag = answer.headers.get("ETag", "")
    version = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
    known = "" if "Content-Encoding" in answer.headers else version  # bytes on disk are not those on the wire
    _version_file(part).write_text(json.dumps({"url": url, "version": known}), encoding="utf-8")


def _read_version(part: Path, url: str) -> str:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(_version_file(part).read_text(encoding="utf-8"))
        return str(kept["version"]) if kept["url"] == url else ""
    return ""
