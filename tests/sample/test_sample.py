"""The files, the feed and the ground truth of the bundled sample agree, and its script reproduces it."""

import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.signal import welch

from components.shared.audio import decode
from tests.sample import make
from tests.sample.score import Row, Score, score
from tests.sample.show import EPISODES

NAMES = [f"episode-{number}" for number in range(1, len(EPISODES) + 1)]
RATE_HZ = 48_000
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
COMMONS = "{http://backend.userland.com/creativeCommonsRssModule}"


def samples(path: Path) -> np.ndarray:
    return np.concatenate(list(decode(path, RATE_HZ)))[:, 0].astype(np.float64)


def decibels(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound**2) + 1e-12))


@pytest.fixture(scope="module")
def sounds() -> dict[str, np.ndarray]:
    return {name: samples(make.AUDIO / f"{name}.opus") for name in NAMES}


@pytest.fixture(scope="module")
def truths() -> dict[str, dict]:
    return {name: json.loads((make.TRUTH / f"{name}.json").read_text(encoding="utf-8")) for name in NAMES}


def spans(truth: dict, kind: str) -> list[tuple[float, float]]:
    return [(s["start"], s["end"]) for s in truth[kind]]


def alone(truth: dict, kind: str) -> list[tuple[float, float]]:
    """Spans of a kind that overlap no utterance."""
    return [(a, b) for a, b in spans(truth, kind) if not any(s < b and a < e for s, e in spans(truth, "utterances"))]


def within(sound: np.ndarray, spans: list[tuple[float, float]]) -> np.ndarray:
    return np.concatenate([sound[round(a * RATE_HZ) : round(b * RATE_HZ)] for a, b in spans])


def test_the_sample_has_two_minutes_and_less_than_700_kilobytes(truths):
    paths = [make.FEED / "feed.xml", *(make.AUDIO / f"{name}.opus" for name in NAMES)]
    found = [p for folder in (make.FEED, make.AUDIO) for p in folder.iterdir()]
    assert sorted(found) == sorted(paths)  # all files here are in an image
    seconds = sum(t["seconds"] for t in truths.values())
    assert 105 <= seconds <= 135
    assert sum(p.stat().st_size for p in paths[1:]) * 8 / seconds > 47_000  # bits a second
    assert sum(p.stat().st_size for p in paths) < 700_000


def test_files_have_the_lengths_of_the_truth(sounds, truths):
    for name in NAMES:
        assert len(sounds[name]) / RATE_HZ == pytest.approx(truths[name]["seconds"], abs=0.001)
        assert np.abs(sounds[name]).max() < 1


def test_the_feed_describes_the_files(truths):
    items = ElementTree.parse(make.FEED / "feed.xml").findall("channel/item")
    assert len(items) == len(NAMES)
    for name, item in zip(NAMES, items, strict=True):
        enclosure = item.find("enclosure")
        assert enclosure.attrib == {
            "url": f"{name}.opus",
            "length": str((make.AUDIO / f"{name}.opus").stat().st_size),
            "type": "audio/ogg",
        }
        assert float(item.findtext(f"{ITUNES}duration")) == pytest.approx(truths[name]["seconds"], abs=0.5)
        assert "creativecommons.org/publicdomain/zero" in item.findtext(f"{COMMONS}license")
        assert item.findtext("title") and item.findtext("pubDate").endswith("+0900")
    assert len({item.findtext("guid") for item in items}) == len(NAMES)


def test_the_truth_has_every_kind_of_sound_of_a_show(truths):
    for truth in truths.values():
        for kind in ("utterances", "music", "effects", "noise", "silence"):
            assert truth[kind], kind
            assert all(0 <= a < b <= truth["seconds"] for a, b in spans(truth, kind)), kind
        said = truth["utterances"]
        assert all(b["start"] - a["end"] >= 0.25 for a, b in pairwise(said))
        assert all(2 <= u["end"] - u["start"] <= 6 and u["text"] for u in said)
        assert {u["gender"] for u in said} == {"F", "M"}
        assert truth["host"] in {u["speaker"] for u in said}
        assert alone(truth, "music")[0][0] < 2 and len(alone(truth, "music")) >= 2  # a jingle and a break
        assert len(alone(truth, "music")) < len(truth["music"])  # and music under speech
        assert alone(truth, "effects") and len(alone(truth, "effects")) < len(truth["effects"])
        assert alone(truth, "silence") == spans(truth, "silence")


def test_every_sound_of_the_truth_is_audible(sounds, truths):
    for name in NAMES:
        sound, truth = sounds[name], truths[name]
        assert decibels(within(sound, spans(truth, "silence"))) < -50
        for kind in ("utterances", "music", "effects", "noise"):
            for span in spans(truth, kind):
                assert decibels(within(sound, [span])) > -35, (name, kind, span)


def test_a_faint_whistle_lasts_through_every_episode(sounds, truths):
    for name in NAMES:
        whistle_hz = truths[name]["tone_noise_hz"]
        for start in range(0, len(sounds[name]) - RATE_HZ, 2 * RATE_HZ):
            hz, power = welch(sounds[name][start : start + 2 * RATE_HZ], RATE_HZ, nperseg=16_384)
            around = power[(abs(hz - whistle_hz) > 50) & (abs(hz - whistle_hz) < 500)]
            peak = power[abs(hz - whistle_hz) < 10].max()
            assert peak > 4 * np.median(around), (name, start / RATE_HZ)
            assert peak < 0.1 * power.max() or decibels(sounds[name][start : start + 2 * RATE_HZ]) < -50


def test_the_score_of_perfect_missing_wrong_and_doubled_clips():
    truths = {"a": {"utterances": [{"start": 1.0, "end": 3.0, "gender": "F"}, {"start": 4.0, "end": 6.0, "gender": "M"}]}}
    perfect = [Row(1.0, 3.0, "female", True), Row(4.0, 6.0, "male", True)]
    assert score(truths, {"a": perfect}) == Score(recall=1, idle=0, gender=1, repeated_seconds=0)
    assert score(truths, {"a": [perfect[0], perfect[1]._replace(kept=False)]}) == Score(0.5, 0, 1, 0)
    assert score(truths, {"a": [Row(0.0, 4.0, "male", True)]}) == Score(0.5, 0.5, 0, 0)
    assert score(truths, {"a": [*perfect, Row(5.0, 6.0, "male", True)]}).repeated_seconds == 1
    assert score(truths, {"a": []}) == Score(0, 0, 0, 0)


def espeak_version() -> str:
    found = shutil.which("espeak-ng")
    return subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else ""


@pytest.mark.skipif(": 1.51 " not in espeak_version(), reason="the sample was made with espeak-ng 1.51, which is not installed")
@pytest.mark.slow
def test_the_script_reproduces_the_sample(tmp_path, sounds, truths):
    make.make(tmp_path)
    first, second = (re.sub(r' length="\d+"', "", (f / "feed.xml").read_text(encoding="utf-8")) for f in (make.FEED, tmp_path))
    assert first == second
    for name in NAMES:
        truth = json.loads((tmp_path / "truth" / f"{name}.json").read_text(encoding="utf-8"))
        assert truth.keys() == truths[name].keys()
        for kind in ("utterances", "music", "effects", "noise", "silence"):
            assert np.allclose(spans(truth, kind), spans(truths[name], kind), rtol=0, atol=0.001)
        again = samples(tmp_path / f"{name}.opus")
        assert np.corrcoef(again, sounds[name])[0, 1] > 0.99
