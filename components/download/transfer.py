"""One file over HTTP or HTTPS, to disk as it comes: tried again where it fails, resumed where it broke."""

import email.utils
import time
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import IO

import requests

from components.download.failures import causes, private_address
from components.download.policy import ItemError, Policy
from components.shared.task import report

CHUNK_BYTES = 16_384
CONNECT_SECONDS, READ_SECONDS = 30, 60
MAX_RETRY_AFTER_SECONDS = 60.0
RETRIED = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
USER_AGENT = "Mozilla/5.0 (compatible; speechmill)"


class _TryAgainError(Exception):
    """A fault that may pass; the server may ask to wait, or what we have of the file may be of no use."""

    def __init__(self, reason: str, wait_seconds: float = 0.0, useless: bool = False) -> None:
        super().__init__(reason)
        self.wait_seconds, self.useless = wait_seconds, useless


def transfer(url: str, path: Path, policy: Policy) -> None:
    """Writes what is at a URL to `path`.

    Raises:
        ItemError: The server refuses it, or it fails more often than the policy tries again.
    """
    version = ""
    with requests.Session() as session, path.open("wb") as file:
        session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        for tried in range(policy.retries + 1):
            try:
                resume = {"Range": f"bytes={file.tell()}-", "If-Range": version} if version and file.tell() else {}
                with _open(session, url, resume) as answer:
                    if answer.status_code == HTTPStatus.OK:
                        version = _version(answer)
                        _restart(file)
                    _receive(answer, file, policy.rate_limit_bytes)
                return
            except _TryAgainError as error:
                if tried == policy.retries:
                    raise ItemError(f"{error}, {tried + 1} times" if tried else str(error)) from None
                wait = max(policy.wait_seconds(tried), error.wait_seconds)
                report(f"{error} after {file.tell()} bytes: again in {wait:.0f} s")
                if error.useless:
                    _restart(file)
                time.sleep(wait)


def _restart(file: IO[bytes]) -> None:
    file.seek(0)
    file.truncate()


def _version(answer: requests.Response) -> str:
    """What names this version of the file to its server: without it a resumed file might be half of each of two."""
    if "Content-Encoding" in answer.headers:  # bytes on disk are not those on the wire
        return ""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")


def _open(session: requests.Session, url: str, resume: dict[str, str]) -> requests.Response:
    """The server's answer, if it holds the file or what is missing of it."""
    try:
        answer = session.get(url, headers=resume, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
    except requests.RequestException as error:
        raise _fault(error) from None
    status = answer.status_code
    if status == HTTPStatus.OK:
        if "Content-Length" not in answer.headers and any(name.lower().startswith("icy-") for name in answer.headers):
            answer.close()
            raise ItemError("a live stream, which has no end")
        return answer
    if status == HTTPStatus.PARTIAL_CONTENT and resume:
        return answer
    answer.close()
    if status in RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = _retry_after_seconds(answer.headers.get("Retry-After", ""))
        raise _TryAgainError(f"HTTP {status}", wait, useless=status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    raise ItemError(f"HTTP {status}")


def _receive(answer: requests.Response, file: IO[bytes], rate_limit_bytes: int) -> None:
    """Appends an answer to the file, which is complete then."""
    total = answer.headers.get("Content-Length", "")
    if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
        place, _, total = answer.headers.get("Content-Range", "").partition("/")
        if not place.startswith(f"bytes {file.tell()}-"):
            raise _TryAgainError("the server sent another range than it was asked for", useless=True)
    try:
        pour(answer.iter_content(min(CHUNK_BYTES, rate_limit_bytes or CHUNK_BYTES)), file, rate_limit_bytes)
    except requests.RequestException as error:
        raise _fault(error) from None
    if total.isdigit() and "Content-Encoding" not in answer.headers and file.tell() != int(total):
        raise _TryAgainError(f"the server stated {total} bytes and sent {file.tell()}", useless=file.tell() > int(total))


def pour(chunks: Iterable[bytes], file: IO[bytes], rate_limit_bytes: int) -> None:
    """Appends what comes to a file, at most so many bytes a second; 0 is no limit."""
    started, received = time.monotonic(), 0
    for chunk in chunks:
        file.write(chunk)
        received += len(chunk)
        if rate_limit_bytes:
            time.sleep(max(0.0, received / rate_limit_bytes - (time.monotonic() - started)))


def _fault(error: requests.RequestException) -> Exception:
    """What a failed request means. The library's own message quotes the URL, secrets included."""
    if refused := private_address(error):
        return ItemError(refused)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema)):
        return ItemError("not an http or https URL, or redirected to one that is none")
    if isinstance(error, requests.TooManyRedirects):
        return ItemError("too many redirects")
    if isinstance(error, requests.Timeout) or any(isinstance(e, TimeoutError) for e in causes(error)):
        return _TryAgainError("the server does not answer in time")
    said = [e.strerror for e in causes(error) if isinstance(e, OSError) and e.strerror]
    return _TryAgainError(f"the connection failed: {said[-1]}" if said else "the connection broke")


def _retry_after_seconds(value: str) -> float:
    """How long the server asks to wait, at most a minute; 0 where it does not say."""
    if value.isdigit():
        seconds = float(value)
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            seconds = 0.0
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
