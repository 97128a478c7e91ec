"""Images do their work as a user who is nobody, on a read-only root, without a network."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from components.deployment import ROOT
from components.shared.audio import FlacWriter, decode
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Recording, Segment, Window
from components.shared.table import read_rows, write_rows
from pipelines.environments import stages
from tests.images.conftest import SEALED, docker, inside

SECONDS = 20
PARAMETERS = {
    "denoise": {"chain": "tones, sfx, highpass:80:24:1, loudness:-23", "threads": 0},
    "segment": {"engine": "smn", "detect_gender": True},
    "embed": {"enabled": True, "hop_seconds": 0.4, "batch_windows": 64, "threads": 0},
    "cut": {"max_seconds": 15.0, "merge_gap_seconds": 0.2, "pad_seconds": 0.1, "change_similarity": 0.9},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, built: Mapping[str, str]) -> Iterator[Path]:
    """Where artifacts lie, writable for the images' user, with one recording of the sample in `voices`."""
    path = tmp_path_factory.mktemp("artifacts")
    sound = decode(ROOT / "components/download/sample/episode-1.opus", SAMPLE_RATE_HZ)
    (path / "voices" / "audio").mkdir(parents=True)
    with FlacWriter(path / "voices" / "audio" / "one.flac", 1) as file:
        left = SECONDS * SAMPLE_RATE_HZ
        for block in sound:
            file.write(block[:left])
            left -= len(block[:left])
    source = {"recording": "one", "kind": "sample", "url": "sample:", "title": "", "channel": "", "published": "", "licence": ""}
    samples = SECONDS * SAMPLE_RATE_HZ
    row = Recording(**source, seconds=float(SECONDS), samples=samples, media_sha256="", duplicate_of="", reason="")
    write_rows(path / "voices", Recording, [row])
    path.chmod(0o777)
    yield path
    clear = "import shutil, pathlib; [shutil.rmtree(p, ignore_errors=True) for p in pathlib.Path('/artifacts').iterdir()]"
    docker("run", *SEALED, f"--volume={path}:/artifacts", built["cut"], "python", "-c", clear)  # the files are its user's


def work(stage: str, image: str, folder: Path, output: str, inputs: tuple[str, ...]) -> dict[str, object]:
    """Runs a stage on artifacts as Kubeflow does; returns the metadata of its output."""
    artifact = {
        n: {"artifacts": [{"name": n, "uri": f"/artifacts/{n}", "type": {"schemaTitle": "system.Dataset"}}]} for n in (*inputs, output)
    }
    task = {
        "inputs": {"parameterValues": PARAMETERS[stage], "artifacts": {n: artifact[n] for n in inputs}},
        "outputs": {"artifacts": {output: artifact[output]}, "outputFile": f"/artifacts/{stage}.json"},
    }
    docker("run", *SEALED, f"--volume={folder}:/artifacts", image, "python", "-m", f"components.{stage}", json.dumps(task), image)
    answer = json.loads((folder / f"{stage}.json").read_text())
    return answer["artifacts"][output]["artifacts"][0]["metadata"]


@pytest.mark.parametrize("stage", stages())
def test_it_starts_as_nobody_and_can_write_nowhere_but_tmp(stage: str, built: Mapping[str, str]) -> None:
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
def test_it_has_a_command_that_refuses_what_is_no_task(stage: str, built: Mapping[str, str]) -> None:
    code = f"""
import json, subprocess, sys
done = subprocess.run([sys.executable, '-m', 'components.{stage}', '{{}}', 'image'], capture_output=True, text=True)
print(json.dumps([done.returncode, done.stderr.splitlines()[-1]]))
"""
    status, line = inside(built[stage], code)
    assert status and line.startswith("error: ") and "ModuleNotFoundError" not in line


def test_download_has_its_ffmpeg_and_its_javascript(built: Mapping[str, str]) -> None:
    code = """
import json, subprocess
from components.shared.audio import ffmpeg
first = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
print(json.dumps([first(ffmpeg(), '-version'), first('deno', '--version')]))
"""
    version, deno = inside(built["download"], code)
    assert version.startswith("ffmpeg version") and deno.startswith("deno")


def test_compute_stages_do_their_work(folder: Path, built: Mapping[str, str]) -> None:
    for none in ("effects", "reference"):
        (folder / none).mkdir()
        write_rows(folder / none, Recording, [])

    work("segment", built["segment"], folder, "segments", ("voices",))
    segments = read_rows(folder / "segments", Segment)
    assert segments[0].start == 0 and segments[-1].end == SECONDS
    assert any(s.label == "speech" and s.gender in ("female", "male") for s in segments)

    metadata = work("denoise", built["denoise"], folder, "clean", ("voices", "segments", "effects"))
    assert metadata["seconds"] == SECONDS
    (row,) = read_rows(folder / "clean", Recording)
    assert row.samples == sum(map(len, decode(folder / "clean" / "audio" / "one.flac", SAMPLE_RATE_HZ))) == SECONDS * SAMPLE_RATE_HZ

    work("embed", built["embed"], folder, "windows", ("voices", "segments", "reference"))
    assert len(read_rows(folder / "windows", Window)) > 10

    work("cut", built["cut"], folder, "clips", ("voices", "segments", "windows"))
    clips = read_rows(folder / "clips", Clip)
    assert clips and all(0 <= c.start < c.end <= SECONDS for c in clips)
    assert (folder / "clips" / "rows.parquet").stat().st_uid == 10001


def test_another_user_does_as_well(built: Mapping[str, str]) -> None:
    code = "import os, components.segment.networks, tempfile; tempfile.TemporaryFile(); print(os.getuid())"
    assert docker("run", *SEALED, "--user=54321:54321", built["segment"], "python", "-c", code).splitlines()[-1] == "54321"
