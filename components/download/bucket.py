"""One object of a bucket, to disk as it comes: resumed where the connection broke."""

from pathlib import Path
from typing import IO

from minio.error import MinioException, S3Error
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, ProxyError, SSLError

from components.download.policy import ItemError, Policy
from components.shared.http import HttpError, TransientError, paced, retry
from components.shared.task import one_line
from store.interface import StoreError
from store.minio import access, client, meaning, object_place

CHUNK_BYTES = 65_536
_AWAY = (ConnectTimeoutError, ProxyError, SSLError)
"""No connection is made, whatever is asked for."""
_CHANGED = ("PreconditionFailed", "InvalidRange")
_OF_THE_CALLER = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "ExpiredToken",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
)
"""Every object is refused so. What one object alone may be to blame for must not stop the others."""


def fetch(url: str, path: Path, policy: Policy) -> None:
    """Writes the object at s3://BUCKET/KEY to `path`.

    Raises:
        ItemError: It is not there, is not given out, or broke off more often than the policy tries again.
        StoreError: The server does not answer, or does not know who asks: no fault of the object.
    """
    server, (bucket, key), version = client(access()), object_place(url), ""

    def attempt() -> None:
        nonlocal version
        try:
            answer = server.get_object(bucket, key, offset=file.tell(), request_headers={"If-Match": version} if version else None)
            version = answer.headers["ETag"]
            _append(answer, file, policy.rate_limit_bytes)
        except S3Error as error:
            if error.code in _OF_THE_CALLER:
                raise _refusal(url, error) from None
            if error.code not in _CHANGED:
                raise ItemError(meaning(error)) from None
            version = ""
            file.seek(0)
            file.truncate()
            raise TransientError("the object has changed") from None
        except (MinioException, HTTPError) as error:
            away = isinstance(error, MaxRetryError) and isinstance(error.reason, _AWAY)
            if away or isinstance(error, MinioException):
                raise _refusal(url, error) from None
            raise TransientError("the connection broke") from None  # perhaps wherever this object comes to one place

    with path.open("wb") as file:
        try:
            retry(attempt, url, policy.limits, file.tell)
        except HttpError as error:
            raise ItemError(str(error)) from None


def _append(answer: BaseHTTPResponse, file: IO[bytes], rate_limit_bytes: int) -> None:
    """Appends an answer; urllib3 raises where it is shorter than it was to be."""
    try:
        for block in paced(answer.stream(min(CHUNK_BYTES, rate_limit_bytes or CHUNK_BYTES)), rate_limit_bytes):
            file.write(block)
    finally:
        answer.close()
        answer.release_conn()


def _refusal(url: str, error: Exception) -> StoreError:
    return StoreError(f"could not fetch {one_line(url)}: {meaning(error)}")
