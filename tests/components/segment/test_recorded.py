"""The same features, classes and labels as inaSpeechSegmenter's, which recipes/segmenter/recorded.py recorded."""

import csv
import json
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from components.segment import viterbi
from components.segment.features import features, patches_of
from components.segment.networks import CONTENT, FOLDER, GENDER, SHA256, classifier, load_segmenter, switches
from components.segment.segment import analyze
from components.segment.sound import signal_of
from components.shared.audio import FlacWriter, decode
from components.shared.rows import SAMPLE_RATE_HZ
from recipes.segmenter.recorded import EPISODES, NOISE_SECONDS, SHOWN_FRAMES, SHOWN_PATCHES, SIGNAL_SECONDS, TIED_CASES, noise, tied
from recipes.speakers.recorded import signal
from tests.places import DATA, SAMPLE

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
needs_data = pytest.mark.skipif(not DATA.exists(), reason="no real recordings: set SPEECHMILL_DATA to their folder")


@pytest.fixture(scope="module")
def engines():
    return {engine: load_segmenter(engine, detect_gender=True) for engine in ("smn", "sm")}


def to_flac(source, target):
    with FlacWriter(target) as file:
        for block in decode(source, SAMPLE_RATE_HZ):
            file.write(block)
    return target


def labels(stretches):
    """The name of each 20 ms."""
    return [name for name, start, stop in stretches for _ in range(round(start), round(stop))]


def recorded_labels(runs):
    return [name for name, count in runs for _ in range(count)]


def agreement(found, wanted):
    assert len(found) == len(wanted)
    return sum(a == b for a, b in zip(found, wanted, strict=True)) / len(wanted)


def test_energies_and_spectra_are_sidekit_s():
    energies, mel = features(signal(SIGNAL_SECONDS))
    shown = list(SHOWN_FRAMES)
    np.testing.assert_allclose(energies[shown], RECORDED["features"]["energies"], atol=2e-5)
    np.testing.assert_allclose(mel[shown], RECORDED["features"]["spectra"], atol=1e-4)


@pytest.mark.parametrize("network", [*CONTENT.values(), GENDER], ids=lambda network: network.file)
def test_the_classes_of_patches_are_keras_s(network):
    mel = features(signal(SIGNAL_SECONDS))[1][:, : network.bands]
    found = classifier(network, {network.file: (FOLDER / network.file).read_bytes()}).predict(patches_of(mel, np.array(SHOWN_PATCHES)))
    np.testing.assert_allclose(np.log(found), np.log(RECORDED["classes"][network.file]), atol=1e-3)


def test_the_recorded_networks_are_those_that_are_pinned():
    assert set(RECORDED["classes"]) == set(SHA256) == {network.file for network in (*CONTENT.values(), GENDER)}


@pytest.mark.parametrize("number", range(len(NOISE_SECONDS)), ids=lambda number: f"{NOISE_SECONDS[number]} s")
def test_short_recordings_as_the_package(tmp_path, engines, number):
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(NOISE_SECONDS[number]), SAMPLE_RATE_HZ, "PCM_16")
    assert labels(analyze(signal_of(path), engines["smn"])) == recorded_labels(RECORDED["noise"][number])


@pytest.mark.parametrize("seconds, count", [(0.001, 1), (0.01, 1), (0.03, 1), (0.69, 34)])
def test_recordings_of_a_length_at_which_the_package_fails(tmp_path, engines, seconds, count):
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(seconds), SAMPLE_RATE_HZ, "PCM_16")
    assert len(labels(analyze(signal_of(path), engines["smn"]))) == count


@pytest.mark.parametrize("engine", ["smn", "sm"])
@pytest.mark.parametrize("episode", EPISODES)
def test_the_sample_as_the_package(tmp_path, engines, engine, episode):
    path = to_flac(SAMPLE / f"{episode}.opus", tmp_path / "a.flac")
    wanted = recorded_labels(RECORDED["sample"][episode][engine])
    assert agreement(labels(analyze(signal_of(path), engines[engine])), wanted) >= 0.995
    assert set(wanted) >= {"male", "female", "music", "noEnergy"}


@needs_data
@pytest.mark.parametrize(
    "engine, media, answer",
    [
        ("smn", "musanmix.mp3", "musanmix-smn-gender.csv"),
        ("sm", "musanmix.mp3", "musanmix-sm-gender.csv"),
        ("smn", "0021.mp3", "0021-smn-gender.csv"),
        ("smn", "silence2sec.wav", "silence2sec-smn-gender.csv"),
    ],
)
def test_the_package_s_own_expected_labels(tmp_path, engines, engine, media, answer):
    with (DATA / "ina_media" / answer).open() as file:
        rows = [(r["labels"], float(r["start"]) * 50, float(r["stop"]) * 50) for r in csv.DictReader(file, delimiter="\t")]
    path = to_flac(DATA / "ina_media" / media, tmp_path / "a.flac")
    found = labels(analyze(signal_of(path), engines[engine], window_patches=350))
    assert agreement(found[: len(labels(rows))], labels(rows)) >= 0.995


def test_ways_that_are_equally_probable_are_chosen_as_in_the_package():
    found = []
    for seed in range(TIED_CASES):
        chosen, exponent = tied(seed)
        with np.errstate(divide="ignore"):
            emission = np.log(chosen)
        path = viterbi.decode((emission[i : i + 1 + seed] for i in range(0, len(emission), 1 + seed)), switches(chosen.shape[1], exponent))
        found.append("".join(map(str, path.tolist())))
    assert found == RECORDED["paths"]


@settings(deadline=None, max_examples=50)
@given(steps=st.integers(1, 6), states=st.integers(2, 3), seed=st.integers(0, 2**32 - 1), block=st.integers(1, 7), cost=st.floats(0, 5))
def test_no_way_is_more_probable_than_the_one_that_is_found(steps, states, seed, block, cost):
    emission = np.log(np.random.default_rng(seed).random((steps, states)))
    transition = switches(states, cost)
    found = viterbi.decode((emission[i : i + block] for i in range(0, steps, block)), transition)

    def score(way):
        return emission[range(steps), way].sum() + sum(transition[a, b] for a, b in pairwise(way))

    assert score(found) >= max(map(score, np.ndindex(*[states] * steps))) - 1e-9


@settings(deadline=None, max_examples=50)
@given(steps=st.integers(1, 6), states=st.integers(2, 3), seed=st.integers(0, 2**32 - 1), cost=st.floats(0, 5), block=st.integers(1, 7))
def test_a_margin_is_what_another_state_at_a_step_would_cost(steps, states, seed, cost, block):
    emission = np.log(np.random.default_rng(seed).random((steps, states)))
    scores = np.array([[[-np.inf] * states] * steps])
    for way in np.ndindex(*[states] * steps):
        score = emission[range(steps), way].sum() - cost * np.count_nonzero(np.diff(way))
        scores = np.maximum(scores, np.where(np.eye(states, dtype=bool)[list(way)], score, -np.inf))
    best = np.sort(scores[0], axis=1)
    with mock.patch.object(viterbi, "BLOCK", block):
        found = viterbi.margins(emission, -cost)
    np.testing.assert_allclose(found, best[:, -1] - best[:, -2], atol=1e-9)
