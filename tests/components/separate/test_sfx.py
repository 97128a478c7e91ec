"""Known effects in made-up and real sound: what is found, how much of it goes, and what is left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from components.separate.effects import KEPT, QUIET_DB, without_silence
from components.separate.sfx import sfx
from components.shared.audio import decode
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.steps import Prepared, Sound
from components.shared.table import write_rows
from components.shared.task import StageError
from tests.artifacts import write_recordings
from tests.places import DATA


def chirp(seconds: float, low_hz: float, high_hz: float) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return 0.3 * signal.chirp(time, low_hz, seconds, high_hz) * np.hanning(len(time))


def burst(seconds: float, seed: int) -> np.ndarray:
    count = round(seconds * SAMPLE_RATE_HZ)
    return 0.1 * np.random.default_rng(seed).standard_normal(count) * np.exp(-3 * np.arange(count) / count)


def knocks(seconds: float, seed: int) -> np.ndarray:
    """Three bursts alike, 0.2 s apart: like itself beside itself."""
    return sum(np.roll(np.pad(burst(0.15, seed), (0, round((seconds - 0.15) * SAMPLE_RATE_HZ))), n * 8820) for n in range(3))


def talk(seconds: float, seed: int = 0) -> np.ndarray:
    """Harmonics of a wandering pitch and fricatives, in syllables, over faint noise."""
    random = np.random.default_rng(seed)
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 * (1 + 0.2 * np.sin(2 * np.pi * 0.4 * t))) / SAMPLE_RATE_HZ
    voiced = sum(np.sin(n * phase) / n for n in range(1, 25)) * np.maximum(0, np.sin(2 * np.pi * 2.3 * t))
    hiss = signal.lfilter([1, -0.9], 1, random.standard_normal(len(t))) * np.maximum(0, np.sin(2 * np.pi * 2.3 * t + 2.5)) ** 4
    return 0.1 * voiced + 0.05 * hiss + 0.0005 * random.standard_normal(len(t))


def rumble(seconds: float, seed: int) -> np.ndarray:
    """Something that comes and goes."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    noise = signal.lfilter([1], [1, -0.8], np.random.default_rng(seed).standard_normal(len(t)))
    return 0.05 * noise * (1 + np.sin(2 * np.pi * 0.31 * t))


def delayed(sound: np.ndarray, samples: float) -> np.ndarray:
    """Later by a fraction of a sample."""
    padded = np.pad(sound, (0, 64))
    spectrum = np.fft.rfft(padded) * np.exp(-2j * np.pi * np.fft.rfftfreq(len(padded)) * samples)
    return np.fft.irfft(spectrum, len(padded))


def put(bus: np.ndarray, effect: np.ndarray, second: float) -> None:
    start = round(second * SAMPLE_RATE_HZ)
    piece = effect[: len(bus) - start]
    bus[start : start + len(piece)] += piece


def kit(folder: Path, effects: dict[str, np.ndarray]) -> Path:
    """An artifact of effects."""
    rows = write_recordings(folder, {str(number): sound for number, sound in enumerate(effects.values())})
    write_rows(folder, Recording, [replace(row, title=name) for row, name in zip(rows, effects, strict=True)])
    return folder


EFFECTS = {"chirp": chirp(1.0, 300, 6000), "burst": burst(0.4, 1), "knocks": knocks(0.8, 2), "long": rumble(20, 9)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit(tmp_path_factory.mktemp("kit") / "effects", EFFECTS)


def heard(folder: Path, sound: np.ndarray, block: int = 441_000) -> tuple[Prepared, np.ndarray]:
    """What the step finds in a sound, and the sound after it."""
    stream = lambda: (sound[i : i + block] for i in range(0, len(sound), block))  # noqa: E731
    done = sfx(folder).prepare(Sound("talk", stream, len(sound), ()))
    return done, np.concatenate(list(done.filter(stream())))


def fall_db(bus: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """How much of what was put in was taken out."""
    return 10 * float(np.log10(np.sum(bus**2) / np.sum((bus - (before - after)) ** 2)))


@given(st.integers(1, 3000), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 1.0]))
def test_silence_is_trimmed_as_a_running_maximum_would(length: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 1e-5, length) + rng.normal(0, 1, length) * (rng.random(length) < share) * (rng.random(length) < 0.01)
    near = ndimage.maximum_filter1d(np.abs(sound), 2 * KEPT + 1)
    loud = np.flatnonzero(near > 10 ** (QUIET_DB / 20) * near.max())
    assert np.array_equal(without_silence(sound), sound[loud[0] : loud[-1] + 1])
    assert not len(without_silence(np.zeros(length)))


