"""What the model that lies in the repository does to speech with music under it."""

import json

import numpy as np
import pytest

from components.separate.network import Network, load_network
from components.separate.separate import Options, results
from components.shared.audio import Samples, decode
from tests.components.separate.models import in_blocks
from tests.places import DATA, ROOT, SAMPLE
from tests.sample.synth import tune

MODEL = ROOT / "bundled" / "models" / "speech-2stems-small"
SPEECH, MUSIC = (sorted((DATA / folder).rglob("*.*")) for folder in ("librispeech/test-other", "music"))


@pytest.fixture(scope="module")
def small() -> Network:
    return load_network(MODEL)


def level(sound: Samples, rms: float = 0.1) -> Samples:
    return (sound * (rms / np.sqrt(np.mean(np.square(sound))))).astype(np.float32)


def si_sdr(estimate: Samples, reference: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al., 2019)."""
    target = reference * (np.sum(estimate * reference) / np.sum(np.square(reference)))
    return float(10 * np.log10(np.sum(np.square(target)) / np.sum(np.square(estimate - target))))


def gain_db(speech: Samples, music: Samples, network: Network) -> float:
    """By how much speech of a mix comes nearer to what it was."""
    mix = (speech + music).astype(np.float32)
    found = results(in_blocks(np.stack([mix, mix], axis=1)), network, Options(), keep_other=False)
    return si_sdr(np.concatenate([tracks[0, :, 0] for tracks in found]), speech) - si_sdr(mix, speech)


def bundled_speech() -> Samples:
    """The utterances of the bundled sample that nothing lies under."""
    utterances = []
    for episode in ("episode-1", "episode-2"):
        sound = np.concatenate(list(decode(SAMPLE / f"{episode}.opus", 44_100)))[:, 0]
        truth = json.loads((ROOT / "tests" / "sample" / "truth" / f"{episode}.json").read_text())
        others = [(s["start"], s["end"]) for kind in ("music", "effects", "noise") for s in truth[kind]]
        spans = [(u["start"], u["end"]) for u in truth["utterances"]]
        alone = [(a, b) for a, b in spans if all(end < a or start > b for start, end in others)]
        utterances += [sound[round(a * 44_100) : round(b * 44_100)] for a, b in alone]
    return level(np.concatenate(utterances))


@pytest.mark.parametrize("under_db", [0, 5])
def test_speech_of_the_bundled_sample_comes_out_of_made_music(small: Network, under_db: float) -> None:
    speech = bundled_speech()
    assert len(speech) > 5 * 44_100
    music = tune(
        len(speech) / 44_100 + 1, 48, 96, [(0, "major"), (9, "minor"), (5, "major"), (7, "seventh")], True, np.random.default_rng(1)
    )
    assert gain_db(speech, level(music[: len(speech)], 0.1 * 10 ** (-under_db / 20)), small) > 1


@pytest.mark.skipif(not SPEECH or not MUSIC, reason=f"no recordings at {DATA}")
def test_real_speech_comes_out_of_real_music(small: Network) -> None:
    gains = []
    for spoken, played in zip(SPEECH[:40:10], MUSIC[1::5], strict=False):
        speech, music = (level(np.concatenate(list(decode(path, 44_100)))[:, 0]) for path in (spoken, played))
        gains.append(gain_db(speech, np.resize(music, len(speech)) * 10 ** (-5 / 20), small))
    assert np.median(gains) > 0.5
