"""Speakers, tones, quality and transcripts of the bundled sample, measured by the real stages, and selection by them."""

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from components.deployment import ROOT
from components.shared.rows import DatasetRow
from tests.end_to_end.runs import Dataset, host_of_the_sample, law_of_seconds, speechmill, stages_that_ran

AGAIN = "--discover-again"


def audio(dataset: Dataset) -> list[tuple[Path, int]]:
    """The files of a dataset's clips and their modification times."""
    return sorted((p, p.stat().st_mtime_ns) for p in dataset.folder.glob("datasets/*/audio/*/*"))


def select(dataset: Dataset, *rules: object) -> subprocess.CompletedProcess[str]:
    return speechmill("dataset", "select", dataset.name, "--store", dataset.folder, *rules)


def test_every_clip_has_the_measurements_of_all_stages(sample: Dataset) -> None:
    rows = sample.rows(1)
    assert all(r.speaker and r.vector and r.purity is not None and -1 <= r.purity <= 1 for r in rows)
    assert all(r.similarity is None and r.reference == "" for r in rows), "the run had no reference"
    assert {r.tone for r in rows} <= {"neutral", "happy", "angry", "sad"}
    assert all(r.tone_probability and r.tone_by.startswith("tone-4/") for r in rows)
    assert all(r.dnsmos_ovrl and 1 <= r.dnsmos_ovrl <= 5 and r.bandwidth_hz and r.loudness_lufs and r.quality_by for r in rows)
    assert {(r.text, r.confidence, r.text_by) for r in rows} == {("", None, "")}, "the run had no transcription engine"


def voice_of(row: DatasetRow) -> str:
    """The speaker of a clip by the ground truth: the one with the most seconds in it."""
    name = Path(row.source.removeprefix("sample:")).stem
    heard: Counter[str] = Counter()
    for said in json.loads((ROOT / "tests" / "sample" / "truth" / f"{name}.json").read_text())["utterances"]:
        heard[said["speaker"]] += max(0.0, min(row.end, said["end"]) - max(row.start, said["start"]))  # type: ignore[assignment]
    assert heard.most_common(1)[0][1] >= 0.9 * heard.total(), f"{row.clip} holds two voices: {heard}"
    return heard.most_common(1)[0][0]


def test_a_clip_has_one_voice_and_a_speaker_is_one_voice(sample: Dataset) -> None:
    voices: dict[str, set[str]] = {}
    for row in sample.rows(1):
        voices.setdefault(row.speaker, set()).add(voice_of(row))
    assert sorted(map(sorted, voices.values())) == [["Daniel"], ["Grace"], ["Junho"], ["Yuna"]], (
        "one speaker per voice across both episodes"
    )


def test_other_rules_select_again_without_measuring_again(sample: Dataset) -> None:
    sample.run(AGAIN)  # other tests may have run it with other settings
    before, number, rows = audio(sample), sample.versions(), sample.rows()
    limit = sorted(r.dnsmos_ovrl or 0 for r in rows if r.kept)[len(rows) // 4]
    done = sample.run("--publish-min-dnsmos", limit, "--publish-speakers", "dominant")
    assert stages_that_ran(done) == ["discover", "publish", "report"] and sample.versions() == number + 1
    assert audio(sample) == before
    assert {"speaker", "dnsmos"} <= {r.reason for r in sample.rows()}
    assert len({r.speaker for r in sample.rows() if r.kept}) == 1
    assert all(r.dnsmos_ovrl and r.dnsmos_ovrl >= limit for r in sample.rows() if r.kept)
    law_of_seconds(sample.ledger())
    again = sample.run(AGAIN, "--publish-speakers", "dominant", "--publish-min-dnsmos", limit)
    assert stages_that_ran(again) == ["collect", "discover", "publish", "report"] and sample.versions() == number + 1


@pytest.mark.slow
def test_transcripts_are_made_on_request_and_rerun_no_other_stage(sample: Dataset) -> None:
    done = sample.run(AGAIN, "--transcribe-engine", "auto", "--transcribe-language", "en")
    assert "pocketsphinx" in done.stdout.split("discover")[0], "the engine is printed before the run"
    assert stages_that_ran(done) == ["collect", "discover", "publish", "report", "transcribe"]
    rows = sample.rows()
    assert all(r.text_by.startswith("pocketsphinx/") and r.language == "en-us" for r in rows)
    assert sum(bool(r.text) for r in rows) >= 0.8 * len(rows)
    assert all(len(r.word_times) == 2 * 4 * len(r.words) for r in rows)


def test_a_rule_without_its_measurement_names_the_stage_to_switch_on(sample: Dataset) -> None:
    done = sample.run(AGAIN, "--no-tag-quality-enabled")
    assert stages_that_ran(done) == ["collect", "discover", "publish", "report", "tag_quality"]
    assert {r.dnsmos_ovrl for r in sample.rows()} == {None}
    number = sample.versions()
    refused = select(sample, "--publish-min-dnsmos", 3)
    assert refused.returncode == 1 and sample.versions() == number
    assert "tag_quality" in refused.stderr.splitlines()[-1] and "dnsmos" in refused.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_reference_keeps_only_clips_of_its_voice(sample: Dataset, tmp_path: Path) -> None:
    added = speechmill("references", "add", "host", *host_of_the_sample(tmp_path), "--store", sample.folder)
    assert added.returncode == 0, added.stdout + added.stderr
    done = sample.run(AGAIN, "--reference", "host")
    assert "voices are compared with the reference host " in done.stdout
    assert not {"download", "separate", "segment", "denoise"} & set(stages_that_ran(done))
    rows = sample.rows()
    assert all(r.similarity is not None and r.reference.startswith("host/") for r in rows)
    assert {voice_of(r) for r in rows if r.kept} == {"Yuna"}
    assert {r.reason for r in rows if voice_of(r) != "Yuna"} <= {"similarity", "too_short"}
    assert sum(r.kept for r in rows) >= 0.7 * sum(voice_of(r) == "Yuna" for r in rows)
    assert "voices are compared with the reference host/" in speechmill("dataset", "show", "sample", "--store", sample.folder).stdout
    assert select(sample, "--publish-min-similarity", -1).returncode == 0
    assert {voice_of(r) for r in sample.rows() if r.kept} == {"Daniel", "Grace", "Junho", "Yuna"}
    law_of_seconds(sample.ledger())


def test_an_unknown_or_unused_reference_or_model_is_an_error_before_the_run(sample: Dataset) -> None:
    for options, said in (
        (("--reference", "nobody"), "speechmill references add nobody"),
        (("--reference", "nobody", "--no-diarize-enabled"), "diarize_enabled"),
        (("--transcribe-engine", "whisper"), "speechmill models fetch"),
        (("--transcribe-model", "none/0123456789ab", "--transcribe-engine", "azure"), "transcribe_model"),
    ):
        done = speechmill("run", "--store", sample.folder, *options)
        assert done.returncode == 1 and done.stdout == "", done.stdout
        assert said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
