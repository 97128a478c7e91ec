"""Models come from origins, mirrors, archives and folders: the right files, whole or not at all."""

import hashlib
import io
import json
import random
import re
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.shared.model import File, Model, read_model
from components.shared.task import StageError
from pipelines.inputs.registry import Entry, entry, fetch, registry
from store.objects import is_name
from tests.http_server import Server, serving
from tests.places import ROOT

FILES = {
    "checkpoint": b'model_checkpoint_path: "model"\n',
    "model.index": b"index",
    "model.data-00000-of-00001": random.Random(1).randbytes(500_000),
}
CONFIG = {"F": 1536, "instrument_list": ["vocals", "accompaniment"]}


def archive(files: dict[str, bytes], prefix: str = "./") -> bytes:
    """A .tar.gz, the same for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{prefix}{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


ARCHIVE = archive(FILES | {"._checkpoint": b"of another system", ".probe": b"OK"})


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def packed(server: Server) -> Entry:
    """A model whose files lie in an archive."""
    files = {name: File(sha256(data), len(data)) for name, data in FILES.items()}
    url = server.put("/release/2stems.tar.gz", ARCHIVE)
    return Entry("spleeter-test", "tests", "spleeter", "MIT", "", url, sha256(ARCHIVE), len(ARCHIVE), files=files, config=CONFIG)


@pytest.fixture
def loose(server: Server) -> Entry:
    """A model whose files lie beside each other."""
    for name, data in FILES.items():
        server.put(f"/main/{name}", data)
    files = {name: File(sha256(data), len(data)) for name, data in FILES.items()}
    return Entry("whisper-test", "tests", "whisper", "MIT", "", f"{server.url}/main/", files=files)


def get(wanted: Entry, folder: Path, source: str | Path = "") -> Model:
    return fetch(wanted, folder, str(source), lambda *_: None)


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("."))


def test_the_registry_names_what_every_model_is_and_where_it_comes_from() -> None:
    known = registry()
    assert {f"spleeter-{n}stems{v}" for n in (2, 4, 5) for v in ("", "-16khz")} < set(known)
    assert {f"whisper-{size}" for size in ("tiny", "base", "small", "medium", "large-v3", "large-v3-turbo")} < set(known)
    assert known["speech-2stems-small"].bundled
    for wanted in known.values():
        assert is_name(wanted.name) and wanted.purpose
        if not wanted.bundled:
            assert wanted.kind and wanted.licence and wanted.licence_source.startswith("https://")
            assert wanted.url.startswith("https://") or (wanted.wheels and not wanted.url)
            hashes = [file.sha256 for file in wanted.files.values()] + ([wanted.sha256] if wanted.archive else [])
            hashes += [wheel.sha256 for wheel in wanted.wheels]
            assert all(re.fullmatch("[0-9a-f]{64}", h) for h in hashes)


@pytest.mark.parametrize("stems", [2, 4, 5])
def test_a_16_khz_variant_is_the_same_weights_over_more_of_the_spectrum(stems: int) -> None:
    plain, variant = entry(f"spleeter-{stems}stems"), entry(f"spleeter-{stems}stems-16khz")
    assert (plain.url, plain.files) == (variant.url, variant.files)
    assert (plain.config["F"], variant.config["F"]) == (1024, 1536)
    assert plain.config | {"F": 1536} == variant.config
    assert len(plain.config["instrument_list"]) == stems and plain.config["instrument_list"][0] == "vocals"


def test_hashes_of_the_networks_of_segment_are_those_that_it_pins() -> None:
    source = ROOT / "components" / "segment" / "networks.py"
    pinned = dict(re.findall(r'"(keras_\w+\.hdf5)": "([0-9a-f]{64})"', source.read_text()))
    assert pinned and pinned == {name: file.sha256 for name, file in entry("ina-segmenter").files.items()}


def test_who_names_no_model_is_told_all() -> None:
    with pytest.raises(StageError, match=r"found 'spleter'; there are speech-2stems-small, tone-4, tone-2, none, spleeter-2stems"):
        entry("spleter")


@pytest.mark.parametrize(
    "text", ["[a", "[a]\npurpose = 'x'", "[a]\nweights_of = 'b'", "[a]\npurpose = 'x'\nkinds = 'y'", "[a]\nfiles.b.bytes = 1"]
)
def test_what_is_no_registry_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "models.toml").write_text(text)
    with pytest.raises(StageError, match="expected a list of models"):
        registry(tmp_path / "models.toml")


def test_a_model_comes_from_its_origin_as_a_folder_that_can_be_read(packed: Entry, tmp_path: Path) -> None:
    model = get(packed, tmp_path / "m")
    assert read_model(tmp_path / "m", "spleeter") == model
    assert (model.name, model.licence, model.origin) == ("spleeter-test", "MIT", packed.url)
    assert json.loads((tmp_path / "m" / "config.json").read_text()) == CONFIG
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == sorted([*FILES, "config.json", "model.json"])
    assert not leftovers(tmp_path)


def test_however_a_model_comes_it_is_the_same_version(packed: Entry, server: Server, tmp_path: Path) -> None:
    (tmp_path / "2stems.tar.gz").write_bytes(ARCHIVE)
    (tmp_path / "pretrained_models" / "2stems").mkdir(parents=True)
    for name, data in (FILES | {".probe": b"OK"}).items():
        (tmp_path / "pretrained_models" / "2stems" / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / "by-hand.zip", "w") as zipped:
        for name, data in FILES.items():
            zipped.writestr(f"2stems/{name}", data)
    server.put("/mirror/2stems.tar.gz", ARCHIVE)
    sources = ["", f"{server.url}/mirror/", f"{server.url}/mirror/2stems.tar.gz", tmp_path / "2stems.tar.gz", tmp_path]
    sources += [tmp_path / "pretrained_models" / "2stems", tmp_path / "by-hand.zip"]
    assert len({get(packed, tmp_path / "out" / str(i), source).version for i, source in enumerate(sources)}) == 1
    assert not leftovers(tmp_path / "out")


def test_files_that_lie_beside_each_other_come_one_by_one(loose: Entry, server: Server, tmp_path: Path) -> None:
    model = get(loose, tmp_path / "m")
    for name, data in FILES.items():
        server.put(f"/mirror/{name}", data)
    assert get(loose, tmp_path / "n", f"{server.url}/mirror") == replace(model, created=read_model(tmp_path / "n", "whisper").created)
    assert set(model.files) == set(FILES)
    assert not leftovers(tmp_path)


def test_a_model_that_is_there_is_not_fetched_again(packed: Entry, server: Server, tmp_path: Path) -> None:
    model = get(packed, tmp_path / "m")
    asked = len(server.asked)
    assert get(packed, tmp_path / "m") == model and len(server.asked) == asked


def test_a_model_that_was_damaged_here_has_to_go_first(packed: Entry, tmp_path: Path) -> None:
    get(packed, tmp_path / "m")
    (tmp_path / "m" / "model.index").write_bytes(b"")
    with pytest.raises(StageError, match=r"found 0 bytes .*remove .*m first"):
        get(packed, tmp_path / "m")


def test_what_an_interrupted_fetch_has_left_is_used(loose: Entry, server: Server, tmp_path: Path) -> None:
    last = list(FILES)[-1]
    server.resources[f"/main/{last}"].statuses = [404]
    with pytest.raises(StageError, match="HTTP 404"):
        get(loose, tmp_path / "m")
    assert not (tmp_path / "m").exists()
    asked = len(server.asked)
    get(loose, tmp_path / "m")
    assert [path for path, _, _ in server.asked[asked:]] == [f"/main/{last}"]
    assert not leftovers(tmp_path)


def test_a_fetch_that_is_killed_leaves_no_model_and_the_next_goes_on(packed: Entry, server: Server, tmp_path: Path) -> None:
    server.resources["/release/2stems.tar.gz"].stated_more = 10**6  # the server never ends what it began
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from components.shared.model import File\nfrom pipelines.inputs.registry import Entry, fetch\n"
        f"wanted = Entry('spleeter-test', 't', 'spleeter', 'MIT', '', {packed.url!r}, {packed.sha256!r}, files={packed.files!r})\n"
        "def told(name, have, total):\n    if have > 200_000:\n        print('half', flush=True)\n        time.sleep(60)\n"
        "fetch(wanted, Path(sys.argv[1]), '', told)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "m")], stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "m").exists()
    server.resources["/release/2stems.tar.gz"].stated_more = 0
    asked = len(server.asked)
    assert get(packed, tmp_path / "m")
    assert all(wanted.startswith("bytes=") for _, wanted, _ in server.asked[asked:])
    assert not leftovers(tmp_path)


def test_other_bytes_of_the_same_length_are_refused_and_not_kept(packed: Entry, server: Server, tmp_path: Path) -> None:
    server.put("/release/2stems.tar.gz", bytes(len(ARCHIVE)))
    with pytest.raises(StageError, match=f"expected the SHA-256 {packed.sha256}, found {sha256(bytes(len(ARCHIVE)))}; it was removed"):
        get(packed, tmp_path / "m")
    assert not (tmp_path / "m").exists() and not list(tmp_path.rglob("*.tar.gz*part"))
    server.put("/release/2stems.tar.gz", ARCHIVE)
    assert get(packed, tmp_path / "m")


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_another_model_is_refused(packed: Entry, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").mkdir()
    for each, data in FILES.items():
        (tmp_path / "mine" / each).write_bytes(data[:-1] + b"?" if each == name else data)
    with pytest.raises(StageError, match=f"{name} of .*mine: expected the SHA-256"):
        get(packed, tmp_path / "m", tmp_path / "mine")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine"]


def test_a_folder_that_lacks_a_file_is_refused(packed: Entry, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(StageError, match=r"expected checkpoint, model.index, .* or 2stems.tar.gz in .*mine, found notes.txt"):
        get(packed, tmp_path / "m", tmp_path / "mine")


def test_an_archive_with_its_own_hash_is_trusted_over_those_of_its_files(packed: Entry, tmp_path: Path) -> None:
    wrong = packed.files | {"model.index": File("0" * 64, 0)}
    assert get(replace(packed, files=wrong), tmp_path / "m")
    (tmp_path / "again.tar.gz").write_bytes(archive(FILES))
    with pytest.raises(StageError, match=r"model.index of .*again.tar.gz: expected the SHA-256 0000"):
        get(replace(packed, files=wrong), tmp_path / "n", tmp_path / "again.tar.gz")


def test_nothing_in_an_archive_leads_out_of_the_folder(packed: Entry, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in {"../../evil": b"evil", "/tmp/evil": b"evil", "../checkpoint": FILES["checkpoint"]}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name in ("model.index", "model.data-00000-of-00001"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "evil.tar.gz").write_bytes(buffer.getvalue())
    with pytest.raises(StageError, match=r"found no model.index, model.data-00000-of-00001"):
        get(packed, tmp_path / "out" / "m", tmp_path / "in" / "evil.tar.gz")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == ["in", "in/evil.tar.gz", "out"]


def test_a_file_that_unpacks_to_more_than_it_should_is_stopped(packed: Entry, tmp_path: Path) -> None:
    (tmp_path / "bomb.tar.gz").write_bytes(archive(FILES | {"model.index": bytes(50_000_000)}))
    with pytest.raises(StageError, match=r"expected at most 5 bytes of model.index"):
        get(packed, tmp_path / "m", tmp_path / "bomb.tar.gz")


def test_an_archive_of_two_models_is_refused(packed: Entry, tmp_path: Path) -> None:
    both = {f"{folder}/{name}": data for folder in ("2stems", "4stems") for name, data in FILES.items()}
    (tmp_path / "both.tar.gz").write_bytes(archive(both, ""))
    with pytest.raises(StageError, match=r"expected one checkpoint in .*, found two"):
        get(packed, tmp_path / "m", tmp_path / "both.tar.gz")


@pytest.mark.parametrize(
    "data", [b"", b"<html>log in</html>", ARCHIVE[: len(ARCHIVE) // 2], ARCHIVE[:-100] + bytes(100), b"PK\5\6" + bytes(18)]
)
def test_what_is_no_whole_archive_is_refused(packed: Entry, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "2stems.tar.gz").write_bytes(data)
    with pytest.raises(StageError, match=r"2stems\.tar\.gz"):
        get(packed, tmp_path / "m", tmp_path / "2stems.tar.gz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2stems.tar.gz"]


def test_a_folder_that_is_something_else_is_left_alone(packed: Entry, loose: Entry, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    get(loose, tmp_path / "other")
    for folder in ("mine", "other"):
        with pytest.raises(StageError, match="expected a new folder"):
            get(packed, tmp_path / folder)
    assert (tmp_path / "mine" / "letter").read_text() == "dear" and read_model(tmp_path / "other", "whisper")


def test_a_place_that_is_not_there_is_named(packed: Entry, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"found nothing at .*nowhere"):
        get(packed, tmp_path / "m", tmp_path / "nowhere")


def test_two_fetches_of_one_model_do_not_meet(packed: Entry, tmp_path: Path) -> None:
    def again(*_: object) -> None:
        with pytest.raises(StageError, match="wait until it ends"):
            get(packed, tmp_path / "m")

    assert fetch(packed, tmp_path / "m", "", again)
