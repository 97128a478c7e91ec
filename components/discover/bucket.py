"""Lists media in a bucket of MinIO or another S3 server, at the endpoint of the store."""

from collections.abc import Iterator

from minio.error import MinioException
from urllib3.exceptions import HTTPError

from components.discover.items import Listed, SourceError, listed
from components.discover.sources import has_media_suffix
from store.minio import access, client, meaning, object_place, object_url


def list_bucket(url: str) -> Iterator[Listed]:
    """Yields an object, or all objects with a media suffix in a folder and its subfolders, by key."""
    bucket, place = object_place(url)
    folder = f"{place.rstrip('/')}/" if place else ""
    found = False
    try:
        for entry in client(access()).list_objects(bucket, place, recursive=True):
            key = str(entry.object_name)
            if not key.endswith("/") and (key == place or key.startswith(folder)):  # some programs create empty objects as folders
                found = True
                if key == place or has_media_suffix(key):
                    yield listed("bucket", bucket, key, object_url(bucket, key), title=key.rpartition("/")[2])
    except (MinioException, HTTPError) as error:
        raise SourceError(meaning(error)) from None
    if not found:
        raise SourceError("there is no such object or folder in the bucket")
