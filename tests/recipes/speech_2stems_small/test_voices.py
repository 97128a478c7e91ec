"""recipes/speech_2stems_small/voices.py, with the real espeak-ng."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recipes.speech_2stems_small.voices import main, words

spoken = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng: the recipe's voices are not spoken")


def speak(monkeypatch: pytest.MonkeyPatch, out: Path, seed: int) -> list[bytes]:
    """The bytes of the files that the recipe writes for two utterances."""
    monkeypatch.setattr(sys, "argv", ["voices.py", "--out", str(out), "--utterances", "2", "--seed", str(seed)])
    main()
    assert sorted(path.name for path in out.iterdir()) == ["0000.flac", "0001.flac"]
    return [path.read_bytes() for path in sorted(out.iterdir())]


@spoken
def test_utterances_are_audible_mono_at_44100_hz_and_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = speak(monkeypatch, tmp_path / "a", 1)
    assert first != second
    for path in (tmp_path / "a").iterdir():
        samples, rate = soundfile.read(path, always_2d=True)
        assert rate == 44_100 and samples.shape[1] == 1
        assert len(samples) > 0.5 * rate and 0.05 < np.abs(samples).max() <= 1


@spoken
def test_a_seed_gives_the_same_bytes_again_and_another_seed_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = speak(monkeypatch, tmp_path / "a", 1)
    assert speak(monkeypatch, tmp_path / "b", 1) == first
    assert not set(speak(monkeypatch, tmp_path / "c", 2)) & set(first)


def test_words_are_hangul_for_korean_and_latin_letters_otherwise() -> None:
    korean, german = (words(np.random.default_rng(1), language, 50) for language in ("ko", "de"))
    assert len(korean.split()) == len(german.split()) == 50
    assert all("가" <= letter <= "힣" for letter in korean.replace(" ", ""))
    assert all("a" <= letter <= "z" for letter in german.replace(" ", ""))
