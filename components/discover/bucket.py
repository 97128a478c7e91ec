"""Lists media in a bucket of MinIO or another S3 server, at the endpoint of the store."""

import unicodedata
from collections.abc import Iterator
from functools import partial

from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from components.discover.items import Listed, SourceError, listed, nfc_name
from components.discover.media import START_BYTES, Choice
from components.shared.network import public_url
from components.shared.state import state_of
from components.shared.task import report
from store.minio import access, client, meaning, object_place, object_url


def list_bucket(url: str) -> Iterator[Listed]:
    """Yields an object, or all objects in a folder and its subfolders that may be audio, by key."""
    bucket, place = object_place(url)
    forms = dict.fromkeys([place, *(unicodedata.normalize(form, place) for form in ("NFC", "NFD"))])  # macOS writes NFD
    place, states = next(((form, found) for form in forms if (found := _states(bucket, form))), ("", {}))
    if not states:
        raise SourceError("there is no such object or folder in the bucket")
    choice = Choice()
    for key, state in states.items():
        if key == place or choice.takes(key[len(_folder(place)) :], partial(_start, bucket, key)):
            own, title = nfc_name(key, states.__contains__), key.rpartition("/")[2]
            yield listed("bucket", bucket, own, object_url(bucket, key), title=title, state=state)
    if told := choice.told():
        report(f"{public_url(url)}: {told}")


def _folder(place: str) -> str:
    return f"{place.rstrip('/')}/" if place else ""


def _states(bucket: str, place: str) -> dict[str, str]:
    """Returns the states of an object, or of those of a folder, by key; some programs create empty objects as folders."""
    try:
        objects = client(access()).list_objects(bucket, place, recursive=True)
        found = {str(entry.object_name): state_of(bytes=entry.size, etag=entry.etag) for entry in objects}
    except (MinioException, HTTPError) as error:
        raise SourceError(meaning(error)) from None
    return {key: state for key, state in found.items() if not key.endswith("/") and (key == place or key.startswith(_folder(place)))}


def _start(bucket: str, key: str) -> bytes:
    """Returns the first bytes of an object; for one that cannot be read, bytes that are no text, so that `download` gives the reason."""
    try:
        answer = client(access()).get_object(bucket, key, length=START_BYTES)
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()
    except S3Error as error:
        return b"" if error.code == "InvalidRange" else b"\0"  # an empty object has no bytes to ask for
    except (MinioException, HTTPError):
        return b"\0"
