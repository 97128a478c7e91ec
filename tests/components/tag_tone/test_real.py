"""Real speech of speakers and a language that the bundled models have not heard; only where the collection is."""

import csv
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly
from sounds import write_artifacts

from components.shared.clip_voices import clip_voices
from components.shared.rows import Clip
from components.shared.table import read_rows
from components.shared.tone.classifier import load_classifier
from components.tag_tone.tag_tone import MeasuredClip, measure_clips, tones
from tests.places import DATA, ROOT

SPEAKERS = ("ko_nea", "ko_nek", "ko_nem")

pytestmark = pytest.mark.skipif(not (DATA / "manifest.csv").exists(), reason="no collection of real speech: SPEECHMILL_DATA")


@dataclass(frozen=True)
class Shard:
    """Clips of several speakers as the stage hears them."""

    heard: list[MeasuredClip]
    voices: np.ndarray
    meant: np.ndarray

    def named(self, model: str, clusters: int = 0, compared: bool = True) -> np.ndarray:
        """Their tones."""
        classifier = load_classifier(ROOT / "bundled" / "models" / model) if model else None
        return np.array([row.tone for row in tones(self.heard, self.voices, classifier, clusters, compared)])


@pytest.fixture(scope="module")
def korean(tmp_path_factory: pytest.TempPathFactory) -> Shard:
    """One recording a speaker."""
    with (DATA / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["speaker"] in SPEAKERS and r["corpus"] == "emotiontts_ko_emotional"]
    if not rows:
        pytest.skip("the collection has none of these speakers")
    sounds = {s: [resample_poly(soundfile.read(DATA / r["path"])[0], 441, 160) for r in rows if r["speaker"] == s] for s in SPEAKERS}
    voices_of = {s: [i] * len(sounds[s]) for i, s in enumerate(SPEAKERS)}
    folders = write_artifacts(tmp_path_factory.mktemp("korean"), sounds, voices_of)
    clips = read_rows(folders["clips"], Clip)
    meant = np.array([r["label"] for s in SPEAKERS for r in rows if r["speaker"] == s])
    found = clip_voices(folders["turns"], clips).labels
    return Shard(list(measure_clips(folders["clean"] / "audio", clips, lambda _: None)), found, meant)


def test_four_tones_are_told_in_another_language_where_clips_are_compared_within_their_voice(korean: Shard) -> None:
    compared, alone = korean.named("tone-4"), korean.named("tone-4", compared=False)
    assert np.mean(compared == korean.meant) >= 0.6
    assert np.mean(compared == korean.meant) >= np.mean(alone == korean.meant) + 0.1


def test_anger_is_told_from_calm_in_another_language(korean: Shard) -> None:
    found, calm = korean.named("tone-2"), np.isin(korean.meant, ["neutral", "sad"])
    assert np.mean([np.mean(found[korean.meant == "angry"] == "angry"), np.mean(found[calm] == "calm")]) >= 0.75


def test_the_more_aroused_cluster_holds_the_anger_and_the_joy(korean: Shard) -> None:
    aroused, lively = korean.named("", clusters=2) == "tone-2", np.isin(korean.meant, ["angry", "happy"])
    assert np.mean(aroused[lively]) >= np.mean(aroused[~lively]) + 0.4


def test_pitch_is_that_of_the_speakers(korean: Shard) -> None:
    middle = {s: np.median([h.prosody.f0_mean_hz for h in korean.heard if h.clip.recording == s]) for s in SPEAKERS}
    assert 170 < middle["ko_nea"] < 320
    assert 85 < middle["ko_nem"] < 200
