"""Exports for training tools, read back by the tools themselves: datasets, lhotse and webdataset, in the readers' environment."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.export_store import exported, fill, rows, sound
from tests.readers import read

KEPT = {row.clip: (row, sound(number)) for number, row in enumerate(rows()) if row.kept}
SPLIT = ("--split", "train=0.6,dev=0.4", "--split-by", "recording")
HASHED = """
import hashlib, json, sys
from io import BytesIO
import soundfile
def heard(data):
    samples, rate = soundfile.read(BytesIO(data), dtype="int16", always_2d=True)
    return {"sha256": hashlib.sha256(samples.tobytes()).hexdigest(), "rate": rate, "shape": list(samples.shape)}
"""
DATASETS = (
    HASHED
    + """
import datasets
found = {}
for name, split in datasets.load_dataset(sys.argv[1]).items():
    audio = split.features["audio"]
    assert isinstance(audio, datasets.Audio), audio
    split = split.cast_column("audio", datasets.Audio(decode=False))  # decoding needs torch
    found[name] = [{**row, "audio": heard(row["audio"]["bytes"]), "path": row["audio"]["path"], "stated": audio.sampling_rate}
                   for row in split]
print(json.dumps(found))
"""
)
WEBDATASET = (
    HASHED
    + """
import webdataset
found = {}
for folder in sys.argv[1:]:
    shards = sorted(__import__("glob").glob(folder + "/*.tar"))
    found[folder] = [{"key": x["__key__"], "url": x["__url__"], "audio": heard(x["flac"]), "json": json.loads(x["json"])}
                     for x in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False)]
print(json.dumps(found))
"""
)
NO_TORCH = """
import importlib.machinery, sys, types
class Named(type):
    def __getattr__(cls, name):
        if name.startswith("__"): raise AttributeError(name)
        return Nothing
class Nothing(metaclass=Named):
    def __init__(self, *_, **__): pass
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return Nothing
    def __call__(self, function=None, *_, **__): return function
    def __class_getitem__(cls, _): return cls
class Torch(types.ModuleType):
    __path__ = []
    __getattr__ = Nothing.__getattr__
class Finder:
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] == "torch" else None
    def create_module(self, spec): return Torch(spec.name)
    def exec_module(self, module): pass
sys.meta_path.insert(0, Finder())
"""
"""lhotse imports torch for its samplers and transforms, which nothing here uses. This is in its place, since PyTorch is large."""
LHOTSE = (
    NO_TORCH
    + """
import hashlib, json
import numpy as np
import lhotse
def told(cut):
    lhotse.validate(cut, read_data=True)
    (s,), samples = cut.supervisions, np.rint(cut.load_audio() * 32768).astype("<i2").T
    return {"id": cut.id, "samples": cut.num_samples, "stated": cut.recording.num_samples, "rate": cut.sampling_rate, "text": s.text,
            "speaker": s.speaker, "gender": s.gender, "language": s.language, "custom": s.custom, "duration": cut.duration,
            "type": type(cut).__name__,
            "audio": {"sha256": hashlib.sha256(samples.tobytes()).hexdigest(), "shape": list(samples.shape), "rate": cut.sampling_rate}}
kind, *folders = sys.argv[1:]
found = {}
for folder in folders:
    if kind == "shar":
        cuts = lhotse.CutSet.from_shar(in_dir=folder)
    else:
        cuts = lhotse.CutSet.from_file(folder + "/cuts.jsonl.gz").with_recording_path_prefix(folder)
        recordings = lhotse.load_manifest(folder + "/recordings.jsonl.gz")
        supervisions = lhotse.load_manifest(folder + "/supervisions.jsonl.gz")
        lhotse.validate_recordings_and_supervisions(recordings, supervisions)
        joined = lhotse.CutSet.from_manifests(recordings=recordings, supervisions=supervisions)
        assert [c.supervisions for c in joined] == [c.supervisions for c in cuts]
    found[folder] = [told(cut) for cut in cuts]
