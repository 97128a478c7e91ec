"""Everything bundled with the code can be put into a store of every kind, once and completely."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.deployment import ROOT
from components.shared.model import parse
from components.shared.task import MENDABLE, MODEL, StageError
from pipelines.inputs.slots import SLOTS, bundled
from pipelines.inputs.slots import uri as slot_uri
from store.bundled import BUNDLED, push_bundled
from store.models import EFFECTS, MODELS, REFERENCES, ModelStore
from store.objects import open_store


def test_everything_bundled_is_in_the_store_and_complete(uri: str) -> None:
    store = open_store(uri)
    pushed = push_bundled(store)
    assert {slot_uri(store.uri, slot, bundled(slot)) for slot in SLOTS.values()} <= set(pushed), "the models that pipelines load by default"
    for kind in (MODELS, REFERENCES, EFFECTS):
        models = ModelStore(store, kind)
        own = {parse(path).name for path in (BUNDLED / kind).glob(f"*/{MODEL}")}
        assert set(models.names()) == own and not [fault for name in own for fault in models.verify(name)]
    assert push_bundled(store) == pushed


def test_a_damaged_file_is_replaced_only_with_again(uri: str) -> None:
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


def test_the_command_lists_what_is_in_the_store_and_refuses_a_bad_uri_in_one_line(uri: str) -> None:
    done = subprocess.run([sys.executable, "-m", "store.bundled", uri], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{ModelStore(open_store(uri)).uri('tone-2')} is there" in done.stdout + done.stderr
    done = subprocess.run([sys.executable, "-m", "store.bundled", "ftp://x"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n"), done.stderr[:16]) == (MENDABLE, 1, "error: expected ")
