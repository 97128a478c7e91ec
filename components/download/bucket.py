"""Streams an object of a bucket to disk and resumes after a broken connection."""

from pathlib import Path
from typing import IO

from minio.error import MinioException, S3Error
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, ProxyError, SSLError

from components.download.policy import ItemError, Policy
from components.shared.http import HttpError, Received, TransientError, paced, retry
from components.shared.task import one_line
from store.interface import StoreError
from store.minio import access, client, meaning, object_place

CHUNK_BYTES = 65_536
_AWAY = (ConnectTimeoutError, ProxyError, SSLError)
"""Errors before a connection exists: they concern every object."""
_CHANGED = ("PreconditionFailed", "InvalidRange")
_OF_THE_CALLER = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "ExpiredToken",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
)
"""Refusals that concern every object. An error that may concern one object must not stop the others."""


def fetch(url: str, path: Path, policy: Policy, received: Received) -> None:
    """Writes the object at s3://BUCKET/KEY to `path`; calls `received` after each block.

    Raises:
        ItemError: The object does not exist, is not readable, or broke off until the retries were used up.
        StoreError: The server does not answer or rejects the credentials; the object is not the cause.
    """
    server, (bucket, key), version = client(access()), object_place(url), ""

    def attempt() -> None:
        nonlocal version
        try:
            answer = server.get_object(bucket, key, offset=file.tell(), request_headers={"If-Match": version} if version else None)
            version = answer.headers["ETag"]
            _append(answer, file, policy.rate_limit_bytes, received)
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
            raise TransientError("the connection broke") from None  # the object itself may be the cause

    with path.open("wb") as file:
        try:
            retry(attempt, url, policy.limits, file.tell)
        except HttpError as error:
            raise ItemError(str(error)) from None


def _append(answer: BaseHTTPResponse, file: IO[bytes], rate_limit_bytes: int, received: Received) -> None:
    """Appends a response to a file; urllib3 raises an error if it is shorter than stated."""
    total = file.tell() + int(answer.headers.get("Content-Length", "0"))
    try:
        for block in paced(answer.stream(min(CHUNK_BYTES, rate_limit_bytes or CHUNK_BYTES)), rate_limit_bytes):
            file.write(block)
            received(file.tell(), total)
    finally:
        answer.close()
        answer.release_conn()


def _refusal(url: str, error: Exception) -> StoreError:
    return StoreError(f"could not fetch {one_line(url)}: {meaning(error)}")
