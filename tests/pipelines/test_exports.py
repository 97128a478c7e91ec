"""Exports of clips: what manifests say, the rules of the readers that are too heavy to run here, and options."""

import csv
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import soundfile

from pipelines.datasets.exports.kinds import KINDS
from pipelines.datasets.exports.lines import gpt_sovits_language
from pipelines.datasets.exports.wanted import COLUMNS
from store.datasets import DatasetStore
from store.objects import open_store
from tests.command import speechmill
from tests.export_store import exported, fill, rows
from tests.versions import put_version

KEPT = {row.clip: row for row in rows() if row.kept}
WITH_TEXT = {name: row for name, row in KEPT.items() if row.text}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("radio") / "store")


def refused(store: Path, out: Path, *options: str) -> str:
    done = speechmill("dataset", "export", "radio", "--store", store, "--out", out, *options)
    assert done.returncode != 0 and "Traceback" not in done.stderr and not list(out.parent.glob("*out*"))
    return done.stderr.splitlines()[-1]


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def text_lines(path: Path) -> list[str]:
    data = path.read_text(encoding="utf-8")
    assert data.endswith("\n")
    return data[:-1].split("\n")


# --- manifests


def test_a_manifest_has_all_that_is_known_of_a_clip_in_a_readable_form(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "files")
    lines = json_lines(out / "manifest.jsonl")
    assert all(line.keys() == {"audio", *COLUMNS} for line in lines)
    assert [line["audio"] for line in lines] == [f"{n}.flac" for n in range(1, 25)]
    for line in lines:
        row = KEPT[line["clip"]]
        assert (line["text"], line["words"], line["speaker"], line["dnsmos_ovrl"]) == (row.text, row.words, row.speaker, row.dnsmos_ovrl)
        assert line["word_times"] == [[2.0 * n, 2.0 * n + 1] for n in range(len(row.words))]
        assert (line["dataset"], line["version"], line["similarity"], line["events_top_probabilities"]) == ("radio", 1, None, [0.5])


@pytest.mark.parametrize("kind", [name for name, own in KINDS.items() if not own.sharded])
@pytest.mark.parametrize("rate_hz", [44_100, 16_000])
def test_the_lengths_that_are_stated_are_those_of_the_files(store: Path, tmp_path: Path, kind: str, rate_hz: int) -> None:
    out = exported(store, tmp_path / "out", kind, "--sample-rate", str(rate_hz))
    lines = json_lines(out / "manifest.jsonl")
    assert len(lines) == len(WITH_TEXT if KINDS[kind].needs else KEPT)
    for line in lines:
        info = soundfile.info(out / line["audio"])
        assert (info.frames, info.samplerate, info.channels) == (line["samples"], rate_hz, 1)
        assert (line["sample_rate_hz"], line["channels"], line["seconds"]) == (rate_hz, 1, line["samples"] / rate_hz)


def test_the_order_is_that_of_the_recordings(store: Path, tmp_path: Path) -> None:
    lines = json_lines(exported(store, tmp_path / "out", "jsonl") / "manifest.jsonl")
    assert len({line["recording"] for line in lines}) == 6
    assert sum(a["recording"] != b["recording"] for a, b in pairwise(lines)) == 5
    assert all(a["start"] < b["start"] for a, b in pairwise(lines) if a["recording"] == b["recording"])


def test_where_chooses_clips_and_columns_what_is_said_of_them(store: Path, tmp_path: Path) -> None:
    out = exported(
        store, tmp_path / "out", "jsonl", "--where", "dnsmos_ovrl > 2 AND language LIKE 'en%' -- good", "--columns", "text,snr_db"
    )
    lines = json_lines(out / "manifest.jsonl")
    good = {n for n, row in KEPT.items() if row.dnsmos_ovrl is not None and row.dnsmos_ovrl > 2 and row.language.startswith("en")}
    assert {line["clip"] for line in lines} == good and 0 < len(good) < len(KEPT)
    assert all(list(line) == ["audio", "clip", "recording", "source", "licence", "text", "snr_db"] for line in lines)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"| clips | {len(good)} |" in card and "`dnsmos_ovrl > 2 AND language LIKE 'en%' -- good` is true" in card


def test_where_cannot_bring_back_a_rejected_clip(store: Path, tmp_path: Path) -> None:
    lines = json_lines(exported(store, tmp_path / "out", "jsonl", "--where", "true) OR (true") / "manifest.jsonl")
    assert {line["clip"] for line in lines} == KEPT.keys()


