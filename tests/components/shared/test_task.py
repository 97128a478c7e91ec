"""A stage's program as Kubeflow starts it: one JSON argument in, one JSON file out, errors last."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.shared.task import MENDABLE, one_line

PROGRAM = """
from pathlib import Path
from components.shared.rows import Recording
from components.shared.table import write_rows
from components.shared.task import Lineage, Progress, StageError, run

def main(voices: Path, parts: list[Path], clean: Path, page: Path, count: int, gain_db: float, again: bool, name: str, lineage: Lineage):
    assert not list(clean.iterdir())
    page.write_text("<p>seen</p>")
    print("given", voices, [str(p) for p in parts], count, gain_db, again, name)
    if name == "mend":
        raise StageError("denoise_chain: expected a filter,\\nfound 'x'")
    if name == "bug":
        {}["missing"]
    progress = Progress(4.0)
    progress.add(2.0)
    (clean / "audio.flac").write_bytes(b"12345")
    write_rows(clean, Recording, [Recording("r", "", "", "", "", "", "", 2.5, 110250, "", "", "", "", "")])
    matrix = {"annotationSpecs": [{"displayName": "calm"}], "rows": [{"row": [2]}]}
    return {"shards": ["a", "b"], "hard_cuts": 3, "stages": sorted(lineage), "tones": {"confusionMatrix": matrix}}

run(main)
"""


def artifact(name: str, path: Path, kind: str = "system.Dataset") -> dict[str, Any]:
    return {"artifacts": [{"name": name, "uri": str(path), "type": {"schemaTitle": kind}, "metadata": {"display_name": "x"}}]}


def run(folder: Path, **parameters: Any) -> subprocess.CompletedProcess[str]:
    (folder / "voices").mkdir(exist_ok=True)
    (folder / "voices" / "lineage.json").write_text('{"download": {"image": "speechmill/download:1", "settings": {}}}')
    (folder / "clean").mkdir(exist_ok=True)
    (folder / "clean" / "left-over").write_text("of an earlier attempt")
    given = {"count": 3.0, "gain_db": 2, "again": True, "name": "fine", "store": "s", "run": "r1"}
    parts = {"artifacts": [artifact("p", folder / p)["artifacts"][0] for p in ("p0", "p1")]}
    outputs = {"clean": artifact("clean", folder / "clean"), "metrics": artifact("metrics", folder / "m" / "metrics", "system.Metrics")}
    outputs["tones"] = artifact("tones", folder / "t" / "tones", "system.ClassificationMetrics")
    outputs["page"] = artifact("page", folder / "p" / "page", "system.HTML")
    task = {
        "inputs": {"parameterValues": given | parameters, "artifacts": {"voices": artifact("voices", folder / "voices"), "parts": parts}},
        "outputs": {"parameters": {"shards": {}}, "artifacts": outputs, "outputFile": str(folder / "deep" / "out.json")},
    }
    command = [sys.executable, "-c", PROGRAM, json.dumps(task), "registry:5000/speechmill/denoise:abc"]
    return subprocess.run(command, capture_output=True, text=True)


def test_parameters_arrive_with_their_types_and_results_go_where_kubeflow_looks(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"given {tmp_path / 'voices'} ['{tmp_path / 'p0'}', '{tmp_path / 'p1'}'] 3 2.0 True fine" in done.stdout
    written = json.loads((tmp_path / "deep" / "out.json").read_text())
    assert (tmp_path / "p" / "page").read_text() == "<p>seen</p>"
    assert written["parameterValues"] == {"shards": ["a", "b"]}
    clean, metrics = written["artifacts"]["clean"]["artifacts"][0], written["artifacts"]["metrics"]["artifacts"][0]
    assert clean["uri"] == str(tmp_path / "clean")
    assert (clean["metadata"]["rows"], clean["metadata"]["seconds"], clean["metadata"]["hard_cuts"]) == (1, 2.5, 3)
    assert metrics["metadata"] == {"hard_cuts": 3, "stages": ["denoise", "download"]}
    (tones,) = written["artifacts"]["tones"]["artifacts"]
    assert tones["metadata"] == {"confusionMatrix": {"annotationSpecs": [{"displayName": "calm"}], "rows": [{"row": [2]}]}}
    assert "confusionMatrix" not in done.stdout and "confusionMatrix" not in clean["metadata"]
    assert (tmp_path / "m" / "metrics").is_file()


def test_lineage_grows_by_the_stage_and_holds_settings_but_no_wiring(tmp_path: Path) -> None:
    run(tmp_path)
    lineage = json.loads((tmp_path / "clean" / "lineage.json").read_text())
    settings = {"count": 3.0, "gain_db": 2, "again": True, "name": "fine"}
    assert lineage["denoise"] == {"image": "registry:5000/speechmill/denoise:abc", "settings": settings}
    assert set(lineage) == {"download", "denoise"}


def test_lineage_names_the_models_that_a_stage_was_given(tmp_path: Path) -> None:
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "model.json").write_text('{"name": "small", "version": "0123456789ab"}')
    run(tmp_path)
    lineage = json.loads((tmp_path / "clean" / "lineage.json").read_text())
    assert lineage["denoise"]["models"] == {"parts": "small/0123456789ab"}


def test_what_a_person_can_mend_is_the_last_line_and_the_only_one(tmp_path: Path) -> None:
    done = run(tmp_path, name="mend")
    assert done.returncode == MENDABLE
    assert done.stderr == "error: denoise_chain: expected a filter, found 'x'\n"
    assert not (tmp_path / "deep" / "out.json").exists()


def test_a_bug_shows_its_traceback_and_then_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, name="bug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == "error: KeyError: 'missing'"


@pytest.mark.parametrize(
    ("parameter", "value", "message"), [("count", 2.5, "expected a whole number"), ("again", "yes", "expected true or false")]
)
def test_parameters_of_another_type_are_refused(tmp_path: Path, parameter: str, value: Any, message: str) -> None:
    done = run(tmp_path, **{parameter: value})
    assert done.returncode == MENDABLE
    assert f"parameter {parameter}: {message}" in done.stderr


def test_text_from_outside_becomes_one_printable_line() -> None:
    assert one_line("a\nb\r\n  c\x1b[31m\x00d" + "x" * 999) == "a b c[31md" + "x" * 290
