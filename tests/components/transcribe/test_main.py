"""The stage: rows of clips, limits, metrics, engines as users choose them."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from service import Answer, Request, refused, said, serving
from tiny import write_model

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.table import read_rows
from components.shared.task import StageError
from components.shared.transcript import Transcript
from components.transcribe.__main__ import main
from components.transcribe.azure import ENDPOINT, KEY
from tests.components.transcribe.defaults import DEFAULTS

Shard = Callable[[dict[str, np.ndarray], list[tuple[str, float, float]]], dict[str, Any]]


def run(folders: dict[str, Path], **changes: Any) -> tuple[dict[str, Any], list[Transcript]]:
    """Outcome and rows."""
    outcome = main(**folders, **dataclasses.asdict(DEFAULTS) | changes)
    return dict(outcome), read_rows(folders["transcripts"], Transcript)


def noise(seconds: float, channels: int = 1) -> np.ndarray:
    samples = np.random.default_rng(1).normal(0, 3000, (round(seconds * SAMPLE_RATE_HZ), channels))
    return samples.astype(np.int16).squeeze()


def test_none_writes_an_empty_table(shard: Shard) -> None:
    outcome, rows = run(shard({"a": noise(3)}, [("a", 0.5, 2.0)]))
    assert rows == [] and outcome["transcribed_clips"] == 0 and outcome["engine"] == "none"


def test_a_shard_without_clips_needs_neither_credentials_nor_model(shard: Shard) -> None:
    folders = shard({"a": np.zeros(0, np.int16)}, [])
    for engine in ("azure", "whisper", "pocketsphinx"):
        outcome, rows = run(folders, engine=engine)
        assert rows == [] and outcome["transcribed_clips"] == 0


def test_auto_is_refused_with_where_it_is_resolved(shard: Shard) -> None:
    with pytest.raises(StageError, match=r"found auto: the commands resolve it before they submit a run"):
        run(shard({}, []), engine="auto")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"engine": "google"}, "transcribe_engine"),
        ({"language": "korean!"}, "transcribe_language"),
        ({"engine": "pocketsphinx", "language": "ko"}, "transcribe_language"),
        ({"compute_type": "int7"}, "transcribe_compute_type"),
        ({"batch_clips": 0}, "transcribe_batch_clips"),
        ({"azure_max_minutes": -1.0}, "transcribe_azure_max_minutes"),
        ({"vad_threshold": float("nan")}, "transcribe_vad_threshold"),
    ],
)
def test_what_no_engine_can_take_is_refused_by_name(shard: Shard, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(StageError, match=f"parameter {named}: expected"):
        run(shard({"a": noise(3)}, [("a", 0.0, 1.0)]), **changes)


def test_azure_gets_the_samples_of_every_clip_and_rows_say_what_it_said(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    mono, stereo = noise(6), noise(4, 2)
    places = [("a", 0.5, 2.0), ("a", 2.5, 5.5), ("b", 1.0, 3.5)]

    def answer(request: Request, _: int) -> Answer:
        seconds = len(request.samples) / SAMPLE_RATE_HZ
        return said(
            {1.5: "\u1112\u1161\u11ab\u1100\u116e\u11a8 방송", 3.0: "오늘 날씨가 참 좋습니다", 2.5: ""}[round(seconds, 3)],
            milliseconds=1100,
            offset=400,
        )

    with serving(answer) as service:
        monkeypatch.setenv(KEY, "a-key")
        monkeypatch.setenv(ENDPOINT, service.endpoint)
        outcome, rows = run(shard({"a": mono, "b": stereo}, places), engine="azure", language="ko")
    sent = {len(r.samples): r.samples for r in service.requests}
    assert np.array_equal(sent[round(1.5 * SAMPLE_RATE_HZ)], mono[round(0.5 * SAMPLE_RATE_HZ) : 2 * SAMPLE_RATE_HZ])
    middle = stereo[SAMPLE_RATE_HZ : round(3.5 * SAMPLE_RATE_HZ)].mean(axis=1)
    assert np.max(np.abs(sent[round(2.5 * SAMPLE_RATE_HZ)] - middle)) <= 0.5
    first, second, third = rows
    assert [r.clip for r in rows] == ["a-00000500", "a-00002500", "b-00001000"]
    assert first.text == "한국 방송" and first.words == ["한국", "방송"]  # in Unicode's NFC
    assert first.language == "ko-kr" and first.text_by == "azure/2025-10-15" and first.text_flags == ""
    assert first.characters_per_second == pytest.approx(4 / 1.5) and first.confidence == pytest.approx(np.log(0.9))
    assert np.frombuffer(first.word_times, "<f4").reshape(-1, 2) == pytest.approx(np.array([[0.4, 0.75], [0.75, 1.1]]))
    assert second.text == "오늘 날씨가 참 좋습니다"
    assert third.text == "" and third.text_flags == "no_speech,character_rate" and third.confidence is None
    assert outcome["transcribed_clips"] == 3 and outcome["flagged_clips"] == 1 and outcome["characters"] == 14
    assert outcome["azure_minutes"] == pytest.approx(7 / 60) and outcome["transcribed_seconds"] == pytest.approx(7)


def test_beyond_the_limit_nothing_is_sent_and_the_rows_say_so(shard: Shard, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with serving(lambda *_: said("오늘 날씨가 좋습니다", milliseconds=650, offset=350)) as service:
        monkeypatch.setenv(KEY, "a-key")
        monkeypatch.setenv(ENDPOINT, service.endpoint)
        clips = [("a", float(i), i + 1.0) for i in range(6)]
        outcome, rows = run(shard({"a": noise(6)}, clips), engine="azure", azure_max_minutes=3 / 60)
    assert len(service.requests) == 3
    assert [r.text_flags for r in rows] == ["", "", ""] + ["not_transcribed"] * 3
    assert [r.characters_per_second is None for r in rows] == [False] * 3 + [True] * 3
    assert outcome["azure_minutes"] == pytest.approx(3 / 60) and outcome["not_transcribed_clips"] == 3 and outcome["transcribed_clips"] == 3
    assert "3 clips of 0.1 min were not sent: azure_max_minutes 0.05" in capsys.readouterr().out


def test_a_clip_that_the_service_refuses_is_a_row_and_stops_no_other(shard: Shard, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def answer(request: Request, _: int) -> Answer:
        if len(request.samples) == SAMPLE_RATE_HZ:
            return refused(422, "UnprocessableEntity", "The audio cannot be read. Key: a-key")
        return said("오늘 날씨가 좋습니다", milliseconds=650, offset=350)

    with serving(answer) as service:
        monkeypatch.setenv(KEY, "a-key")
        monkeypatch.setenv(ENDPOINT, service.endpoint)
        outcome, rows = run(shard({"a": noise(6)}, [("a", 0.0, 1.0), ("a", 1.0, 3.0), ("a", 3.0, 5.5)]), engine="azure")
    assert [r.text_flags for r in rows] == ["not_transcribed", "", ""] and rows[0].text == ""
    assert outcome["not_transcribed_clips"] == 1
    told = capsys.readouterr().out
    assert (
        "clip a-00000000 has no transcript of azure/2025-10-15: Azure Speech rejected it: 422" in told
        and "The audio cannot be read" in told
    )
    assert "a-key" not in told and "a-key" not in str(outcome) and "a-key" not in str(rows)


def test_a_second_engine_s_text_stands_beside_the_first_and_both_are_compared(
    shard: Shard, whisper: Path, spoken: dict[str, tuple[np.ndarray, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = np.concatenate([pcm for pcm, _ in spoken.values()])
    folders = shard({"a": sound}, [("a", 0.0, 3.0), ("a", 4.0, 7.0)])
    shutil.copytree(whisper, folders["second_model"], dirs_exist_ok=True)
    with serving(lambda *_: said("A quick, brown FOX")) as service:
        monkeypatch.setenv(KEY, "a-key")
        monkeypatch.setenv(ENDPOINT, service.endpoint)
        outcome, rows = run(folders, engine="azure", second="whisper", language="en-US", beam_size=1, fallback=False, vad_filter=False)
    assert [(r.text, r.text_by) for r in rows] == [("A quick, brown FOX", "azure/2025-10-15")] * 2
    assert all(r.text_second and r.text_second_by.startswith("whisper/random/") for r in rows)
    assert all(0 <= (r.text_agreement or 0) < 1 for r in rows) and outcome["median_text_agreement"] >= 0


def test_where_one_engine_does_not_answer_nothing_is_compared(shard: Shard, whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = shard({"a": noise(3)}, [("a", 0.0, 1.0), ("a", 1.0, 3.0)])
    shutil.copytree(whisper, folders["second_model"], dirs_exist_ok=True)
    with serving(lambda r, _: refused(422, "x", "y") if len(r.samples) == SAMPLE_RATE_HZ else said("")) as service:
        monkeypatch.setenv(KEY, "a-key")
        monkeypatch.setenv(ENDPOINT, service.endpoint)
        _, (refused_one, silent) = run(folders, engine="azure", second="whisper", language="ko", vad_filter=True, vad_threshold=0.99)
    assert refused_one.text_agreement is None and "not_transcribed" in refused_one.text_flags
    assert silent.text_agreement == 1.0 and "no_speech" in silent.text_flags, "both hear nothing"


def test_two_models_of_one_engine_are_compared_but_not_a_model_with_itself(
    shard: Shard, whisper: Path, spoken: dict[str, tuple[np.ndarray, str]], tmp_path: Path
) -> None:
    folders = shard({"a": next(iter(spoken.values()))[0]}, [("a", 0.0, 3.0)])
    shutil.copytree(whisper, folders["model"], dirs_exist_ok=True)
    shutil.copytree(write_model(tmp_path / "other", seed=2), folders["second_model"], dirs_exist_ok=True)
    (row,) = run(folders, engine="whisper", second="whisper", language="en", beam_size=1, fallback=False)[1]
    assert row.text_by != row.text_second_by and row.text_agreement is not None
    shutil.copytree(whisper, folders["second_model"], dirs_exist_ok=True)
    with pytest.raises(StageError, match=r"transcribe_second_model: expected another model .*found whisper/random/\w+ twice"):
        run(folders, engine="whisper", second="whisper", language="en", beam_size=1, fallback=False)


@pytest.mark.parametrize(
    ("changes", "named"), [({"engine": "azure", "second": "azure"}, "twice"), ({"second": "vosk"}, "without a transcribe_engine")]
)
def test_two_engines_are_two_different_ones(shard: Shard, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(StageError, match=f"parameter transcribe_second: .*{named}"):
        run(shard({"a": noise(3)}, [("a", 0.0, 1.0)]), **changes)


def test_whisper_gives_every_clip_a_row(shard: Shard, whisper: Path, spoken: dict[str, tuple[np.ndarray, str]]) -> None:
    sound = np.concatenate([pcm for pcm, _ in spoken.values()])
    seconds = len(sound) / SAMPLE_RATE_HZ
    places = [("a", float(i), i + 3.0) for i in range(0, int(seconds) - 3, 4)]
    folders = shard({"a": sound, "failed": np.zeros(0, np.int16)}, places)
    shutil.copytree(whisper, folders["model"], dirs_exist_ok=True)
    outcome, rows = run(folders, engine="whisper", language="ko", batch_clips=2, beam_size=1, fallback=False)
    assert [r.clip for r in rows] == [f"a-{1000 * i:08d}" for i in range(0, int(seconds) - 3, 4)]
    assert all(r.text_by.startswith("whisper/random/") and r.language == "ko" for r in rows)
    assert any(r.text for r in rows) and outcome["transcribed_clips"] == len(rows)
    again, same = run(folders, engine="whisper", language="ko", batch_clips=2, beam_size=1, fallback=False)
    assert same == rows and again == outcome