def test_effects_are_found_where_they_are_and_taken_out_of_the_speech_over_them(folder: Path) -> None:
    speech, bus = talk(60), np.zeros(60 * SAMPLE_RATE_HZ)
    for name, second, gain in (
        ("chirp", 5.0, 0.5),
        ("burst", 11.7, 1.0),
        ("knocks", 23.45, 0.7),
        ("chirp", 41.0, 2.0),
        ("burst", 59.75, 1.0),
    ):
        put(bus, gain * EFFECTS[name], second)
    done, out = heard(folder, speech + bus)
    assert [r.name for r in done.removed] == ["chirp", "burst", "knocks", "chirp", "burst"]
    assert [r.start for r in done.removed] == pytest.approx([5.0, 11.7, 23.45, 41.0, 59.75], abs=0.02)
    assert done.removed[-1].end == 60
    assert all(r.filter == "sfx" and 0.1 < r.correlation <= 1 for r in done.removed)  # type: ignore[operator]
    assert fall_db(bus, speech + bus, out) > 25
    assert min(r.attenuation_db for r in done.removed[:-1]) > 15  # type: ignore[type-var, operator]


def test_a_fraction_of_a_sample_and_an_equalizer_are_fitted(folder: Path) -> None:
    speech, bus = talk(20), np.zeros(20 * SAMPLE_RATE_HZ)
    put(bus, delayed(signal.lfilter([0.7, 0.3, -0.1], 1, EFFECTS["burst"]), 0.37), 3.0)
    put(bus, delayed(EFFECTS["chirp"], 7.5), 9.0)
    done, out = heard(folder, speech + bus)
    assert [r.name for r in done.removed] == ["burst", "chirp"]
    assert fall_db(bus, speech + bus, out) > 20


def test_effects_over_each_other_are_all_found(folder: Path) -> None:
    speech, bus = talk(30), np.zeros(30 * SAMPLE_RATE_HZ)
    for name, second in (("chirp", 4.0), ("burst", 4.3), ("knocks", 4.5), ("burst", 20.0), ("burst", 20.05)):
        put(bus, EFFECTS[name], second)
    done, out = heard(folder, speech + bus)
    assert [r.name for r in done.removed] == ["chirp", "burst", "knocks", "burst", "burst"]
    assert fall_db(bus, speech + bus, out) > 20


def test_a_long_effect_is_taken_out_whole_also_from_one_step_to_the_next(folder: Path) -> None:
    speech, bus = talk(45, seed=3), np.zeros(45 * SAMPLE_RATE_HZ)
    put(bus, EFFECTS["long"], 10.0)
    put(bus, EFFECTS["chirp"], 20.0)
    done, out = heard(folder, speech + bus)
    assert [r.name for r in done.removed] == ["long", "chirp"]
    assert fall_db(bus, speech + bus, out) > 20


def test_where_no_effect_is_no_bit_changes(folder: Path) -> None:
    speech, bus = talk(40, seed=4), np.zeros(40 * SAMPLE_RATE_HZ)
    put(bus, chirp(1.0, 280, 5000), 7.0)  # like an effect, but another
    put(bus, burst(0.4, 77), 22.0)
    done, out = heard(folder, speech + bus)
    assert not done.removed
    assert np.array_equal(out, speech + bus)
    put(bus, EFFECTS["burst"], 30.0)
    done, out = heard(folder, speech + bus)
    assert [r.name for r in done.removed] == ["burst"]
    beside = np.r_[0 : round(29.99 * SAMPLE_RATE_HZ), round(30.41 * SAMPLE_RATE_HZ) : len(bus)]
    assert np.array_equal(out[beside], (speech + bus)[beside])


def test_of_two_effects_that_are_alike_the_right_one_is_found(tmp_path: Path) -> None:
    one = EFFECTS["burst"]
    other = 0.8 * one + 0.6 * burst(0.4, 5)
    speech, bus = talk(20), np.zeros(20 * SAMPLE_RATE_HZ)
    put(bus, one, 3.0)
    put(bus, other, 12.0)
    done, out = heard(kit(tmp_path / "kit", {"one": one, "other": other}), speech + bus)
    assert [r.name for r in done.removed] == ["one", "other"]
    assert fall_db(bus, speech + bus, out) > 20