def test_the_card_says_how_much_is_in_each_split(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "jsonl", "--split", "train=0.6,dev=0.4", "--split-by", "recording")
    card = (out / "README.md").read_text(encoding="utf-8")
    found = [line["split"] for line in json_lines(out / "manifest.jsonl")]
    for name in ("train", "dev"):
        assert re.search(rf"^\| {name} \| {found.count(name)} \| {found.count(name) // 4} \|", card, re.MULTILINE)
    assert "Split train=0.6,dev=0.4 by recording: a recording is in one split only." in card


# --- rules of readers


def test_kaldi_s_validation_of_a_data_folder_would_pass(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "kaldi")
    tables = {
        name: [line.split(" ", 1) for line in text_lines(out / name)] for name in ("wav.scp", "text", "utt2spk", "spk2utt", "utt2dur")
    }
    for table in tables.values():
        keys = [key.encode() for key, _ in table]
        assert keys == sorted(set(keys)), "sorted by LC_ALL=C, without duplicates"
    utterances = [key for key, _ in tables["utt2spk"]]
    assert len(utterances) == len(WITH_TEXT)
    assert all([key for key, _ in tables[name]] == utterances for name in ("wav.scp", "text", "utt2dur"))
    pairs = [(utterance, speaker) for utterance, speaker in tables["utt2spk"]]
    assert pairs == sorted(pairs, key=lambda p: (p[1].encode(), p[0].encode())), "sorted by speaker, too"
    assert [(u, speaker) for speaker, own in tables["spk2utt"] for u in own.split(" ")] == pairs
    assert all(utterance.startswith(speaker) and not re.search(r"\s", utterance + speaker) for utterance, speaker in pairs)
    for utterance, text in tables["text"]:
        assert text and text == " ".join(text.split()) and text.isprintable(), utterance
        assert not re.search(r"(?<!\w)(<s>|</s>|#0)(?!\w)", text)
    for (_, path), (_, seconds) in zip(tables["wav.scp"], tables["utt2dur"], strict=True):
        info = soundfile.info(out / path)
        assert (info.format, info.subtype) == ("WAV", "PCM_16") and float(seconds) == info.frames / info.samplerate > 0
    unknown = [(u, speaker) for u, speaker in pairs if u.startswith("unknown-")]
    assert unknown and all(u == speaker for u, speaker in unknown), "clips of unknown speakers are not one speaker"


def test_nemo_finds_the_fields_of_its_manifest_and_the_files_beside_it(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "nemo", "--split", "train=0.6,dev=0.4", "--split-by", "recording")
    found = [(out / split, item) for split in ("train", "dev") for item in json_lines(out / split / "nemo_manifest.json")]
    assert {item["clip"] for _, item in found} == WITH_TEXT.keys()
    for folder, item in found:
        path = Path(item["audio_filepath"])
        assert not path.is_absolute() and path.parent != Path(), "NeMo joins a path with a folder to that of the manifest"
        info = soundfile.info(folder / path)
        assert type(item["duration"]) is float and item["duration"] == info.frames / info.samplerate
        assert (item["offset"], item["lang"]) == (0.0, WITH_TEXT[item["clip"]].language)
        assert type(item["text"]) is str and item["text"] and "\n" not in item["text"] and type(item["speaker"]) is str


