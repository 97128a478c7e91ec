"""What `make bench` prints and writes: from recorded results, and from programs of a few lines."""

import json
import os
import re
import sys
import time
from pathlib import Path

import pytest

from benchmarks import installs
from benchmarks.all import Course, measure
from benchmarks.chain import spans
from benchmarks.suite import material, page, rates, results
from benchmarks.suite.environments import PEERS, NotInstalledError, version_of
from benchmarks.suite.jobs import CHAIN, PEER_LIST, PIPELINE, Job, Stores, jobs
from benchmarks.suite.machine import cores
from benchmarks.suite.measure import RunFailedError, Usage, measured
from benchmarks.suite.replay import NAMES, Task
from benchmarks.suite.results import OURS, Install, Installs, Results, Row, Table
from benchmarks.suite.scene import Scene
from components.deployment import ROOT
from components.shared.audio import decode


def row(work: str, by: str = OURS, cpu: float = 10.0, **more: object) -> Row:
    runs = [Usage(cpu / 2, cpu + n, 400.0, 3.0, 1.0) for n in (0.0, 5.0, -5.0)]
    return Row(work, by, runs=runs, starts=[Usage(1.5, 2.0, 100.0, 1.0, 0.5)], **more)  # type: ignore[arg-type]


def table(*rows: Row, minutes: float = 10, load: str = "0.1 to 0.9") -> Table:
    return Table(minutes, 0.0, "a show", {"date": "2026-12-01", "commit": "abc", "load": load}, list(rows), clips=40)


def cells(found: Table, work: str, by: str) -> list[str]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.lines(found)]
    return next(cells for cells in rows if cells[0].strip("`") == work and cells[1] == by)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_a_row_shows_the_median_of_its_runs_and_what_the_peer_costs_beside_it() -> None:
    found = table(row("separate", stage="separate"), row("separate", "Spleeter", cpu=25.0))
    assert cells(found, "separate", OURS) == ["`separate`", OURS, "60.0", "120", "1.50", "2.00", "48", "400", ""]
    assert cells(found, "separate", "Spleeter")[2] == "24.0"
    assert cells(found, "separate", "Spleeter")[-1] == "2.50 x, 1.00"


def test_what_could_not_be_measured_is_a_line_of_the_table_and_says_why() -> None:
    found = table(row("separate", stage="separate"), Row("separate", "Spleeter", failure="no network"))
    assert cells(found, "separate", "Spleeter")[2] == "not measured"
    assert "- Spleeter, `separate`, not measured: no network" in page.page(Results([found])).splitlines()


@pytest.mark.parametrize("error", [NotInstalledError("no such wheel"), RunFailedError("no such wheel"), OSError("no such wheel")])
def test_a_job_that_fails_is_noted_and_not_run_again_and_the_others_go_on(error: Exception, tmp_path: Path) -> None:
    calls = []

    def fails(scene: Scene, stores: Stores) -> Usage:
        calls.append(scene)
        raise error

    broken, fine = Job(Row("segment", "inaSpeechSegmenter"), fails), Job(Row("segment"), lambda *_: Usage(1.0, 2.0, 3.0))
    scenes = [Scene(tmp_path / "short", 3.0, time.monotonic() + 60), Scene(tmp_path / "main", 60.0, time.monotonic() + 60)]
    measure(Course([broken, fine], [3.0, 60.0], 2, time.monotonic() + 60), scenes)
    assert len(calls) == 1 and "no such wheel" in broken.row.failure and not broken.row.runs
    assert (len(fine.row.starts), len(fine.row.runs)) == (2, 2)


def test_after_the_limit_no_run_begins_and_the_rows_say_so(tmp_path: Path) -> None:
    job = Job(Row("cut"), lambda *_: pytest.fail("it ran"))
    measure(Course([job], [3.0], 1, time.monotonic() - 1), [Scene(tmp_path, 3.0, 0.0)])
    assert "--limit-minutes" in job.row.failure


def test_the_time_that_is_left_follows_the_pace_of_the_runs_before() -> None:
    first, second = (Job(Row(work), lambda *_: Usage(1.0, 1.0, 1.0)) for work in ("cut", "collect"))
    course = Course([first, second], [100.0], 2, 0.0)
    idle = course.left_seconds(0)
    course.took(first, 100.0, 3 * first.guess_seconds(100.0))
    assert course.left_seconds(0) == pytest.approx(3 * idle)
    assert course.left_seconds(4) == 0


