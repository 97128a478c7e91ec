"""`speechmill references` as a person meets it: from media files to a voice in a store."""

import subprocess
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
from components.shared.table import read_rows, write_rows
from components.shared.task import MODEL
from pipelines.inputs.media import VOICE_REFERENCE, recordings
from store.models import REFERENCES, ModelStore
from store.objects import open_store
from tests.command import speechmill
from tests.places import DATA

NONE = ROOT / "bundled" / "references" / "none"
LIBRISPEECH = DATA / "librispeech" / "test-other"


def voice(seconds: float, pitch_hz: float, rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    """Harmonics of a wandering pitch in syllables, over faint noise."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.3 * t))) / rate_hz
    tone = sum(np.sin(n * phase) / n for n in range(1, 20)) * np.maximum(0.05, np.sin(2 * np.pi * 2 * t))
    return 0.1 * tone + 0.001 * np.random.default_rng(0).standard_normal(len(t))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Media files of several kinds."""
    named = {name: tmp_path / name for name in ("first.wav", "second.mp3", "short.wav", "silent.wav", "text.wav", "empty.wav")}
    soundfile.write(named["first.wav"], np.stack([voice(6.0, 110)] * 2, axis=1), SAMPLE_RATE_HZ)
    soundfile.write(tmp_path / "second.wav", voice(5.0, 115, 22_050), 22_050)
    subprocess.run([ffmpeg(), "-v", "error", "-i", tmp_path / "second.wav", named["second.mp3"]], check=True)
    soundfile.write(named["short.wav"], voice(2.0, 110), SAMPLE_RATE_HZ)
    soundfile.write(named["silent.wav"], np.zeros(5 * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    named["text.wav"].write_text("a letter")
    named["empty.wav"].touch()
    return named


References = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> References:
    """Runs `speechmill references …` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(speechmill, "references")


def test_media_files_become_a_reference_that_is_found_by_its_name(references: References, files: dict[str, Path], tmp_path: Path) -> None:
    done = references("add", "host", files["first.wav"], files["second.mp3"], "--licence", "with consent")
    assert done.returncode == 0, done.stderr
    assert "similarity of the reference's " in done.stdout and "11.0 s of speech is little" in done.stdout
    stored = ModelStore(open_store("data"), REFERENCES)
    (model,) = stored.versions("host")
    assert f"host was added: {tmp_path}/data/references/host/{model.version}\n" in done.stdout
    folder = tmp_path / "data" / "references" / "host" / model.version
    assert (
        read_model(folder, VOICE_REFERENCE.model_kind) == model
        and model.licence == "with consent"
        and model.origin == "first.wav, second.mp3"
    )
    rows = read_rows(folder, Recording)
    assert [r.title for r in rows] == ["first.wav", "second.mp3"] and not any(str(tmp_path) in repr(r) for r in rows)
    for row in rows:
        info = soundfile.info(folder / "audio" / f"{row.recording}.flac")
        assert (info.frames, info.samplerate, info.channels) == (row.samples, SAMPLE_RATE_HZ, 1)
    assert rows[0].seconds == 6.0 and rows[1].seconds == pytest.approx(5.0, abs=0.1)
    again = references("add", "host", files["first.wav"], files["second.mp3"], "--licence", "with consent")
    assert "host is there already" in again.stdout and stored.versions("host") == [model]
    references("add", "host", files["first.wav"])
    newest = stored.model("host").version
    assert newest != model.version
    assert [w for line in references("list").stdout.splitlines() if line.startswith(" host") for w in line.split()][:2] == ["host", newest]
    shown = references("show", f"host/{model.version}").stdout
    assert "licence: with consent" in shown and rows[0].media_sha256 in shown and "second.mp3" in shown


def test_a_file_with_another_voice_is_named(references: References, bucket: str) -> None:
    if not LIBRISPEECH.is_dir():
        pytest.skip("no recordings of LibriSpeech: SPEECHMILL_DATA leads to none")
    own = [LIBRISPEECH / f"1688-142285-000{n}.flac" for n in (0, 1, 2)]
    done = references("add", "reader", *own, LIBRISPEECH / "1998-15444-0000.flac", "--store", bucket)
    assert done.returncode == 0, done.stderr
    (named,) = [line for line in done.stdout.splitlines() if "disagrees with the others" in line]
    assert named.startswith("1998-15444-0000.flac ")
    store = open_store(bucket)
    model = ModelStore(store, REFERENCES).model("reader")
    assert ModelStore(store, REFERENCES).verify("reader") == []
    assert len(recordings(VOICE_REFERENCE, store, model)) == 4
    assert "reader" in references("list", "--store", bucket).stdout


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("host", ("first.wav", "silent.wav"), "expected a voice in every file, found none in silent.wav: leave out silent files"),
        ("host", ("short.wav",), "expected 3 s of speech or more, found 2.0 s"),
        ("host", ("first.wav", "text.wav"), "text.wav, found none: not audio: "),
        ("host", ("empty.wav",), "empty.wav, found none: empty file"),
        ("host", ("first.wav", "first.wav"), "first.wav twice, or a copy of it"),
        ("none", ("first.wav",), "'none', which stands for no reference"),
        ("../up", ("first.wav",), "expected a reference name of 1 to 63 lowercase letters, digits, - and _, found '../up'"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_is_no_reference_is_refused_in_one_line(
    references: References, files: dict[str, Path], tmp_path: Path, name: str, given: tuple[str, ...], said: str
) -> None:
    done = references("add", name, *(files[g] for g in given))
    assert done.returncode == 1 and said in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: expected ")
    assert not (tmp_path / "data").exists()


def test_a_reference_that_is_not_there_is_said(references: References) -> None:
    done = references("show", "host")
    assert done.returncode == 1 and "`speechmill references add host FILE … --store" in done.stderr


def test_the_bundled_reference_is_a_table_without_rows(tmp_path: Path) -> None:
    assert parse(NONE / MODEL) == read_model(NONE, VOICE_REFERENCE.model_kind) and read_rows(NONE, Recording) == []
    write_rows(tmp_path, Recording, [])
    assert (tmp_path / "rows.parquet").read_bytes() == (NONE / "rows.parquet").read_bytes()
