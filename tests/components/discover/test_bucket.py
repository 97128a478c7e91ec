"""Media in a bucket of a real MinIO server are listed like those in a folder."""

import io
import unicodedata
from collections.abc import Iterator

import pytest

from components.discover.bucket import list_bucket
from components.discover.items import SourceError, recording_id
from components.discover.listing import list_source
from components.discover.sources import parse
from components.shared.task import StageError
from store.minio import access, client, object_place
from tests.minio_server import MinioServer

KEYS = [
    "show/1.mp3",
    "show/2024/2화 밤, 기차.FLAC",
    "show/a?b#c%20d&token=e.wav",
    "show/line\u2028separator.ogg",
    "show/cover.jpg",
    "show/folder.mp3/",
    "show/odd-name",
    "shows/other.mp3",
]


@pytest.fixture(scope="module")
def server(minio: MinioServer) -> Iterator[MinioServer]:
    with pytest.MonkeyPatch.context() as patch:
        minio.lead(patch)
        client(access()).make_bucket("media")
        for key in KEYS:
            client(access()).put_object("media", key, io.BytesIO(b""), 0)
        yield minio


def keys(url: str) -> list[str]:
    return [object_place(found.item.url)[1] for found in list_bucket(url)]


def test_a_folder_is_its_media_and_no_other(server: MinioServer) -> None:
    folder = sorted(k for k in KEYS[:4])
    assert sorted(keys("s3://media/show/")) == sorted(keys("s3://media/show")) == folder
    assert sorted(keys("s3://media")) == sorted(keys("s3://media/")) == [*folder, "shows/other.mp3"]


def test_hidden_objects_pictures_and_texts_are_left_out_with_a_count(server: MinioServer, capsys: pytest.CaptureFixture[str]) -> None:
    found = {
        "a.3GA": b"",
        "memo": b"\xff\xfb\0",
        "._a.wav": b"\0",
        ".trash/b.wav": b"\0",
        "README": b"as is",
        "cover.png": b"",
        "c.aifc": b"",
    }
    for name, data in found.items():
        client(access()).put_object("media", f"mixed/{name}", io.BytesIO(data), len(data))
    assert keys("s3://media/mixed") == ["mixed/a.3GA", "mixed/c.aifc", "mixed/memo"]
    assert "s3://media/mixed: left out 4 files that are no audio: 2 hidden, 1 .png, 1 text" in capsys.readouterr().out
    assert keys("s3://media/mixed/README") == ["mixed/README"], "an object that is named is taken"


def test_names_are_found_in_either_unicode_form_and_have_one_id(server: MinioServer) -> None:
    for form in ("NFC", "NFD"):
        key = unicodedata.normalize(form, f"{form}/여성시대/봄.wav")
        client(access()).put_object("media", key, io.BytesIO(b""), 0)
        for typed in ("NFC", "NFD"):
            (found,) = list_bucket(unicodedata.normalize(typed, f"s3://media/{form}/여성시대"))
            assert object_place(found.item.url)[1] == key
            assert found.item.recording == recording_id("bucket", "media", f"{form}/여성시대/봄.wav")
    client(access()).put_object("media", "NFD/여성시대/봄.wav", io.BytesIO(b""), 0)
    assert len({found.item.recording for found in list_bucket("s3://media/NFD")}) == 2


def test_an_object_is_taken_whatever_it_is_called(server: MinioServer) -> None:
    assert keys("s3://media/show/odd-name") == ["show/odd-name"]
    assert keys("s3://media/show/2024/2화%20밤%2C 기차.FLAC") == ["show/2024/2화 밤, 기차.FLAC"]


def test_rows_name_the_object_and_stay_the_same(server: MinioServer) -> None:
    first, again = ([found.item for source in parse("s3://media/show") for found in list_source(source)] for _ in range(2))
    assert first == again and len({i.recording for i in first}) == 4
    korean = next(i for i in first if "화" in i.title)
    assert (korean.kind, korean.title, korean.url) == ("bucket", "2화 밤, 기차.FLAC", "s3://media/show/2024/2화%20밤,%20기차.FLAC")
    assert all(i.url.isprintable() and not {"?", "#", " "} & set(i.url) for i in first)


@pytest.mark.parametrize("url", ["s3://media/none", "s3://media/sho"])
def test_what_is_not_there_is_told(server: MinioServer, url: str) -> None:
    with pytest.raises(SourceError, match="there is no such object or folder in the bucket"):
        keys(url)


def test_what_may_not_be_listed_is_told(server: MinioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="there is no such bucket"):
        keys("s3://nowhere/a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-one")
    with pytest.raises(SourceError, match="AWS_SECRET_ACCESS_KEY is not the secret"):
        keys("s3://media/show")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(StageError, match="found no AWS_ENDPOINT_URL"):
        keys("s3://media/show")
