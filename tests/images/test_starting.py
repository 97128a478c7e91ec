"""Images work as an unprivileged user, with a read-only root and without a network."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.shared.audio import FlacWriter, decode
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Quality, Recording, Segment, Speaker, Tone, Turn, Window
from components.shared.table import read_rows, write_rows
from components.shared.transcript import Transcript
from components.stage import Stage
from pipelines.dataset import SHARD_STAGES
from pipelines.inputs.slots import SLOTS
from pipelines.local.environments import stages
from tests.images.conftest import SEALED, docker, inside
from tests.places import SAMPLE

SECONDS = 20
COMPUTE = [stage for stage in SHARD_STAGES if not (stage.needs.store or stage.needs.internet)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, built: Mapping[str, str]) -> Iterator[Path]:
    """A folder for artifacts that the images' user can write, with a recording and the models that stages load by default."""
    path = tmp_path_factory.mktemp("artifacts")
    sound = decode(SAMPLE / "episode-1.opus", SAMPLE_RATE_HZ)
    (path / "recordings" / "audio").mkdir(parents=True)
    with FlacWriter(path / "recordings" / "audio" / "one.flac", 1) as file:
        left = SECONDS * SAMPLE_RATE_HZ
        for block in sound:
            file.write(block[:left])
            left -= len(block[:left])
    source = {"recording": "one", "kind": "sample", "url": "sample:", "title": "", "channel": "", "published": "", "licence": ""}
    samples = SECONDS * SAMPLE_RATE_HZ
    row = Recording(**source, seconds=float(SECONDS), samples=samples, media_sha256="", duplicate_of="", reason="", conversion="", state="")
    write_rows(path / "recordings", Recording, [row])
    for slot in SLOTS.values():
        shutil.copytree(slot.bundled_folder, path / f"{slot.stage}-{slot.input}")
    path.chmod(0o777)
    yield path
    clear = "import shutil, pathlib; [shutil.rmtree(p, ignore_errors=True) for p in pathlib.Path('/artifacts').iterdir()]"
    docker("run", *SEALED, f"--volume={path}:/artifacts", built["cut"], "python", "-c", clear)  # the files belong to the image's user


def work(stage: Stage, image: str, folder: Path) -> dict[str, Any]:
    """Runs a stage with its default settings on the folder's artifacts, as Kubeflow does; returns the metadata of its outputs."""
    specs = stage.component.component_spec
    reads = [name for name, spec in specs.inputs.items() if str(spec.type).startswith("system.")]
    places = {name: own if (folder / (own := f"{stage.name}-{name}")).exists() else name for name in reads} | {n: n for n in specs.outputs}
    artifact = {
        name: {"artifacts": [{"name": name, "uri": f"/artifacts/{place}", "type": {"schemaTitle": "system.Dataset"}}]}
        for name, place in places.items()
    }
    parameters = {name: parameter.default for name, parameter in stage.settings.items()}
    task = {
        "inputs": {"parameterValues": parameters, "artifacts": {name: artifact[name] for name in reads}},
        "outputs": {"artifacts": {name: artifact[name] for name in specs.outputs}, "outputFile": f"/artifacts/{stage.name}.json"},
    }
    docker("run", *SEALED, f"--volume={folder}:/artifacts", image, "python", "-m", f"components.{stage.name}", json.dumps(task), image)
    answer = json.loads((folder / f"{stage.name}.json").read_text())["artifacts"]
    return {name: answer[name]["artifacts"][0]["metadata"] for name in specs.outputs}


@pytest.mark.parametrize("stage", stages())
def test_an_image_runs_as_an_unprivileged_user_who_can_write_only_to_tmp(stage: str, built: Mapping[str, str]) -> None:
    code = f"""
import json, os, importlib, tempfile
importlib.import_module('components.{stage}.__main__')
def refused(path):
    try:
        open(path + '/x', 'w').close()
    except OSError:
        return True
    return False
places = ['/', '/app', '/opt/venv', '/var/tmp', '/etc', os.path.expanduser('~')]
tempfile.TemporaryFile().close()
print(json.dumps([os.getuid(), os.getgid(), [p for p in places if not refused(p)]]))
"""
    assert inside(built[stage], code) == [10001, 10001, []]


@pytest.mark.parametrize("stage", stages())
def test_the_command_of_an_image_refuses_an_invalid_task_in_one_line(stage: str, built: Mapping[str, str]) -> None:
    code = f"""
import json, subprocess, sys
done = subprocess.run([sys.executable, '-m', 'components.{stage}', '{{}}', 'image'], capture_output=True, text=True)
print(json.dumps([done.returncode, done.stderr.splitlines()[-1]]))
"""
    status, line = inside(built[stage], code)
    assert status and line.startswith("error: ") and "ModuleNotFoundError" not in line


def test_download_contains_ffmpeg_and_a_javascript_runtime(built: Mapping[str, str]) -> None:
    code = """
import json, subprocess
from components.shared.audio import ffmpeg
first = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
print(json.dumps([first(ffmpeg(), '-version'), first('deno', '--version')]))
"""
    version, deno = inside(built["download"], code)
    assert version.startswith("ffmpeg version") and deno.startswith("deno")


def test_the_compute_stages_process_a_recording(folder: Path, built: Mapping[str, str]) -> None:
    """All of them in order, each with only its inputs."""
    said = {stage.name: work(stage, built[stage.name], folder) for stage in COMPUTE}
    for stage, output in (("separate", "voices"), ("denoise", "clean")):
        assert said[stage][output]["seconds"] == SECONDS
        (row,) = read_rows(folder / output, Recording)
        found = sum(map(len, decode(folder / output / "audio" / "one.flac", SAMPLE_RATE_HZ)))
        assert row.samples == found == SECONDS * SAMPLE_RATE_HZ
    segments = read_rows(folder / "segments", Segment)
    assert segments[0].start == 0 and segments[-1].end == SECONDS
    assert any(s.label == "speech" and s.gender in ("female", "male") for s in segments)
    assert [t.voice for t in read_rows(folder / "turns", Turn)] == [0, 1, 0, 1], "two people speak in turn"
    assert len(read_rows(folder / "turns", Window, "windows")) >= 8
    clips = read_rows(folder / "clips", Clip)
    assert clips and all(0 <= c.start < c.end <= SECONDS for c in clips)
    for output, kind in (("speakers", Speaker), ("tones", Tone), ("quality", Quality)):
        assert [tag.clip for tag in read_rows(folder / output, kind)] == [c.clip for c in clips]
    assert read_rows(folder / "transcripts", Transcript) == [], "the default is no engine"
    assert {(folder / output / "rows.parquet").stat().st_uid for output in ("fingerprints", "clean", "tones")} == {10001}


def test_an_image_also_runs_as_another_user(built: Mapping[str, str]) -> None:
    code = "import os, components.segment.networks, tempfile; tempfile.TemporaryFile(); print(os.getuid())"
    assert docker("run", *SEALED, "--user=54321:54321", built["segment"], "python", "-c", code).splitlines()[-1] == "54321"