@pytest.mark.parametrize("sound", [np.zeros(20 * SAMPLE_RATE_HZ), np.zeros(1), talk(0.05), np.ones(SAMPLE_RATE_HZ)])
def test_silence_and_snippets_stay_as_they_are(folder: Path, sound: np.ndarray) -> None:
    done, out = heard(folder, sound)
    assert not done.removed
    assert np.array_equal(out, sound)


def test_an_effect_alone_in_silence_is_found(folder: Path) -> None:
    sound = np.zeros(90 * SAMPLE_RATE_HZ)
    put(sound, EFFECTS["burst"], 71.0)
    done, out = heard(folder, sound)
    assert [(r.name, round(r.start, 2)) for r in done.removed] == [("burst", 71.0)]
    assert fall_db(sound, sound, out) > 25


@settings(max_examples=6, deadline=None)
@given(st.integers(1_000, 2_000_000), st.floats(0, 13))
def test_block_size_changes_no_bit(folder: Path, block: int, second: float) -> None:
    sound = talk(14)
    put(sound, EFFECTS["chirp"], second)
    put(sound, EFFECTS["burst"], 11.8)
    done, out = heard(folder, sound)
    again, other = heard(folder, sound, block)
    assert done.removed == again.removed
    assert np.array_equal(out, other)


def test_without_effects_it_does_nothing(tmp_path: Path) -> None:
    empty = kit(tmp_path / "none", {})
    assert sfx(empty).passes == sfx(None).passes == 0
    done, out = heard(empty, talk(3))
    assert not done.removed
    assert np.array_equal(out, talk(3))


@pytest.mark.parametrize("sound", [burst(0.05, 0), np.zeros(SAMPLE_RATE_HZ), talk(61)])
def test_what_cannot_be_an_effect_is_refused_with_its_name(tmp_path: Path, sound: np.ndarray) -> None:
    with pytest.raises(StageError, match=r"expected effects of 0\.1 to 60 s.* found .* in door\.wav: leave it out"):
        heard(kit(tmp_path / "kit", {"door.wav": sound}), talk(1))


REAL = [DATA / "noise" / "sfx" / f"{name}.ogg" for name in ("duck_quack_03", "door_knock_01", "explosion_02", "vehicle_horn_01")]


@pytest.mark.skipif(not REAL[0].exists(), reason=f"no effects at {DATA}")
def test_real_effects_under_real_speech_after_mp3(tmp_path: Path) -> None:
    import subprocess

    import soundfile

    from components.shared.audio import ffmpeg

    def whole(path: Path) -> np.ndarray:
        return np.concatenate(list(decode(path, SAMPLE_RATE_HZ)))[:, 0].astype(np.float64)

    effects = {path.stem: whole(path) for path in REAL}
    spoken = [whole(p) for p in sorted((DATA / "librispeech" / "test-other").rglob("*.flac"))[:8]]
    speech = np.concatenate([0.08 * s / np.std(s) for s in spoken])[: 50 * SAMPLE_RATE_HZ]
    bus, places = np.zeros(len(speech)), []
    for number, (name, effect) in enumerate(effects.items()):
        for second in (2.0 + 11 * number, 6.5 + 11 * number):
            put(bus, 0.1 * effect / np.std(effect), second)
            places.append((name, second))
    loud = 0.9 / np.max(np.abs(speech + bus))
    mix, mp3 = tmp_path / "mix.wav", tmp_path / "mix.mp3"
    soundfile.write(mix, loud * (speech + bus), SAMPLE_RATE_HZ, subtype="FLOAT")
    subprocess.run([ffmpeg(), "-v", "error", "-i", mix, "-b:a", "128k", mp3], check=True)
    sound = whole(mp3)[: len(bus)]
    done, out = heard(kit(tmp_path / "kit", effects), sound)
    found = [(r.name, r.start) for r in done.removed]
    assert [name for name, _ in found] == [name for name, _ in places]
    assert all(s <= f < s + 1 for (_, f), (_, s) in zip(found, places, strict=True))  # without the silence at an effect's beginning
    assert fall_db(loud * bus, sound, out) > 12
    quiet, _ = heard(kit(tmp_path / "others", {p.stem: whole(p) for p in sorted((DATA / "noise" / "sfx").glob("w*.ogg"))[:6]}), sound)
    assert not quiet.removed
