"""Whisper by faster-whisper, with a model of random numbers: what loads and decodes a real one runs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tiny import write_model

from components.shared.model import describe
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError
from components.transcribe.engines import Transcription
from components.transcribe.settings import EngineSettings
from components.transcribe.sound import RATE_HZ
from components.transcribe.whisper import _Piece, _stops_early, load_whisper
from tests.places import ROOT

Spoken = dict[str, tuple[np.ndarray, str]]
Choose = Callable[..., EngineSettings]


@pytest.fixture(scope="module")
def clips(spoken: Spoken) -> list[np.ndarray]:
    return [sound for sound, _ in spoken.values()]


def chosen(settings: Choose, **changes: Any) -> EngineSettings:
    return settings(**{"engine": "whisper", "beam_size": 2, "fallback": False, "language": "ko"} | changes)


def times(result: Transcription) -> np.ndarray:
    return np.array([(w.start, w.end) for w in result.words])


def test_every_clip_gets_its_own_text_with_times_inside_it(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    engine = load_whisper(whisper, chosen(settings))
    assert engine.batch_clips == 8 and engine.name.startswith("whisper/random/")
    for result, clip in zip(engine.transcribe(clips), clips, strict=True):
        assert result.text and result.language == "ko" and not result.problem
        assert result.text == " ".join(w.text for w in result.words)
        assert result.confidence is not None and -10 < result.confidence < 0
        assert np.all(np.diff(times(result).ravel()) >= 0) and times(result)[0, 0] >= 0
        assert times(result)[-1, 1] <= len(clip) / SAMPLE_RATE_HZ


def test_a_clip_hears_nothing_of_its_neighbours(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    engine = load_whisper(whisper, chosen(settings, compute_type="float32"))
    together, alone = engine.transcribe(clips), [engine.transcribe([clip])[0] for clip in clips]
    back = engine.transcribe(clips[::-1])[::-1]
    for a, b, c in zip(together, alone, back, strict=True):
        assert a.text == b.text == c.text and [w.text for w in a.words] == [w.text for w in b.words] == [w.text for w in c.words]
        assert a.confidence == pytest.approx(b.confidence, abs=1e-4) == pytest.approx(c.confidence, abs=1e-4)
    assert len({h.text for h in together}) > 1


def test_a_clip_longer_than_the_window_is_heard_to_its_end(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    long = np.concatenate(clips * 3)[: 50 * SAMPLE_RATE_HZ]
    engine = load_whisper(whisper, chosen(settings, vad_filter=False))
    short, result = engine.transcribe([clips[0], long])
    assert len(long) == 50 * SAMPLE_RATE_HZ and times(result)[-1, 1] > 31
    assert short.text == engine.transcribe([clips[0]])[0].text


def test_the_language_is_detected_clip_by_clip(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    found = load_whisper(whisper, chosen(settings, language="")).transcribe([*clips, (clips[0] // 50).astype(np.int16)])
    assert all(h.language in ("en", "az") or len(h.language) in (2, 3) for h in found) and all(h.text for h in found)


def test_the_language_that_is_given_steers_the_decoder(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    texts = {name: load_whisper(whisper, chosen(settings, language=name)).transcribe(clips[:1])[0] for name in ("ko", "ja", "en-US")}
    assert len({h.text for h in texts.values()}) > 1
    assert texts["en-US"].language == "en-US"


def test_silence_is_not_decoded_where_the_filter_is_on(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    silence = np.zeros(3 * SAMPLE_RATE_HZ, np.int16)
    hushed, speech = load_whisper(whisper, chosen(settings)).transcribe([silence, clips[0]])
    assert hushed.no_speech and hushed.text == "" and speech.text
    assert load_whisper(whisper, chosen(settings, vad_filter=False)).transcribe([silence])[0].text


def test_only_the_speech_of_a_clip_is_heard_and_times_stay_the_clip_s(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    second = np.zeros(3 * SAMPLE_RATE_HZ, np.int16)
    engine = load_whisper(whisper, chosen(settings, vad_pad_seconds=0.1))
    plain, padded = engine.transcribe([clips[0], np.concatenate([second, clips[0], second])])
    assert times(padded)[0, 0] > 2.5 and times(padded)[-1, 1] < 3.5 + len(clips[0]) / SAMPLE_RATE_HZ
    assert plain.text and padded.text


def test_what_whisper_doubts_is_decoded_again_and_a_run_like_it_gives_the_same(
    whisper: Path, clips: list[np.ndarray], settings: Choose
) -> None:
    (once,) = load_whisper(whisper, chosen(settings)).transcribe(clips[:1])
    (again,) = load_whisper(whisper, chosen(settings, fallback=True)).transcribe(clips[:1])
    assert once.confidence is not None and once.confidence < -1  # what a random model writes is improbable
    assert again.text != once.text
    assert load_whisper(whisper, chosen(settings, fallback=True)).transcribe(clips[:1]) == [again]


@pytest.mark.parametrize(("end", "early"), [(3.0, True), (5.5, False), (6.0, False)])
def test_a_text_that_stops_long_before_the_speech_misses_its_end(end: float, early: bool) -> None:
    segment = SimpleNamespace(words=[SimpleNamespace(start=0.0, end=1.0), SimpleNamespace(start=1.0, end=end)])
    piece = _Piece(np.zeros(6 * RATE_HZ, np.float32), 0.5, 7.0)
    assert _stops_early([segment], piece) == early
    assert not _stops_early([SimpleNamespace(words=None)], piece), "nothing is known without words"


def test_words_are_timed_only_where_it_is_asked_for(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    untimed = load_whisper(whisper, chosen(settings, word_times=False)).transcribe(clips[:1])[0]
    assert untimed.words == () and untimed.text == load_whisper(whisper, chosen(settings)).transcribe(clips[:1])[0].text


def test_from_which_probability_on_a_clip_is_no_speech_can_be_chosen(whisper: Path, clips: list[np.ndarray], settings: Choose) -> None:
    assert load_whisper(whisper, chosen(settings, no_speech_probability=0.0)).transcribe(clips[:1])[0].no_speech
    assert not load_whisper(whisper, chosen(settings, no_speech_probability=1.0)).transcribe(clips[:1])[0].no_speech


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), "expected model.bin, config.json, tokenizer.json and a vocabulary"),
        (lambda f: (f / "vocabulary.json").unlink(), "and a vocabulary"),
        (lambda f: (f / "model.bin").write_bytes(b"nothing of CTranslate2"), "expected a Whisper model of CTranslate2"),
        (lambda f: (f / "preprocessor_config.json").write_text(json.dumps({"feature_size": 128})), "expected 80 mel bands"),
    ],
)
def test_a_folder_that_is_no_whole_model_is_refused(
    whisper: Path, settings: Choose, tmp_path: Path, change: Callable[[Path], Any], said: str
) -> None:
    folder = Path(shutil.copytree(whisper, tmp_path / "model"))
    change(folder)
    describe(folder, "random", "whisper", "CC0-1.0", "random numbers", "2026-01-01T00:00:00Z")
    with pytest.raises(StageError, match=said):
        load_whisper(folder, chosen(settings))


def test_a_file_that_changed_since_and_another_kind_of_model_are_refused(whisper: Path, settings: Choose, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whisper, tmp_path / "model"))
    (folder / "config.json").write_text("{}")
    with pytest.raises(StageError, match=r"config\.json, a file of the model random"):
        load_whisper(folder, chosen(settings))
    describe(folder, "none", "none", "CC0-1.0", "nothing", "2026-01-01T00:00:00Z")
    with pytest.raises(StageError, match="expected a model of kind whisper"):
        load_whisper(folder, chosen(settings))


def test_languages_and_compute_types_that_it_has_not_are_refused(whisper: Path, settings: Choose) -> None:
    with pytest.raises(StageError, match=r"transcribe_language: expected a language of the model random .*found xx"):
        load_whisper(whisper, chosen(settings, language="xx"))
    import ctranslate2

    if not ctranslate2.get_cuda_device_count():
        with pytest.raises(StageError, match="choose another transcribe_compute_type"):
            load_whisper(whisper, chosen(settings, compute_type="float16"))


def test_an_image_of_its_own_needs_no_network_no_home_and_no_writable_folder(
    whisper: Path, clips: list[np.ndarray], tmp_path: Path
) -> None:
    """In a process that can reach nothing and write nowhere but its own scratch."""
    sound = tmp_path / "clip.npy"
    np.save(sound, clips[0])
    code = f"""
import socket, sys
def refuse(*_, **__): raise OSError("no network here")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
import numpy as np
from pathlib import Path
from components.transcribe.settings import EngineSettings
from components.transcribe.whisper import load_whisper
settings = EngineSettings("whisper", "none", "ko", True, 8, 1, False, "auto", True, 0.5, 0.4, 0.6, 1, 4, 5, 120.0, 0.0)
print(len(load_whisper(Path({str(whisper)!r}), settings).transcribe([np.load({str(sound)!r})])[0].text) > 0)
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XDG_"))}
    environment |= {"HOME": "/nowhere", "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd="/", capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["True"], done.stderr[-2000:]


def test_a_model_with_more_mel_bands_is_read(settings: Choose, tmp_path: Path) -> None:
    """Large-v3 has 128; the file that says so is its preprocessor_config.json."""
    folder = write_model(tmp_path / "wide", mels=128, width=16, heads=1, layers=1)
    noise = np.random.default_rng(3).normal(0, 3000, SAMPLE_RATE_HZ).astype(np.int16)
    assert load_whisper(folder, chosen(settings, vad_filter=False)).transcribe([noise])[0].text