def test_a_loader_of_ljspeech_reads_id_text_and_sound(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "ljspeech", "--sample-rate", "22050")
    with (out / "metadata.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    assert {name for name, _, _ in found} == WITH_TEXT.keys() == {p.stem for p in (out / "wavs").glob("*.wav")}
    for name, text, normalized in found:
        assert soundfile.info(out / "wavs" / f"{name}.wav").samplerate == 22_050
        assert text == normalized == " ".join(WITH_TEXT[name].text.replace("|", " ").replace("\x07", "").split())
    assert 'he said "hello"' in {text for _, text, _ in found}


def test_gpt_sovits_reads_four_fields_a_line(store: Path, tmp_path: Path) -> None:
    out = exported(store, tmp_path / "out", "gpt-sovits")
    found = [line.split("|") for line in text_lines(out / "gpt-sovits.list")]
    assert {Path(path).stem for path, _, _, _ in found} == WITH_TEXT.keys()
    for path, speaker, language, text in found:
        row = WITH_TEXT[Path(path).stem]
        assert (out / path).is_file() and speaker == (row.speaker or "unknown") and text.strip()
        assert language == {"ko": "ko", "en-us": "en", "en": "en", "ja": "ja"}[row.language]


def test_gpt_sovits_s_names_of_languages() -> None:
    known = {"ko-KR": "ko", "zh": "zh", "zh-Hant-yue": "yue", "yue": "yue", "JA": "ja", "de": "", "": ""}
    assert {tag: gpt_sovits_language(tag) for tag in known} == known


@pytest.mark.parametrize(("kind", "file"), [("kaldi", "wav.scp"), ("gpt-sovits", "gpt-sovits.list"), ("nemo", "nemo_manifest.json")])
def test_a_prefix_makes_paths_that_lead_to_the_files_from_anywhere(store: Path, tmp_path: Path, kind: str, file: str) -> None:
    out = tmp_path / "out"
    exported(store, out, kind, "--path-prefix", f"{out}/", "--split", "train=0.6,dev=0.4", "--split-by", "recording")
    paths = [re.search(rf"{out}/[\w./-]+", line) for line in text_lines(out / "train" / file)]
    assert paths and all(found and Path(found[0]).is_file() for found in paths)


# --- what does not go together


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "kaldi", "--codec", "flac"], "--codec: expected wav with --format kaldi, found flac"),
        (["--format", "lhotse", "--codec", "mp3"], "--codec: expected flac or wav with --format lhotse, found mp3"),
        (["--codec", "mp3", "--sample-rate", "44000"], "--sample-rate: expected one of 8000, 11025"),
        (["--split-by", "speaker"], "--split-by: expected it with --split, such as --split train=0.9"),
        (["--split", "train=0.9"], "--split: expected shares above 0 whose sum is 1, found train=0.9 with the sum 0.9"),
        (["--columns", "text,vector"], "found vector"),
        (
            ["--format", "files", "--shard-mb", "5"],
            "--shard-mb: expected it with --format huggingface, lhotse-shar or webdataset, found it",
        ),
        (["--format", "webdataset", "--path-prefix", "/x"], "--path-prefix: expected it with --format nemo, lhotse, kaldi or gpt-sovits"),
        (["--format", "srt", "--where", "true"], "or gpt-sovits, found it with srt, which has no sound"),
        (["--format", "srt", "--sample-rate", "16000"], "--sample-rate: expected it with --format files, jsonl"),
        (["--where", "nothing > 1"], 'Referenced column "nothing" not found'),
        (["--where", "dnsmos_ovrl > 99"], "--where: expected it to be true for some of the 24 kept clips of version 1 of dataset radio"),
        (["--split", "train=0.999999,test=0.000001"], "none in test, because there are only 3 speakers: try --split-by recording, greater"),
    ],
)
def test_what_does_not_go_together_is_one_line_and_writes_nothing(store: Path, tmp_path: Path, options: list[str], said: str) -> None:
    assert said in refused(store, tmp_path / "out", *options)


def test_formats_that_need_a_text_say_so(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", clips=5)
    silent = [row for row in rows(5) if not row.text or not row.kept]
    assert put_version(DatasetStore(open_store(str(store)), "radio"), silent[-1:], run="run-2")
    assert "expected kept clips in version 2 of dataset radio, found none of 1" in refused(store, tmp_path / "out", "--format", "nemo")
    quiet = fill(tmp_path / "quiet", clips=6)
    assert put_version(DatasetStore(open_store(str(quiet)), "radio"), [r for r in rows(6) if not r.text], run="run-2")
    assert "expected kept clips with a text in version 2" in refused(quiet, tmp_path / "out", "--format", "nemo")
    done = speechmill("dataset", "export", "radio", "--store", quiet, "--version", 1, "--out", tmp_path / "done", "--format", "nemo")
    assert done.stdout.rstrip().endswith("; 1 kept clips are not in it, because they have no text")


def test_a_clip_whose_id_is_a_path_is_not_written(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", clips=1)
    dataset = DatasetStore(open_store(str(store)), "radio")
    (row, *_) = rows(1)
    assert put_version(dataset, [type(row)(**{n: getattr(row, n) for n in row.__slots__} | {"clip": "../../x"})], run="run-2")
    done = speechmill("dataset", "export", "radio", "--store", store, "--out", tmp_path / "out", "--format", "jsonl")
    assert done.returncode != 0 and "found '../../x': the dataset's table is damaged" in done.stderr and not (tmp_path / "out").exists()
