"""Vosk: its results, what it needs, and its Korean model where it was fetched (`speechmill models fetch vosk-ko`)."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.shared.task import StageError
from components.transcribe.engines import Word
from components.transcribe.flags import agreement
from components.transcribe.settings import EngineSettings
from components.transcribe.vosk import load_vosk, transcription
from tests.models import write_model
from tests.places import ROOT

Settings = Callable[..., EngineSettings]
FETCHED = Path(os.environ.get("SPEECHMILL_MODELS", ROOT / "data" / "fetched-models"))


def test_the_parts_of_a_clip_become_one_text_with_the_times_of_all_words() -> None:
    parts = [
        {"result": [{"word": "오늘", "start": 0.1, "end": 0.5, "conf": 1.0}], "text": "오늘"},
        {"text": ""},
        {"result": [{"word": "저녁", "start": 1.5, "end": 2.0, "conf": 0.5}], "text": "저녁"},
    ]
    found = transcription(parts, "ko")
    assert found.text == "오늘 저녁" and found.words == (Word("오늘", 0.1, 0.5), Word("저녁", 1.5, 2.0))
    assert found.confidence == pytest.approx(np.log(0.5) / 2) and not found.no_speech


def test_a_clip_without_words_has_no_speech() -> None:
    assert transcription([{"text": ""}], "ko").no_speech


def test_what_is_missing_is_named(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(StageError, match=r"found no am/final.mdl and no conf/mfcc.conf in it"):
        load_vosk(write_model(tmp_path / "a", "a", {"x": b"1"}, "vosk"), settings(language="ko"))
    broken = write_model(tmp_path / "b", "b", {"am/final.mdl": b"1", "conf/mfcc.conf": b"1"}, "vosk")
    with pytest.raises(StageError, match=r"expected the language of the model b for vosk, found none"):
        load_vosk(broken, settings())
    with pytest.raises(StageError, match=r"found one that it cannot load"):
        load_vosk(broken, settings(language="ko"))


@pytest.mark.skipif(not (FETCHED / "vosk-ko").is_dir(), reason="no model vosk-ko: speechmill models fetch vosk-ko")
def test_the_korean_model_hears_the_same_in_any_company(korean: dict[str, tuple[np.ndarray, str]], settings: Settings) -> None:
    sounds, texts = zip(*korean.values(), strict=True)
    engine = load_vosk(FETCHED / "vosk-ko", settings(language="ko", threads=2))
    found = engine.transcribe(list(sounds))
    alone = load_vosk(FETCHED / "vosk-ko", settings(language="ko", threads=1)).transcribe([sounds[1]])
    assert found[1] == alone[0]
    for result, text in zip(found, texts, strict=True):
        assert (agreement(result, transcription([{"text": text}], "ko")) or 0) > 0.6
        assert [w.start for w in result.words] == sorted(w.start for w in result.words) and result.words
