"""Training: the bundled separation model is trained further, a new model is trained from a configuration, and a model of tones."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from components.shared.model import parse, read_model
from components.shared.task import MODEL
from pipelines.inputs.slots import SEPARATE
from store.models import ModelStore
from store.objects import open_store
from tests.end_to_end.runs import speechmill
from tests.recipes.tone.conftest import voice

RATE_HZ = 44_100
QUICK = ("--max-steps", 3, "--validate-every-steps", 3, "--validation-windows", 1, "--batch-size", 1, "--workers", 1)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Songs in the folder layout of MusDB."""
    rng = np.random.default_rng(1)
    time = np.arange(8 * RATE_HZ) / RATE_HZ
    for place in ("train/one", "train/two", "test/three"):
        folder = tmp_path / "songs" / place
        folder.mkdir(parents=True)
        vocals = 0.2 * np.sin(2 * np.pi * rng.uniform(150, 400) * time) * (np.sin(2 * np.pi * 3 * time) > 0)
        other = 0.1 * np.sin(2 * np.pi * rng.uniform(2_000, 5_000) * time)
        for name, sound in (("vocals", vocals), ("drums", other), ("bass", other / 2), ("mixture", vocals + 1.5 * other)):
            soundfile.write(folder / f"{name}.wav", np.stack([sound, sound], axis=1), RATE_HZ)
    return tmp_path / "songs"


@pytest.mark.slow
def test_the_bundled_model_is_trained_further_and_separate_uses_the_result(songs: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    given = parse(SEPARATE.bundled_folder / MODEL)
    done = speechmill("train", "separator", "--in", songs, "--start", given.name, "--store", store, "--name", "further", *QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    made = ModelStore(open_store(str(store))).model("further")
    assert f"the model further/{made.version} is in {store}" in done.stdout
    assert made.version != given.version and made.kind == "spleeter"
    folder = store / "models" / "further" / made.version
    assert read_model(folder, "spleeter") == made
    assert (folder / "model.data-00000-of-00001").read_bytes() != (SEPARATE.bundled_folder / "model.data-00000-of-00001").read_bytes()
    (tmp_path / "in").mkdir()
    mixture, _ = soundfile.read(songs / "test" / "three" / "mixture.wav")
    soundfile.write(tmp_path / "in" / "show.wav", mixture, RATE_HZ)
    options = ("--model", "further", "--store", store)
    done = speechmill("stage", "separate", "--in", tmp_path / "in", "--out", tmp_path / "out", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    voices, _ = soundfile.read(tmp_path / "out" / "show.wav")
    assert len(voices) == len(mixture) and np.isfinite(voices).all()


@pytest.mark.slow
def test_a_new_model_is_trained_from_a_configuration_file_into_a_folder(songs: Path, tmp_path: Path) -> None:
    (songs / "test" / "three" / "vocals.wav").rename(tmp_path / "away.wav")
    arguments = (
        "--in",
        songs,
        "--store",
        tmp_path / "store",
        "--configuration",
        SEPARATE.bundled_folder / "config.json",
        "--out",
        tmp_path / "model",
        *QUICK,
    )
    done = speechmill("stage", "train_separator", *arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("found three: no vocals/speech: convert or remove them")
    assert not (tmp_path / "model" / MODEL).exists()
    (tmp_path / "away.wav").rename(songs / "test" / "three" / "vocals.wav")
    done = speechmill("stage", "train_separator", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_model(tmp_path / "model", "spleeter").name == "separator"
    assert (tmp_path / "model" / "config.json").read_text() == (SEPARATE.bundled_folder / "config.json").read_text()
    assert "SI-SDR and loss over steps" in (tmp_path / "model.html").read_text()


@pytest.mark.slow
def test_a_voicefilter_is_trained_and_extract_takes_it(tmp_path: Path) -> None:
    rng, time = np.random.default_rng(3), np.arange(7 * RATE_HZ) / RATE_HZ
    for number, pitch_hz in enumerate((100, 140, 200, 270)):
        folder = tmp_path / "voices" / "speech" / f"speaker-{number}"
        folder.mkdir(parents=True)
        hum = sum(np.sin(2 * np.pi * pitch_hz * k * time + rng.random()) / k for k in range(1, 20))
        soundfile.write(folder / "one.wav", 0.1 * hum * (np.sin(2 * np.pi * 3 * time) > -0.5), RATE_HZ)
    store = tmp_path / "store"
    quick = ("--max-steps", 2, "--validate-every-steps", 1, "--validation-mixtures", 1, "--batch-size", 1, "--workers", 1)
    done = speechmill("train", "voicefilter", "--in", tmp_path / "voices", "--store", store, "--name", "filter", *quick)
    assert done.returncode == 0, done.stdout + done.stderr
    made = ModelStore(open_store(str(store))).model("filter")
    assert made.kind == "voicefilter" and set(made.files) == {"config.json", "voicefilter.onnx"}
    arguments = ("--in", tmp_path / "voices" / "speech", "--out", tmp_path / "out", "--store", store)
    done = speechmill("stage", "extract", *arguments, "--model", "filter")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(soundfile.read(tmp_path / "out" / "speaker-0" / "one.wav")[0]) == len(time)
    done = speechmill("stage", "extract", *arguments[:2], "--out", tmp_path / "none", "--store", store)
    assert done.returncode == 1 and "expected a model of kind voicefilter" in done.stderr


@pytest.mark.slow
def test_a_model_of_tones_goes_into_a_folder_or_the_store_with_a_page_and_the_reason_of_what_was_not_used(tmp_path: Path) -> None:
    sounds, store = tmp_path / "in", tmp_path / "store"
    sounds.mkdir()
    for number, (speaker, hz) in enumerate((("03", 120.0), ("08", 205.0))):
        for label, code in (("neutral", "N"), ("anger", "W")):
            for take in range(3):
                soundfile.write(sounds / f"{speaker}a{take:02}{code}a.wav", voice(hz, label, 10 * number + take), 16_000)
    (sounds / "notes.wav").write_bytes(b"")
    given = ("train", "tone", "--in", sounds, "--store", store, "--name", "mine", "--classifier", "logistic")
    done = speechmill(*given, "--out", tmp_path / "model")
    assert done.returncode == 0, done.stdout + done.stderr
    made = read_model(tmp_path / "model", "tone")
    assert "Confusion matrix and calibration" in (tmp_path / "model.html").read_text()
    reasons = pq.read_table(tmp_path / "model.parquet").select(["clip", "reason"]).to_pylist()
    assert [r["clip"] for r in reasons if r["reason"]] == ["notes.wav"] and len(reasons) == 13
    done = speechmill(*given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ModelStore(open_store(str(store))).model("mine").files == made.files
    refused = speechmill("train", "tone", "--store", store)
    assert refused.returncode == 2 and "expected --in with labeled recordings, or --truth-dataset" in refused.stderr
