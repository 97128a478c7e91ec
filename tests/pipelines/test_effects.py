"""`speechmill effects` as a person meets it: from media files to a kit in a store that a run can be handed."""

import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.deployment import ROOT
from components.shared.audio import ffmpeg
from components.shared.model import parse, read_model
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.table import read_rows
from components.shared.task import MODEL
from pipelines.inputs.media import EFFECT_KIT, recordings
from pipelines.inputs.slots import SEPARATE_EFFECTS, find
from store.models import EFFECTS, ModelStore
from store.objects import open_store
from tests.command import speechmill


def knock(seconds: float, seed: int) -> np.ndarray:
    count = round(seconds * SAMPLE_RATE_HZ)
    return 0.2 * np.random.default_rng(seed).standard_normal(count) * np.exp(-5 * np.arange(count) / count)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Media files of several kinds."""
    named = {name: tmp_path / name for name in ("door.wav", "bell.mp3", "click.wav", "blip.wav", "silent.wav", "text.wav")}
    door = np.concatenate([np.zeros(SAMPLE_RATE_HZ), knock(0.5, 1), np.zeros(SAMPLE_RATE_HZ)])
    soundfile.write(named["door.wav"], np.stack([door] * 2, axis=1), SAMPLE_RATE_HZ)
    soundfile.write(tmp_path / "bell.wav", knock(2.0, 2), SAMPLE_RATE_HZ)
    subprocess.run([ffmpeg(), "-v", "error", "-i", tmp_path / "bell.wav", named["bell.mp3"]], check=True)
    soundfile.write(named["click.wav"], 0.1 * np.ones(round(0.15 * SAMPLE_RATE_HZ)) * knock(0.15, 3), SAMPLE_RATE_HZ)
    soundfile.write(named["blip.wav"], knock(0.02, 4), SAMPLE_RATE_HZ)
    soundfile.write(named["silent.wav"], np.zeros(SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    named["text.wav"].write_text("a letter")
    return named


Effects = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Effects:
    """Runs `speechmill effects …` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(speechmill, "effects")


def test_media_files_become_a_kit_that_a_run_finds_by_its_name(effects: Effects, files: dict[str, Path], tmp_path: Path) -> None:
    done = effects("add", "comedy", files["door.wav"], files["bell.mp3"], files["click.wav"], "--licence", "CC0")
    assert done.returncode == 0, done.stderr
    told = {words[0]: words[1:] for line in done.stdout.splitlines() if len(words := line.split()) == 3}
    assert told["door.wav"][0] == "2.50"
    assert float(told["door.wav"][1]) == pytest.approx(0.5, abs=0.05)  # without the silence around it
    assert "click.wav is short" in done.stdout and "bell.mp3 is short" not in done.stdout
    store = open_store("data")
    (model,) = ModelStore(store, EFFECTS).versions("comedy")
    folder = tmp_path / "data" / "effects" / "comedy" / model.version
    assert f"comedy was added: {folder}\n" in done.stdout
    assert read_model(folder, "effects") == model and (model.licence, model.origin) == ("CC0", "door.wav, bell.mp3, click.wav")
    rows = read_rows(folder, Recording)
    assert rows == recordings(EFFECT_KIT, store, model)
    assert [r.title for r in rows] == ["door.wav", "bell.mp3", "click.wav"] and not any(str(tmp_path) in repr(r) for r in rows)
    assert find(store, SEPARATE_EFFECTS, "comedy") == model
    assert (
        "comedy is there already"
        in effects("add", "comedy", files["door.wav"], files["bell.mp3"], files["click.wav"], "--licence", "CC0").stdout
    )
    time.sleep(1)  # versions are told apart by the second in which they were made
    effects("add", "comedy", files["bell.mp3"])
    newest = ModelStore(store, EFFECTS).model("comedy").version
    assert newest != model.version
    (line,) = (line for line in effects("list").stdout.splitlines() if "comedy" in line)
    assert line.split()[:2] == ["comedy", newest]
    shown = effects("show", f"comedy/{model.version}").stdout
    assert "licence: CC0" in shown and rows[0].media_sha256 in shown and "bell.mp3" in shown


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("kit", ("door.wav", "silent.wav"), "expected effects of 0.1 to 60 s, without silence, found 0.00 s in silent.wav"),
        ("kit", ("blip.wav",), "found 0.02 s in blip.wav: leave it out"),
        ("kit", ("text.wav",), "text.wav, found none: not audio: "),
        ("kit", ("door.wav", "door.wav"), "door.wav twice, or a copy of it"),
        ("none", ("door.wav",), "'none', which stands for no effects"),
        ("../up", ("door.wav",), "found '../up'"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_is_no_kit_is_refused_in_one_line(
    effects: Effects, files: dict[str, Path], tmp_path: Path, name: str, given: tuple[str, ...], said: str
) -> None:
    done = effects("add", name, *(files[g] for g in given))
    assert done.returncode == 1 and said in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: expected ")
    assert not (tmp_path / "data").exists()


def test_a_kit_that_is_not_there_is_said(effects: Effects) -> None:
    done = effects("show", "comedy")
    assert done.returncode == 1 and "`speechmill effects add comedy FILE … --store" in done.stderr


def test_the_bundled_kit_is_a_table_without_rows() -> None:
    folder = ROOT / "bundled" / "effects" / "none"
    assert parse(folder / MODEL) == read_model(folder, EFFECT_KIT.model_kind) and read_rows(folder, Recording) == []
