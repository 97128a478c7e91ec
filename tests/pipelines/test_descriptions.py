"""The dataset card and the Croissant description of exports, read by huggingface_hub and mlcroissant."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.datasets.exports.kinds import KINDS as WITH_SOUND
from pipelines.datasets.formats import FORMATS
from pipelines.datasets.licences import hub_ids, url_of
from tests.command import speechmill
from tests.lineage_store import BY, BY_TEXT, ROWS, fill
from tests.readers import read

KINDS = (*WITH_SOUND, *FORMATS)
NEED_TEXT = ("ljspeech", "nemo", "kaldi", "gpt-sovits", "srt")
SHARED = ("huggingface", "webdataset", "lhotse-shar")
"""Formats in which clips share a file."""
CROISSANT = """
import json, sys
import mlcroissant
found = {}
for path in sys.argv[1:]:
    dataset = mlcroissant.Dataset(jsonld=path)
    issues, m = dataset.metadata.ctx.issues, dataset.metadata
    records = {r.uuid: [dict(x) for x in dataset.records(r.uuid)] for r in m.record_sets}
    told = {"errors": list(issues.errors), "warnings": list(issues.warnings), "license": m.license, "version": m.version}
    found[path] = told | {"name": m.name, "languages": m.in_language, "files": [f.includes for f in m.file_sets], "records": records}
print(json.dumps(found, default=lambda v: v.decode() if isinstance(v, bytes) else getattr(v, "tolist", lambda: str(v))()))
"""
CARD = """
import json, sys
from huggingface_hub import DatasetCard
card = DatasetCard.load(sys.argv[1], ignore_metadata_errors=False)
print(json.dumps({"data": card.data.to_dict(), "text": card.text}))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("radio") / "store")