def test_results_are_the_same_after_they_were_written_and_read(tmp_path: Path) -> None:
    environments = Installs({"date": "2026-12-01"}, [Install("cut", 1.5, 540.0, 2.0), Install("segment", 0, 0, 0, "no wheel")], 12.0)
    found = Results([table(row("diarize engine=resemblyzer", stage="diarize", settings={"engine": "resemblyzer"}))], environments)
    results.write(found, tmp_path / "results.json")
    assert results.read(tmp_path / "results.json") == found
    assert results.read(tmp_path / "none.json") == Results()


def test_a_table_replaces_the_one_of_the_same_length_and_leaves_the_rest_of_the_page(tmp_path: Path) -> None:
    first = Results([table(row("cut")), table(row("report"), minutes=180)], Installs({}, [Install("cut", 1.5, 540.0, 2.0)]))
    page.write(first.with_table(table(row("collect"))), tmp_path)
    text = (tmp_path / "benchmarks.md").read_text()
    assert re.findall("^## .*", text, re.MULTILINE) == ["## 10 minutes of audio", "## 3 hours of audio", "## Installing"]
    assert "collect" in text and "report" in text and "| cut |" not in text.partition("## Installing")[0]
    assert results.read(tmp_path / "benchmarks.json").tables[0].rows[0].work == "collect"


def test_rates_take_what_was_measured_and_keep_the_rest() -> None:
    known = {
        "stages": {
            "cut": {"start_seconds": 9.0, "cpu_seconds_per_hour": 9.0, "measured": "elsewhere"},
            "report": {"start_seconds": 4.0},
            "diarize": {"variants": [{"when": {"engine": "resemblyzer"}, "cpu_seconds_per_hour": 1}, {"when": {"enabled": False}}]},
            "denoise": {"cpu_seconds_per_hour": 5, "added": {"chain": {"deepfilter": 1, "rnnoise": 138}}},
        }
    }
    measured_rows = (
        row("cut", stage="cut"),
        row("cut", "a peer", cpu=99.0),
        row("diarize engine=resemblyzer", stage="diarize", settings={"engine": "resemblyzer"}),
        row("denoise chain=deepfilter", stage="denoise", settings={"chain": "deepfilter"}),
    )
    found = rates.updated(known, table(*measured_rows))
    stages = found["stages"]
    cut = {"start_seconds": 2.0, "cpu_seconds_per_hour": 48.0, "peak_memory_mb": 400, "artifact_mb_per_hour": 12.0}
    assert {name: stages["cut"][name] for name in cut} == cut and "measured" not in stages["cut"]
    assert stages["report"] == {"start_seconds": 4.0}
    assert stages["diarize"]["variants"] == [{"when": {"enabled": False}}, {"when": {"engine": "resemblyzer"}, **cut}]
    assert stages["denoise"]["added"] == {"chain": {"deepfilter": 43.0, "rnnoise": 138}}
    assert (found["date"], found["audio"], found["clips_per_hour"], found["store_mb_per_hour"]) == ("2026-12-01", "a show", 240, 3.0)


def test_rates_take_the_speed_of_several_threads_from_an_idle_machine_only() -> None:
    found = table(row("separate", stage="separate"))  # 8 CPU seconds in 3.5 s after the start
    assert rates.updated({}, found)["stages"]["separate"]["speedup"] == {str(cores()): 2.29}
    busy = table(row("separate", stage="separate"), load="0.1 to 99.0")
    known = {"stages": {"separate": {"speedup": {"2": 1.7}}}}
    assert rates.updated(known, busy)["stages"]["separate"]["speedup"] == {"2": 1.7}


def test_the_chain_cuts_speech_alone_into_clips_of_the_lengths_that_the_pipeline_keeps() -> None:
    segments = [("music", 0.0, 9.0), ("male", 9.0, 12.0), ("female", 12.0, 13.0), ("noEnergy", 13.0, 20.0), ("female", 20.0, 52.0)]
    clips = [("male", 9.0, 12.0), ("female", 20.0, 35.0), ("female", 35.0, 50.0), ("female", 50.0, 52.0)]
    assert spans(segments) == clips
    assert spans([("male", 0.0, 16.0)]) == [("male", 0.0, 15.0)]


def test_a_program_is_measured_with_all_processes_that_it_starts(tmp_path: Path) -> None:
    child = "import time; held = bytearray(150_000_000); sum(range(10_000_000)); time.sleep(0.5)"
    parent = f"import subprocess, sys; held = bytearray(150_000_000); subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    alone, together = (measured(python(program), dict(os.environ), tmp_path, 60) for program in (child, parent))
    assert 150 < alone.peak_mb < 250 < 300 < together.peak_mb
    assert together.cpu_seconds > 0.1 and together.wall_seconds > 0.5


