"""A store in a bucket of MinIO, or of another S3 server. The address of the server and the user come from the environment."""

import contextlib
import hashlib
import io
import os
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import certifi
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry, Timeout

from components.shared.network import public_url
from components.shared.task import one_line
from store.interface import BLOCK_BYTES, Entry, StoreError, check_key, missing
from store.ranges import Ranges

if TYPE_CHECKING:
    import pyarrow.fs as pafs

Result = TypeVar("Result")

PART_BYTES = 16 * 1024 * 1024
"""Larger objects are uploaded in parts of this size."""
_SHA256 = "x-amz-meta-sha256"
_EXISTS = 412
"""The status of a conditional write whose object exists."""
_BROKEN = ("IncompleteBody", "XAmzContentSHA256Mismatch", "BadDigest", "NoSuchUpload")
"""S3 errors that a retry may cure: the data was damaged on its way, the disk was full for a moment, or
the call that completes an upload was retried although it had succeeded."""
_PAUSES_SECONDS = (1, 2)
_MEANINGS = {
    "NoSuchBucket": "there is no such bucket: create it with `speechmill store init`",
    "NoSuchKey": "there is no such object",
    "InvalidAccessKeyId": "the server does not know the user in AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY is not the secret of the user in AWS_ACCESS_KEY_ID",
    "AccessDenied": "the user in AWS_ACCESS_KEY_ID may not do this",
    "XMinioStorageFull": "the server's disk is full: make room there and run it again",
    "RequestTimeTooSkewed": "the clock of this machine and the server's differ by more than 15 minutes: set the clock",
}


@dataclass(frozen=True)
class Access:
    """The address of a server, and the user that connects to it."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)

    @property
    def host(self) -> str:
        return urllib.parse.urlsplit(self.endpoint).netloc

    @property
    def secure(self) -> bool:
        return self.endpoint.startswith("https:")


def access(environment: Mapping[str, str] = os.environ) -> Access:
    """Reads the address of a server and its user from AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.

    AWS_REGION is us-east-1 by default. Raises StoreError if a variable is missing, or if the address is not like http://HOST:9000.
    """
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if absent := [n for n in names if not environment.get(n)]:
        raise StoreError(
            f"expected {', '.join(names)} in the environment, to reach a store in a bucket, found no {', '.join(absent)}: set them"
        )
    endpoint = environment["AWS_ENDPOINT_URL"].rstrip("/")
    parts = urllib.parse.urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.path or parts.query:
        raise StoreError(f"expected AWS_ENDPOINT_URL like http://HOST:9000, found {one_line(re.sub('//.*@', '//…@', endpoint))}")
    region = environment.get("AWS_REGION") or "us-east-1"
    return Access(endpoint, region, environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])


def pool() -> urllib3.PoolManager:
    """Connections with retries: they survive a restart of the server (about 25 s), and fail if it does not answer for a minute.

    All methods are retried, including POST: every request that is sent here is idempotent.
    """
    retries = Retry(
        total=6,
        read=3,
        backoff_factor=0.5,
        backoff_max=10,
        status_forcelist=[500, 502, 503, 504],
        allowed_methods=None,
        raise_on_status=False,
    )
    timeout = Timeout(connect=5, read=60)
    return urllib3.PoolManager(timeout=timeout, retries=retries, cert_reqs="CERT_REQUIRED", ca_certs=trusted_certificates())


def trusted_certificates() -> str:
    """The file with the certificates of those whom connections trust."""
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def client(who: Access) -> Minio:
    """A client. The region is always set: without it minio asks for the bucket's location, which not every user may do."""
    return Minio(who.host, access_key=who.access_key, secret_key=who.secret_key, secure=who.secure, region=who.region, http_client=pool())


def bucket_name(uri: str) -> str:
    """The name of the bucket in s3://BUCKET. Raises StoreError if it is not a valid name."""
    name = uri.removeprefix("s3://").rstrip("/")
    if not re.fullmatch(r"(?!.*(\.[.-]|-\.))(?!(\d+\.){3}\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        raise StoreError(
            f"expected s3://BUCKET with a name of 3 to 63 lowercase letters, digits, - and single ., found {one_line(public_url(uri))!r}"
        )
    return name


def object_url(bucket: str, key: str) -> str:
    """The URL of an object, as tables hold it. Spaces, invisible characters and %, ? and # are written as %XX."""
    return f"s3://{bucket}/" + "".join(c if c.isprintable() and c not in " %?#" else urllib.parse.quote(c) for c in key)