print(json.dumps(found))
"""
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("radio") / "store")


def heard(clip: str) -> dict[str, Any]:
    """The sound of a clip, as it is in the store."""
    samples = KEPT[clip][1]
    return {"sha256": hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest(), "shape": [len(samples), 1], "rate": 44_100}


def test_datasets_loads_the_folder_with_splits_an_audio_column_and_all_that_is_known(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "huggingface", *SPLIT, "--shard-mb", "0.1")
    assert len(list(out.rglob("*.parquet"))) > 2
    found = read(DATASETS, out, HF_HOME=str(tmp_path / "cache"))
    assert list(found) == ["train", "dev"]
    clips = {row["clip"]: (split, row) for split, loaded in found.items() for row in loaded}
    assert clips.keys() == KEPT.keys() and sum(map(len, found.values())) == len(KEPT)
    for name, (split, row) in clips.items():
        known = KEPT[name][0]
        assert (row["audio"], row["path"], row["stated"]) == (heard(name), f"{name}.flac", 44_100)
        assert (row["split"], row["text"], row["words"], row["dnsmos_ovrl"]) == (split, known.text, known.words, known.dnsmos_ovrl)
        assert (row["samples"], row["licence"], row["events_top_probabilities"]) == (known.samples, "CC BY 4.0", [0.5])
        assert len(row["word_times"]) == len(known.words)
    by_recording = {row["recording"]: split for split, row in clips.values()}
    assert all(by_recording[row["recording"]] == split for split, row in clips.values())


def test_datasets_calls_an_export_without_splits_train(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "huggingface", "--sample-rate", "16000", "--columns", "text,speaker")
    (name, loaded), *others = read(DATASETS, out, HF_HOME=str(tmp_path / "cache")).items()
    assert (name, others, sorted(row["clip"] for row in loaded)) == ("train", [], sorted(KEPT))
    assert all(row["stated"] == row["audio"]["rate"] == 16_000 for row in loaded)
    assert loaded[0].keys() == {"audio", "path", "stated", "clip", "recording", "source", "licence", "text", "speaker"}


def test_webdataset_reads_sound_and_json_from_shards_of_bounded_size(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "webdataset", *SPLIT, "--shard-mb", "0.1")
    assert max(path.stat().st_size for path in out.rglob("*.tar")) <= 100_000
    found = read(WEBDATASET, out / "train", out / "dev")
    samples = [(Path(folder).name, x) for folder, loaded in found.items() for x in loaded]
    assert sorted(x["key"] for _, x in samples) == sorted(KEPT) and len({x["url"] for _, x in samples}) > 2
    for split, x in samples:
        known = KEPT[x["key"]][0]
        assert x["audio"] == heard(x["key"])
        said = x["json"]
        assert (said["split"], said["text"], said["speaker"], said["samples"]) == (split, known.text, known.speaker, known.samples)


@pytest.mark.parametrize("kind", ["lhotse", "lhotse-shar"])
def test_lhotse_validates_cuts_and_loads_their_sound(store: Path, tmp_path: Path, kind: str) -> None:
    out = exported(store, tmp_path / "out", kind, *SPLIT, *(["--shard-mb", "0.1"] if kind == "lhotse-shar" else []))
    found = read(LHOTSE, "shar" if kind == "lhotse-shar" else "cuts", out / "train", out / "dev")
    if kind == "lhotse-shar":
        assert len(list(out.rglob("*.tar"))) > 2
    cuts = {cut["id"]: cut for loaded in found.values() for cut in loaded}
    assert cuts.keys() == KEPT.keys() and all(found.values())
    for name, cut in cuts.items():
        known = KEPT[name][0]
        assert (cut["samples"], cut["stated"], cut["rate"]) == (known.samples, known.samples, 44_100)
        assert cut["audio"] == heard(name)
        assert (cut["text"], cut["speaker"], cut["gender"]) == (known.text or None, known.speaker or None, "female")
        assert (cut["custom"]["dnsmos_ovrl"], cut["custom"]["source_start"]) == (known.dnsmos_ovrl, known.start)
        assert cut["custom"]["licence"] == "CC BY 4.0"


@pytest.mark.parametrize("kind", ["lhotse", "lhotse-shar"])
def test_lhotse_finds_at_every_rate_as_many_samples_as_are_stated(store: Path, tmp_path: Path, kind: str) -> None:
    out = exported(store, tmp_path / "out", kind, "--sample-rate", "22050", "--channels", "2", "--codec", "wav", "--columns", "snr_db")
    (cuts,) = read(LHOTSE, kind.removeprefix("lhotse-"), out / "shar" if kind == "lhotse-shar" else out).values()
    assert len(cuts) == len(KEPT)
    for cut in cuts:
        assert (cut["type"], cut["rate"], cut["audio"]["shape"]) == ("MultiCut", 22_050, [cut["stated"], 2])
        assert cut["duration"] == cut["stated"] / 22_050
        assert cut["custom"].keys() == {"source", "licence", "source_start", "source_end", "snr_db"}
    manifest = [json.loads(line) for line in (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["clip"] for line in manifest] == [cut["id"] for cut in cuts]