@pytest.fixture(scope="module")
def exports(store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An export in each format."""
    folder = tmp_path_factory.mktemp("exports")
    for kind in KINDS:
        done = speechmill("dataset", "export", "radio", "--store", store, "--out", folder / kind, "--format", kind)
        assert done.returncode == 0, done.stderr
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="module")
def croissants(exports: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """What mlcroissant reads of each export."""
    found = read(CROISSANT, *(folder / "croissant.json" for folder in exports.values()))
    return {kind: found[str(folder / "croissant.json")] for kind, folder in exports.items()}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_of_every_format_has_the_license_that_its_source_states(exports: dict[str, Path], kind: str) -> None:
    stated = {row.recording: row.licence for row in ROWS}
    assert stated["0aa"] == BY and stated["0cc"] == ""
    found = lines(exports[kind])
    assert found and all(line["licence"] == stated[line["recording"]] for line in found)


@pytest.mark.parametrize("kind", KINDS)
def test_mlcroissant_finds_no_fault_and_reads_every_line_of_the_manifest(
    exports: dict[str, Path], croissants: dict[str, dict[str, Any]], kind: str
) -> None:
    found = croissants[kind]
    assert (found["errors"], found["warnings"], found["name"], found["version"]) == ([], [], "radio", "1.0.0")
    ((name, records),) = found["records"].items()
    written = lines(exports[kind])
    assert len(records) == len(written) > 0
    for record, line in zip(records, written, strict=True):
        read_back = {key.removeprefix(f"{name}/"): value for key, value in record.items()}
        assert read_back.keys() == line.keys()
        assert {k: read_back[k] for k, v in line.items() if v is not None} == {k: v for k, v in line.items() if v is not None}


def test_croissant_names_licenses_by_url_and_the_files(croissants: dict[str, dict[str, Any]], exports: dict[str, Path]) -> None:
    assert croissants["jsonl"]["license"] == ["https://creativecommons.org/licenses/by-sa/4.0/", BY, "unknown"]
    assert croissants["jsonl"]["languages"] == ["en-us", "ko"]
    for kind, folder in exports.items():
        ((pattern,),) = croissants[kind]["files"]
        assert len(list(folder.glob(pattern))) == (1 if kind in SHARED else len(lines(folder)))


def test_croissant_states_the_hash_of_the_manifest(exports: dict[str, Path]) -> None:
    for folder in exports.values():
        stated = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))["distribution"][0]
        assert hashlib.sha256((folder / stated["contentUrl"]).read_bytes()).hexdigest() == stated["sha256"]


@pytest.mark.parametrize("kind", KINDS)
def test_hugging_face_reads_the_front_matter_of_the_card(exports: dict[str, Path], kind: str) -> None:
    data = read(CARD, exports[kind] / "README.md")["data"] if kind in ("jsonl", "srt") else front_matter(exports[kind])
    expected = ["cc-by-4.0", "cc-by-sa-4.0", *([] if kind in NEED_TEXT else ["unknown"])]
    assert (data["license"], data["language"], data["language_bcp47"]) == (expected, ["en", "ko"], ["en-us"])
    assert data["task_categories"] == ["automatic-speech-recognition", "text-to-speech"]
    files = [{"split": "train", "path": "*.parquet"}] if kind == "huggingface" else "manifest.jsonl"
    assert data["size_categories"] == ["n<1K"] and data["configs"] == [{"config_name": "default", "data_files": files}]


def front_matter(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    return found


def test_the_card_says_what_is_in_it_how_it_was_made_and_what_it_is_not_for(exports: dict[str, Path]) -> None:
    text = (exports["jsonl"] / "README.md").read_text(encoding="utf-8")
    for line in (
        "# radio, version 1",
        "3 clips of speech, 0.0017 hours, of 3 recordings, in en-us, ko. Version 1 of the dataset radio, made with Speechmill.",
        f"| {BY} | 1 | 1 | 2.0 |",
        f"| {BY_TEXT} | 1 | 1 | 2.0 |",
        "| unknown | 1 | 1 | 2.0 |",
        "| s0001 (pengsu) | 2 | 2 | 4.0 |",
        "| cut | cut:0123456789abcdef |  | max\\_seconds 12.0 |",
        "| separate | separate:0123456789abcdef | model small/0123456789ab |  |",
        "| min\\_dnsmos | 2.5 | Lowest overall quality of a clip by DNSMOS P.835. |",
        "| dnsmos | 2.0 | 16.7% |",
        "| run | 20261130T101112-a1b2c3 |",
        "| Evening | https://radio.example | 1 | 0.0006 | https://creativecommons.org/licenses/by/4.0/ |",
        "- Whether the speakers agreed to this use is not known. A license of a recording is not the consent of the people in it.",
    ):
        assert line in text.splitlines()
    assert "registry.example" not in text and "none/" not in text


def test_a_channel_s_name_can_neither_break_the_card_nor_add_to_it(exports: dict[str, Path]) -> None:
    text = (exports["jsonl"] / "README.md").read_text(encoding="utf-8")
    assert "| &lt;b&gt;\\|x\\|&lt;/b&gt; \\# \\*news\\* | https://radio.example | 1 | 0.0006 | CC BY-SA 4.0 |" in text.splitlines()
    assert "<b>" not in text


def test_the_card_counts_the_clips_of_the_export_and_not_of_the_version(exports: dict[str, Path]) -> None:
    counts = {kind: (folder / "README.md").read_text(encoding="utf-8").split("\n\n")[2].split()[0] for kind, folder in exports.items()}
    assert counts == {kind: "4" if kind == "textgrid" else "2" if kind in NEED_TEXT else "3" for kind in KINDS}


def test_licenses_are_recognized_and_never_guessed() -> None:
    texts = {
        "https://creativecommons.org/licenses/by-nc-sa/4.0/deed.ko": "cc-by-nc-sa-4.0",
        "http://creativecommons.org/licenses/by/3.0/kr/": "cc-by-3.0",
        "CC BY-NC 4.0": "cc-by-nc-4.0",
        "cc-by-sa-3.0": "cc-by-sa-3.0",
        "CC BY NC ND 4.0": "cc-by-nc-nd-4.0",
        "CC0": "cc0-1.0",
        "Creative Commons Attribution license (reuse allowed)": "other",
        "CC BY": "other",
        "© 2026 Radio": "other",
        "by 4.0": "other",
        "": "unknown",
    }
    assert {text: hub_ids([text])[0] for text in texts} == texts
    assert hub_ids(texts) == sorted(set(texts.values()))
    assert url_of("cc by-nc-sa 4.0") == "https://creativecommons.org/licenses/by-nc-sa/4.0/"
    assert (url_of("© 2026 Radio"), url_of("")) == ("© 2026 Radio", "unknown")