def object_place(url: str) -> tuple[str, str]:
    """The bucket and the key, or the prefix of keys, in a URL s3://BUCKET/KEY. Raises StoreError if the bucket is invalid."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket_name(f"s3://{bucket}"), urllib.parse.unquote(key)


def meaning(error: Exception) -> str:
    """Explains an error of the server, of the connection or of deltalake on one line, with the remedy if there is one."""
    text = str(error)
    if isinstance(error, S3Error):
        code, said = _code(error), str(error.message)
    else:
        found = re.search(r"<Code>(\w+)</Code>(?:<Message>([^<]*)</Message>)?", text)
        code, said = (found[1], found[2] or "") if found else ("", text)
    if code in _MEANINGS:
        return f"{_MEANINGS[code]} ({code})"
    if isinstance(error, MaxRetryError) or "error sending request" in text:
        cause = error.reason if isinstance(error, MaxRetryError) else text.rstrip().rpartition("\n")[2]
        return f"the server does not answer: {_plain(cause)}"
    return _plain(f"{code}: {said}" if code else said)


def _code(error: S3Error) -> str:
    """The S3 error code. The answer to a HEAD request has no body; MinIO sends the code in a header."""
    return error.response.headers.get("x-minio-error-code") or str(error.code)


def _plain(text: object) -> str:
    """The text on one line, without terminal colors and memory addresses of Python objects."""
    line = re.sub(r"\x1b\[\d*m|[↳]|<[\w.]+ object at 0x\w+>:? ?", "", str(text))
    return one_line(re.sub(r"^HTTPS?Connection\([^)]*\): ", "", line.strip()))


class MinioStore:
    """A store in a bucket.

    Writes are atomic. The parts of a large upload stay invisible until the last call; if the writer dies, the server removes them
    after a day. The server checks the SHA-256 that a request is signed with (over HTTPS: its MD5). Each object also carries its
    SHA-256 as metadata, which `read` checks.
    """

    def __init__(self, uri: str) -> None:
        self._bucket = bucket_name(uri)
        self.uri = f"s3://{self._bucket}"
        self._access = access()
        self._client = client(self._access)
        self._http = pool()

    def read(self, key: str) -> bytes:
        with self._explained("read", key):
            return self._whole(lambda: self._get(key))

    def write(self, key: str, data: bytes) -> None:
        self._put(key, io.BytesIO(data))

    def write_file(self, key: str, path: Path) -> None:
        with path.open("rb") as file:
            self._put(key, file)

    def blocks(self, key: str) -> Iterator[bytes]:
        with self._explained("read", key):
            done = 0
            for pause_seconds in (*_PAUSES_SECONDS, None):
                try:
                    with self._response(key, done) as response:
                        for block in response.stream(BLOCK_BYTES):
                            done += len(block)
                            yield block
                    return
                except HTTPError as error:
                    if pause_seconds is None or isinstance(error, MaxRetryError):
                        raise
                    time.sleep(pause_seconds)
                    if done and done == self._client.stat_object(self._bucket, key).size:
                        return  # it broke off after the last byte: a request beyond the end would fail

    def create(self, key: str, data: bytes) -> bool:
        with self._explained("write", key):
            url = self._client.presigned_put_object(self._bucket, key, timedelta(minutes=5))  # put_object takes no condition
            answer = self._http.request("PUT", url, body=data, headers={"If-None-Match": "*"})  # it refuses metadata beside the signature
            if answer.status not in (200, _EXISTS):
                raise HTTPError(f"expected status 200, found {answer.status}: {answer.data.decode(errors='replace')}")
        return answer.status == 200

    def open(self, key: str) -> BinaryIO:
        with self._explained("read", key):
            size = self._client.stat_object(self._bucket, key).size or 0
        return cast(BinaryIO, Ranges(size, lambda start, count: self._range(key, start, count)))

    def link(self, key: str, valid: timedelta) -> str:
        """An address from which anyone can read an object for some time, at most 7 days. It ends earlier if the user's secret changes."""
        with self._explained("link to", key):
            return self._client.presigned_get_object(self._bucket, key, valid)

    def delete(self, key: str) -> None:
        with self._explained("delete", key):
            self._client.remove_object(self._bucket, key)

    def exists(self, key: str) -> bool:
        with self._explained("look for", key):
            try:
                self._client.stat_object(self._bucket, key)
            except S3Error as error:
                if _code(error) == "NoSuchKey":
                    return False
                raise
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        return (key for key, _ in self.sizes(prefix))

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        return ((e.key, e.size_bytes) for e in self.entries(prefix))

    def entries(self, prefix: str) -> Iterator[Entry]:
        with self._explained("list", prefix):
            for found in self._client.list_objects(self._bucket, prefix, recursive=True):
                written = found.last_modified.timestamp() if found.last_modified else time.time()
                yield Entry(str(found.object_name), found.size or 0, written)

    def folders(self, prefix: str) -> list[str]:
        with self._explained("list", prefix):
            found = [o.object_name or "" for o in self._client.list_objects(self._bucket, prefix) if o.is_dir]
        return sorted(key.removeprefix(prefix).rstrip("/") for key in found)

    def table_uri(self, key: str) -> str:
        check_key(key)
        return f"{self.uri}/{key}"

    def filesystem(self) -> "tuple[pafs.FileSystem, str]":
        from pyarrow.fs import S3FileSystem

        who = self._access
        trusted = {"tls_ca_file_path": trusted_certificates()} if who.secure else {}
        system = S3FileSystem(
            access_key=who.access_key,
            secret_key=who.secret_key,
            region=who.region,
            scheme="https" if who.secure else "http",
            endpoint_override=who.host,
            connect_timeout=5,
            request_timeout=60,
            **trusted,
        )
        return system, self._bucket

    def storage_options(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self._access.endpoint,
            "AWS_REGION": self._access.region,
            "AWS_ACCESS_KEY_ID": self._access.access_key,
            "AWS_SECRET_ACCESS_KEY": self._access.secret_key,
            "AWS_ALLOW_HTTP": "true",
            "connect_timeout": "5s",
            "max_retries": "30",
            "retry_timeout": "20s",
            "backoff_config.init_backoff": "1s",
            "backoff_config.max_backoff": "5s",
        }

    def refusal(self, what: str, error: Exception) -> StoreError:
        return StoreError(f"could not {what} in {self.uri} at {self._access.endpoint}: {meaning(error)}")

    @contextlib.contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        """Checks a key, and turns errors of its request into StoreErrors."""
        check_key(key)
        try:
            yield
        except (MinioException, HTTPError) as error:
            if isinstance(error, S3Error) and _code(error) == "NoSuchKey":
                raise missing(key, self.uri) from None
            raise self.refusal(f"{verb} {key}", error) from None

    def _whole(self, work: Callable[[], Result]) -> Result:
        """Retries transfers that broke off or were damaged. urllib3 retries only what fails before an answer begins."""
        for pause_seconds in (*_PAUSES_SECONDS, None):
            try:
                return work()
            except (HTTPError, S3Error) as error:
                broken = _code(error) in _BROKEN if isinstance(error, S3Error) else not isinstance(error, MaxRetryError)
                if not broken or pause_seconds is None:
                    raise
                time.sleep(pause_seconds)
        raise AssertionError

    def _put(self, key: str, data: io.BytesIO | io.BufferedReader) -> None:
        metadata: dict[str, str | list[str] | tuple[str]] = {_SHA256: hashlib.file_digest(data, "sha256").hexdigest()}
        size = data.seek(0, io.SEEK_END)

        def send() -> None:
            data.seek(0)
            self._client.put_object(self._bucket, key, data, size, metadata=metadata, part_size=PART_BYTES, num_parallel_uploads=1)

        with self._explained("write", key):
            self._whole(send)

    def _range(self, key: str, start: int, count: int) -> bytes:
        def get() -> bytes:
            with self._response(key, start, count) as response:
                return response.read()

        with self._explained("read", key):
            return self._whole(get)

    @contextlib.contextmanager
    def _response(self, key: str, start: int = 0, count: int = 0) -> Iterator[BaseHTTPResponse]:
        response = self._client.get_object(self._bucket, key, offset=start, length=count)
        try:
            yield response
        finally:
            response.close()
            response.release_conn()

    def _get(self, key: str) -> bytes:
        with self._response(key) as response:
            data = response.read()
        expected = response.headers.get(_SHA256, "")
        if expected and (found := hashlib.sha256(data).hexdigest()) != expected:
            raise HTTPError(f"expected the SHA-256 {expected} of {key}, found {found}")
        return data