def test_a_program_that_fails_or_takes_too_long_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match=r"^the reason$"):
        measured(python("print('before'); raise SystemExit('the reason')"), dict(os.environ), tmp_path, 60)
    with pytest.raises(RunFailedError, match="longer than 1 s"):
        measured(python("import time; time.sleep(600)"), dict(os.environ), tmp_path, 1)


def test_a_task_is_run_again_on_the_same_inputs_with_outputs_of_its_own() -> None:
    def artifact(path: str) -> dict[str, object]:
        return {"artifacts": [{"name": "x", "uri": path}]}

    inputs = {
        "parameterValues": {"store": "/old", "engine": "none"},
        "artifacts": {"clean": artifact("/old/a"), "model": artifact("/old/m")},
    }
    outputs = {"artifacts": {"transcripts": artifact("/old/t")}, "parameters": {"count": {"outputFile": "/old/c"}}, "outputFile": "/old/o"}
    task = Task("transcribe", {"inputs": inputs, "outputs": outputs})
    again = task.at(Path("/new"), Path("/store"), {"engine": "whisper"}, {"model": Path("/whisper")})
    assert again.executor_input["inputs"]["parameterValues"] == {"store": "/store", "engine": "whisper"}
    assert (again.path("inputs", "clean"), again.path("inputs", "model")) == (Path("/old/a"), Path("/whisper"))
    assert "/old" not in json.dumps(again.executor_input["outputs"]) and again.path("outputs", "transcripts") == Path("/new/transcripts")


def test_the_recording_repeats_the_sample_up_to_the_length(tmp_path: Path) -> None:
    files = material.files_of([])
    length = sum(len(block) for file in files for block in decode(file, 8000)) / 8000
    material.write(files, (length + 7) / 60, tmp_path / "a.mp3")
    assert sum(len(block) for block in decode(tmp_path / "a.mp3", 8000)) / 8000 == pytest.approx(length + 7, abs=0.2)


def test_hard_links_count_once_and_shared_files_only_for_the_first_environment(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "a").write_bytes(os.urandom(2_000_000))
    known: installs.Inodes = {}
    first = installs.installed("one", lambda: os.link(tmp_path / "one" / "a", tmp_path / "one" / "b"), tmp_path / "one", known)
    second = installs.installed("two", lambda: os.link(tmp_path / "one" / "a", tmp_path / "two" / "a"), tmp_path / "two", known)
    assert first.own_mb == pytest.approx(2, abs=0.1) and first.added_mb == first.own_mb
    assert second.own_mb == pytest.approx(2, abs=0.1) and second.added_mb < 0.1


def test_an_environment_that_cannot_be_installed_is_a_line(tmp_path: Path) -> None:
    def fails() -> None:
        raise OSError("no space left")

    found = installs.installed("segment", fails, tmp_path, {})
    lines = page.installing(Installs({}, [found]))
    assert any("segment" in line and "not installed" in line for line in lines) and "- segment: no space left" in lines


def test_every_peer_stands_beside_work_that_is_measured_and_is_pinned() -> None:
    found = jobs((), True, "no model")
    ours = {job.row.work for job in found if job.row.by == OURS}
    assert {peer.work for peer in PEER_LIST} <= ours and set(NAMES) < ours
    assert {job.row.by for job in found} == {OURS, CHAIN, *(peer.name for peer in PEER_LIST)}
    assert all(version_of(peer.environment, peer.package) for peer in PEER_LIST)
    assert not [path.name for path in PEERS.glob("*.txt") if "://" in path.read_text(encoding="utf-8")]
    assert [job.row.failure for job in found if "whisper" in job.row.work] == ["no model", "no model"]


def test_only_some_stages_are_measured_on_request() -> None:
    assert [(job.row.work, job.row.by) for job in jobs(("segment",), True, "")] == [("segment", OURS), ("segment", "inaSpeechSegmenter")]
    assert [job.row.by for job in jobs(("segment", "pipeline"), False, "")] == [OURS] * 3
    assert PIPELINE in [job.row.work for job in jobs(("pipeline",), True, "")]


def test_the_page_in_docs_is_made_of_the_results_beside_it() -> None:
    docs = ROOT / "docs"
    assert (docs / page.PAGE).read_text(encoding="utf-8") == page.page(results.read(docs / page.RESULTS))
