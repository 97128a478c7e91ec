"""What comes with the code is put into a store of every kind, once, and whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.deployment import ROOT
from components.shared.model import parse
from components.shared.task import MENDABLE, MODEL, StageError
from pipelines.inputs.slots import SLOTS, bundled
from pipelines.inputs.slots import uri as slot_uri
from store.bundled import push_bundled
from store.models import EFFECTS, MODELS, REFERENCES, ModelStore
from store.objects import open_store


def test_all_that_comes_with_the_code_is_there_and_whole(uri: str) -> None:
    store = open_store(uri)
    there = push_bundled(store)
    assert {slot_uri(store.uri, slot, bundled(slot)) for slot in SLOTS.values()} <= set(there), "what pipelines load by default"
    for kind in (MODELS, REFERENCES, EFFECTS):
        models = ModelStore(store, kind)
        own = {parse(path).name for path in (ROOT / kind).glob(f"*/{MODEL}")}
        assert set(models.names()) == own and not [fault for name in own for fault in models.verify(name)]
    assert push_bundled(store) == there


def test_a_damaged_file_is_mended_only_when_asked(uri: str) -> None:
    store = open_store(uri)
    push_bundled(store)
    models = ModelStore(store)
    key = f"models/tone-2/{models.model('tone-2').version}/config.json"
    store.write(key, b"other")
    push_bundled(store)
    assert models.verify("tone-2")
    push_bundled(store, again=True)
    assert models.verify("tone-2") == []


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=f"expected models below {tmp_path}, found none: name the folder that holds models"):
        push_bundled(open_store(str(tmp_path / "store")), bundled=tmp_path)


def test_the_command_says_where_everything_is_and_refuses_in_one_line(uri: str) -> None:
    done = subprocess.run([sys.executable, "-m", "store.bundled", uri], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{ModelStore(open_store(uri)).uri('tone-2')} is there" in done.stdout + done.stderr
    done = subprocess.run([sys.executable, "-m", "store.bundled", "ftp://x"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n"), done.stderr[:16]) == (MENDABLE, 1, "error: expected ")
