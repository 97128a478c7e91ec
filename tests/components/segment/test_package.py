"""The same labels as the package's own Segmenter gives for a whole file, with its real networks."""

import csv
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from components.segment import viterbi
from components.segment.__main__ import signal_of
from components.segment.networks import FOLDER, load_segmenter
from components.segment.segment import analyze
from components.shared.audio import FlacWriter, decode, ffmpeg
from components.shared.rows import SAMPLE_RATE_HZ
from tests.places import DATA, ROOT

RADIO = ROOT.parent / "shared" / "tools" / "radio.py"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="no real recordings: set SPEECHMILL_DATA to their folder")


@pytest.fixture(scope="module")
def smn():
    return load_segmenter("smn", detect_gender=True)


@pytest.fixture(scope="module")
def sm():
    return load_segmenter("sm", detect_gender=True)


@pytest.fixture(scope="module")
def package(smn):
    """The package's own Segmenter, with the networks that are installed."""
    from inaSpeechSegmenter import segmenter

    original, segmenter.get_remote = segmenter.get_remote, lambda name: str(FOLDER / name)
    try:
        return segmenter.Segmenter("smn", ffmpeg=ffmpeg())
    finally:
        segmenter.get_remote = original


class Remembering:
    """Stands in for one of the package's networks: patches that ours was asked for are not computed again.

    A patch is the same one only if all its bytes are.
    """

    def __init__(self, network):
        self.network, self.known, self.asked, self.new = network, {}, 0, 0

    def listen(self, ours):
        """A network of ours that lets this one hear its answers."""

        def predict(patches):
            found = ours.predict(patches)
            self.known |= {self.key(p): f for p, f in zip(patches, found, strict=True)}
            return found

        return replace(ours, predict=predict)

    @staticmethod
    def key(patch):
        return hashlib.md5(np.ascontiguousarray(patch, np.float32)).digest()

    def predict(self, batch, batch_size, verbose):
        keys = [self.key(patch[:, :, 0]) for patch in batch]
        new = [i for i, k in enumerate(keys) if k not in self.known]
        self.asked, self.new = self.asked + len(keys), self.new + len(new)
        if new:
            self.known |= zip((keys[i] for i in new), self.network.predict(batch[new], batch_size=batch_size, verbose=0), strict=True)
        return np.array([self.known[k] for k in keys])


def to_flac(source, target):
    with FlacWriter(target) as file:
        for block in decode(source, SAMPLE_RATE_HZ):
            file.write(block)
    return target


def labels(stretches):
    """The name of each 20 ms."""
    return [name for name, start, stop in stretches for _ in range(round(start), round(stop))]


def expected(name):
    with (DATA / "ina_media" / name).open() as file:
        return labels([(r["labels"], float(r["start"]) * 50, float(r["stop"]) * 50) for r in csv.DictReader(file, delimiter="\t")])


def agreement(found, wanted):
    assert len(found) == len(wanted)
    return sum(a == b for a, b in zip(found, wanted, strict=True)) / len(wanted)


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
def test_the_package_s_expected_labels(engine, media, answer, request):
    found = analyze(partial(signal_of, DATA / "ina_media" / media), request.getfixturevalue(engine), window_patches=350)
    assert agreement(labels(found), expected(answer)) >= 0.995


@needs_data
def test_labels_are_the_same_from_a_recording_as_download_writes_it(tmp_path, smn):
    path = to_flac(DATA / "ina_media" / "musanmix.mp3", tmp_path / "a.flac")
    found = labels(analyze(partial(signal_of, path), smn, window_patches=1000))
    assert agreement(found[: len(expected("musanmix-smn-gender.csv"))], expected("musanmix-smn-gender.csv")) >= 0.995


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.65, 0.68, 0.7, 0.705, 0.715, 0.72, 1.0, 1.01])
def test_short_recordings_as_the_package(tmp_path, smn, package, seconds):
    rng = np.random.default_rng(7)
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * SAMPLE_RATE_HZ)), SAMPLE_RATE_HZ, "PCM_16")
    found = analyze(partial(signal_of, path), smn)
    assert labels(found) == labels([(n, a * 50, b * 50) for n, a, b in package(str(path))])


@pytest.mark.parametrize("seconds, count", [(0.001, 1), (0.01, 1), (0.03, 1), (0.69, 34)])
def test_recordings_of_a_length_at_which_the_package_fails(tmp_path, smn, seconds, count):
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.1 * np.random.default_rng(7).standard_normal(round(seconds * SAMPLE_RATE_HZ)), SAMPLE_RATE_HZ, "PCM_16")
    assert len(labels(analyze(partial(signal_of, path), smn))) == count


@settings(deadline=None, max_examples=50)
@given(steps=st.integers(1, 60), states=st.integers(2, 3), seed=st.integers(0, 2**32 - 1), block=st.integers(1, 70), cost=st.floats(0, 5))
def test_the_decoder_finds_what_the_package_s_finds(steps, states, seed, block, cost):
    from inaSpeechSegmenter.pyannote_viterbi import viterbi_decoding
    from inaSpeechSegmenter.viterbi_utils import diag_trans_exp

    chosen = np.random.default_rng(seed).choice([0, 1e-30, 0.1, 0.25, 0.5, 1], (steps, states)).astype(np.float32)  # with many ties
    with np.errstate(divide="ignore"):
        emission = np.log(chosen)
    transition = diag_trans_exp(cost, states)
    found = viterbi.decode((emission[i : i + block] for i in range(0, steps, block)), transition)
    assert found.tolist() == viterbi_decoding(emission.copy(), transition).tolist()


@pytest.mark.skipif(not (DATA.exists() and RADIO.exists()), reason="no radio.py or recordings to mix a show from")
@pytest.mark.parametrize("minutes", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_a_radio_show(tmp_path, smn, package, monkeypatch, minutes):
    """As the package's Segmenter on the whole show, with one run of the networks."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ffmpeg").symlink_to(ffmpeg())  # radio.py asks for it by name
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    options = ["--data", str(DATA), "--out", str(tmp_path / "show"), "--minutes", str(minutes), "--episodes", "1"]
    subprocess.run([sys.executable, str(RADIO), *options], check=True, env=environment)
    path = to_flac(tmp_path / "show" / "episode-1.mp3", tmp_path / "a.flac")
    content, gender = Remembering(package.vad.nn), Remembering(package.gender.nn)
    monkeypatch.setattr(package.vad, "nn", content)
    monkeypatch.setattr(package.gender, "nn", gender)
    found = labels(analyze(partial(signal_of, path), replace(smn, content=content.listen(smn.content), gender=gender.listen(smn.gender))))
    wanted = labels([(n, a * 50, b * 50) for n, a, b in package(str(path))])
    assert agreement(found, wanted) >= 0.995
    assert set(found) >= {"male", "female", "music"}
