"""recipes/speakers/mixtures.py: levels, channels and times of the mixed recordings."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.shared.rows import SAMPLE_RATE_HZ
from recipes.speakers.mixtures import CONDITIONS, PAUSE_SECONDS, SPEECH_RMS, Utterance, recording_id, write_mixtures


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[Path, list[Utterance]]:
    """The folder of the recordings of one speaker in every condition, and the utterances."""
    for number, name in enumerate(("a", "b", "music", "street")):
        sound = np.random.default_rng(number).normal(0, 0.05 * (1 + number), 2 * SAMPLE_RATE_HZ)
        soundfile.write(tmp_path / f"{name}.wav", sound.clip(-1, 1), SAMPLE_RATE_HZ)
    said = [{"path": f"{name}.wav", "gender": "F", "lang": "ko-KR"} for name in ("a", "b")]
    beds = {"music": [{"path": "music.wav"}], "noise": [{"path": "street.wav"}]}
    return tmp_path / "out", write_mixtures(tmp_path, {"yuna": said}, beds, list(CONDITIONS), tmp_path / "out")


def sound(mixed: tuple[Path, list[Utterance]], condition: str) -> np.ndarray:
    return soundfile.read(mixed[0] / "audio" / f"{recording_id(condition, 'yuna')}.flac")[0]


def level_db(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples**2)) / SPEECH_RMS))


def part(samples: np.ndarray, utterance: Utterance) -> np.ndarray:
    return samples[round(utterance.start * SAMPLE_RATE_HZ) : round(utterance.end * SAMPLE_RATE_HZ)]


def test_utterances_follow_each_other_with_a_pause_at_one_level(mixed: tuple[Path, list[Utterance]]) -> None:
    first, second = mixed[1]
    assert (first.path, first.speaker, first.gender, first.language) == ("a.wav", "yuna", "female", "ko")
    assert second.start - first.end == pytest.approx(PAUSE_SECONDS)
    clean = sound(mixed, "clean")
    assert np.array_equal(clean[:, 0], clean[:, 1])
    for utterance in mixed[1]:
        assert level_db(part(clean, utterance)[:, 0]) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("condition", ["talk", "bed", "ambience"])
def test_what_lies_under_the_speech_has_the_level_and_the_side_of_its_condition(
    mixed: tuple[Path, list[Utterance]], condition: str
) -> None:
    kind, low_db, high_db = CONDITIONS[condition]
    under = sound(mixed, condition) - sound(mixed, "clean")
    for utterance in mixed[1]:
        left, right = part(under, utterance).T
        assert low_db - 0.1 <= level_db((left + right) / 2) <= high_db + 0.1
        assert level_db(left) - level_db(right) == pytest.approx(20 * np.log10(1.3 / 0.7) if kind == "music" else 0, abs=0.1)


def test_the_telephone_lets_its_band_through_at_the_same_level(mixed: tuple[Path, list[Utterance]]) -> None:
    for utterance in mixed[1]:
        spoken = part(sound(mixed, "phone"), utterance)[:, 0]
        assert level_db(spoken) == pytest.approx(0, abs=0.1)
        power, hz = np.abs(np.fft.rfft(spoken)) ** 2, np.fft.rfftfreq(len(spoken), 1 / SAMPLE_RATE_HZ)
        assert power[(hz >= 300) & (hz <= 3400)].sum() > 0.999 * power.sum()


def test_a_room_goes_on_after_the_voice_and_keeps_its_level(mixed: tuple[Path, list[Utterance]]) -> None:
    for utterance in mixed[1]:
        spoken, clean = (part(sound(mixed, condition), utterance)[:, 0] for condition in ("room", "clean"))
        assert level_db(spoken) == pytest.approx(0, abs=0.1)
        direct = float(spoken @ clean / (clean @ clean))
        below_db = 20 * np.log10(np.sqrt(np.mean((spoken - direct * clean) ** 2)) / (direct * np.sqrt(np.mean(clean**2))))
        assert -11 <= below_db <= -3


def test_mixing_again_gives_the_same_bytes(mixed: tuple[Path, list[Utterance]], tmp_path: Path) -> None:
    said = [{"path": u.path, "gender": "F", "lang": "ko-KR"} for u in mixed[1]]
    beds = {"music": [{"path": "music.wav"}], "noise": [{"path": "street.wav"}]}
    assert write_mixtures(tmp_path, {"yuna": said}, beds, list(CONDITIONS), tmp_path / "again") == mixed[1]
    files = sorted((mixed[0] / "audio").iterdir())
    assert len(files) == len(CONDITIONS)
    assert all(file.read_bytes() == (tmp_path / "again" / "audio" / file.name).read_bytes() for file in files)
