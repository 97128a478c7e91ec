"""The stage as a whole, on sounds that are known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import Sound, buzz, glide, spoken, write_artifacts

from components.shared.rows import Clip, Tone
from components.shared.table import read_rows
from components.shared.task import StageError
from components.tag_tone.__main__ import main
from tests.places import ROOT

MODELS = ROOT / "bundled" / "models"


def calm(seed: int, hz: float = 170) -> Sound:
    rng = np.random.default_rng(seed)
    words = [
        buzz(glide(hz * 2 ** (rng.uniform(-1, 1) / 12), rng.uniform(-4, 0), 0.4), 0.4, 0.03 * rng.uniform(0.9, 1.1), 2.0) for _ in range(2)
    ]
    return spoken(words)


def excited(seed: int, hz: float = 170) -> Sound:
    rng = np.random.default_rng(seed)
    words = [buzz(glide(1.6 * hz * 2 ** (rng.uniform(-2, 2) / 12), rng.uniform(-20, 20), 0.4), 0.4, 0.2, 0.8) for _ in range(2)]
    return spoken(words)


def tagged(root: Path, folders: dict[str, Path], model: str = "none", **settings: Any) -> tuple[list[Tone], dict[str, Any]]:
    out = root / "tones"
    out.mkdir()
    given = {"enabled": True, "clusters": 0, "voice_normalization": True} | settings
    facts = main(folders["clean"], folders["clips"], folders["turns"], root / "nothing", MODELS / model, out, **given)
    return read_rows(out, Tone), dict(facts)


@pytest.mark.parametrize("model", ["none", "tone-4", "tone-2"])
def test_every_clip_has_one_row_in_order_and_the_facts_count_them(tmp_path: Path, model: str) -> None:
    folders = write_artifacts(tmp_path, {"a": [calm(1), excited(2), calm(3)], "b": [excited(4), calm(5)]})
    rows, facts = tagged(tmp_path, folders, model)
    clips = read_rows(folders["clips"], Clip)
    assert [r.clip for r in rows] == [c.clip for c in clips]
    assert facts["clips"] == 5
    assert sum(v for k, v in facts.items() if k.startswith("clips_") and k != "clips_without_voice") == 5
    assert sum(v for k, v in facts.items() if k.startswith("seconds_")) == pytest.approx(sum(c.end - c.start for c in clips))
    assert all(len(r.features) == 180 * 4 for r in rows)
    if model == "none":
        assert {r.tone_by for r in rows} == {"clusters-bic"} and all(r.tone_probability is None for r in rows)
    else:
        assert all(r.tone_by.startswith(f"{model}/") and r.tone_probability and 0 < r.tone_probability <= 1 for r in rows)


def test_the_same_inputs_give_the_same_rows(tmp_path: Path) -> None:
    folders = write_artifacts(tmp_path, {"a": [calm(i) for i in range(6)] + [excited(i) for i in range(6)]})
    first = tagged(tmp_path, folders)[0]
    (tmp_path / "again").mkdir()
    assert tagged(tmp_path / "again", folders)[0] == first


def test_clusters_are_named_from_calm_to_aroused_in_each_voice(tmp_path: Path) -> None:
    sounds = {
        "low": [calm(i, 110) for i in range(7)] + [excited(i, 110) for i in range(7)],
        "high": [excited(i, 220) for i in range(7)] + [calm(i, 220) for i in range(7)],
    }
    folders = write_artifacts(tmp_path, sounds, voices={"low": [3] * 14, "high": [7] * 14})
    rows, facts = tagged(tmp_path, folders, clusters=2)
    assert facts["voices"] == 2
    assert [r.tone for r in rows] == ["tone-1"] * 7 + ["tone-2"] * 14 + ["tone-1"] * 7
    arousal = np.array([r.arousal for r in rows], float)
    assert arousal[:7].max() < arousal[7:14].min() and arousal[21:].max() < arousal[14:21].min()
    assert arousal[:14].mean() == pytest.approx(0, abs=1e-6)
    assert {r.tone_by for r in rows} == {"clusters"}


def test_how_many_clusters_there_are_is_found(tmp_path: Path) -> None:
    both = [calm(i) for i in range(10)] + [excited(i) for i in range(10)]
    folders = write_artifacts(tmp_path / "both", {"a": both}, voices={"a": [0] * 20})
    names = [r.tone for r in tagged(tmp_path / "both", folders)[0]]
    assert set(names[:10]).isdisjoint(names[10:])
    assert "tone-1" in names[:10]


def test_a_voice_of_fewer_clips_than_clusters_is_one(tmp_path: Path) -> None:
    folders = write_artifacts(tmp_path, {"a": [calm(1), excited(2)], "b": [excited(3)]}, voices={"a": [0, 0], "b": [1]})
    rows, _ = tagged(tmp_path, folders, clusters=4)
    assert [r.tone for r in rows] == ["tone-1"] * 3
    assert rows[2].arousal == pytest.approx(0)


@pytest.mark.parametrize("model", ["none", "tone-4"])
def test_silence_and_noise_have_a_row_without_tone(tmp_path: Path, model: str) -> None:
    noise = 0.05 * np.random.default_rng(0).standard_normal(44_100)
    folders = write_artifacts(tmp_path, {"a": [np.zeros(44_100), noise, calm(1)]})
    silent, noisy, voiced = tagged(tmp_path, folders, model)[0]
    assert (silent.tone, silent.energy_db, silent.f0_mean_hz, silent.arousal, silent.tone_probability) == ("", None, None, None, None)
    assert silent.features == b"" and silent.voiced_rate == 0
    assert noisy.tone == "" and noisy.f0_mean_hz is None and noisy.energy_db is not None
    assert voiced.tone


def test_switched_off_it_writes_no_rows_and_reads_no_model(tmp_path: Path) -> None:
    folders = write_artifacts(tmp_path, {"a": [calm(1)]})
    rows, facts = tagged(tmp_path, folders, "not-there", enabled=False)
    assert rows == [] and facts == {"clips": 0}


def test_a_shard_without_clips_has_no_tones(tmp_path: Path) -> None:
    folders = write_artifacts(tmp_path, {})
    for model in ("none", "tone-4"):
        (tmp_path / model).mkdir()
        assert tagged(tmp_path / model, folders, model)[0] == []


@pytest.mark.parametrize("settings", [{"clusters": -1}, {"clusters": 11}])
def test_settings_out_of_range_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    folders = write_artifacts(tmp_path, {"a": [calm(1)]})
    with pytest.raises(StageError, match=f"tag_tone_{next(iter(settings))}"):
        tagged(tmp_path, folders, **settings)


def test_compared_with_its_voice_the_aroused_half_is_told_from_the_calm_one(tmp_path: Path) -> None:
    sounds = [calm(i) for i in range(5)] + [excited(i) for i in range(5)]
    folders = write_artifacts(tmp_path, {"a": sounds}, voices={"a": [0] * 10})
    names = [r.tone for r in tagged(tmp_path, folders, "tone-2")[0]]
    assert names == ["calm"] * 5 + ["angry"] * 5
