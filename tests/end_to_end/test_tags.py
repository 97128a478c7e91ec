"""Who speaks, how, and what is said, measured in the bundled sample and selected by: through the real stages, as a person asks for it."""

import json
import statistics
import subprocess
import time
from collections import Counter
from pathlib import Path

from components.shared.rows import DatasetRow
from pipelines.environments import ROOT
from tests.end_to_end.runs import Dataset, host_of_the_sample, law_of_seconds, speechmill, stages_that_ran

AGAIN = ("--discover-shard-seconds", 3600, "--discover-again")
SECONDS_OF_A_SELECTION = 60
"""Far more than it takes (a few seconds), and far less than any stage that hears audio."""


def audio(dataset: Dataset) -> list[tuple[Path, int]]:
    """The files of a dataset's clips, and when they were written."""
    return sorted((p, p.stat().st_mtime_ns) for p in dataset.folder.glob("datasets/*/audio/*/*"))


def select(dataset: Dataset, *rules: object) -> subprocess.CompletedProcess[str]:
    return speechmill("dataset", "select", dataset.name, "--store", dataset.folder, *rules)


def test_every_clip_has_what_the_stages_measure(sample: Dataset) -> None:
    rows = sample.rows(1)
    assert all(r.speaker and r.vector and r.purity is not None and -1 <= r.purity <= 1 for r in rows)
    assert all(r.similarity is None and r.reference == "" for r in rows), "nobody gave a reference"
    assert {r.tone for r in rows} <= {"neutral", "happy", "angry", "sad"}
    assert all(r.tone_probability and r.tone_by.startswith("tone-4/") for r in rows)
    assert all(r.dnsmos_ovrl and 1 <= r.dnsmos_ovrl <= 5 and r.bandwidth_hz and r.loudness_lufs and r.quality_by for r in rows)
    assert {(r.text, r.confidence, r.text_by) for r in rows} == {("", None, "")}, "nobody asked for transcripts"


def truth_of(row: DatasetRow) -> Counter[str]:
    """Seconds by who speaks in a clip in truth, with the gender: F Yuna."""
    name = Path(row.source.removeprefix("sample:")).stem
    heard: Counter[str] = Counter()
    for said in json.loads((ROOT / "tests" / "sample" / "truth" / f"{name}.json").read_text())["utterances"]:
        heard[f"{said['gender']} {said['speaker']}"] += max(0.0, min(row.end, said["end"]) - max(row.start, said["start"]))  # type: ignore[assignment]
    return heard


def test_a_speaker_is_a_voice_of_the_sample(sample: Dataset) -> None:
    """Its voices are synthesized, some alike: what is asked is that no speaker is of both genders, and nearly every clip of one voice."""
    rows = sample.rows(1)
    speakers: dict[str, Counter[str]] = {}
    for row in rows:
        for voice, seconds in truth_of(row).items():
            speakers.setdefault(row.speaker, Counter())[voice[0]] += seconds  # type: ignore[assignment]
    assert len(speakers) > 1
    assert sum(max(c.values()) for c in speakers.values()) >= 0.9 * sum(c.total() for c in speakers.values()), speakers
    assert sum(truth_of(r).most_common(1)[0][1] for r in rows) >= 0.9 * sum(truth_of(r).total() for r in rows)


def test_other_rules_select_again_in_seconds_from_what_was_measured(sample: Dataset) -> None:
    before, number, rows = audio(sample), sample.versions(), sample.rows()
    limit = sorted(r.dnsmos_ovrl or 0 for r in rows if r.kept)[len(rows) // 4]
    start = time.monotonic()
    done = sample.run("--discover-shard-seconds", 3600, "--publish-min-dnsmos", limit, "--publish-speakers", "dominant")
    assert time.monotonic() - start < SECONDS_OF_A_SELECTION
    assert stages_that_ran(done) == ["discover", "publish"] and sample.versions() == number + 1
    assert audio(sample) == before
    assert {"speaker", "dnsmos"} <= {r.reason for r in sample.rows()}
    assert len({r.speaker for r in sample.rows() if r.kept}) == 1
    assert all(r.dnsmos_ovrl and r.dnsmos_ovrl >= limit for r in sample.rows() if r.kept)
    law_of_seconds(sample.ledger())
    again = sample.run(*AGAIN, "--publish-speakers", "dominant", "--publish-min-dnsmos", limit)
    assert stages_that_ran(again) == ["collect", "discover", "publish"] and sample.versions() == number + 1


def test_what_is_said_is_written_down_where_it_is_asked_for_and_nothing_else_is_done_again(sample: Dataset) -> None:
    done = sample.run(*AGAIN, "--transcribe-engine", "auto", "--transcribe-language", "en")
    assert "pocketsphinx" in done.stdout.split("discover")[0], "it is told before the run"
    assert stages_that_ran(done) == ["collect", "discover", "publish", "transcribe"]
    rows = sample.rows()
    assert all(r.text_by.startswith("pocketsphinx/") and r.language == "en-us" for r in rows)
    assert sum(bool(r.text) for r in rows) >= 0.8 * len(rows)
    assert all(len(r.word_times) == 2 * 4 * len(r.words) for r in rows)


def test_a_rule_whose_measure_no_stage_took_says_which_one_to_switch_on(sample: Dataset) -> None:
    done = sample.run(*AGAIN, "--no-tag-quality-enabled")
    assert stages_that_ran(done) == ["collect", "discover", "publish", "tag_quality"]
    assert {r.dnsmos_ovrl for r in sample.rows()} == {None}
    number = sample.versions()
    refused = select(sample, "--publish-min-dnsmos", 3)
    assert refused.returncode == 1 and sample.versions() == number
    assert "tag_quality" in refused.stderr.splitlines()[-1] and "dnsmos" in refused.stderr.splitlines()[-1]


def test_a_reference_tells_its_voice_from_others(sample: Dataset, tmp_path: Path) -> None:
    files = host_of_the_sample(tmp_path)
    added = speechmill("references", "add", "host", *files, "--store", sample.folder)
    assert added.returncode == 0, added.stdout + added.stderr
    done = sample.run(*AGAIN, "--reference", "host")
    assert "voices are compared with the reference host " in done.stdout
    assert not {"download", "separate", "segment", "denoise"} & set(stages_that_ran(done))
    assert all(r.similarity is not None and r.reference.startswith("host/") for r in sample.rows())
    host = [r.similarity or 0 for r in sample.rows() if truth_of(r).most_common(1)[0][0] == "F Yuna"]
    men = [r.similarity or 0 for r in sample.rows() if truth_of(r).most_common(1)[0][0].startswith("M")]
    middle = (statistics.median(host) + statistics.median(men)) / 2
    assert statistics.median(host) > statistics.median(men) + 0.1
    assert select(sample, "--publish-min-similarity", middle).returncode == 0
    assert "similarity" in {r.reason for r in sample.rows()}
    assert all(r.similarity and r.similarity >= middle for r in sample.rows() if r.kept)
    law_of_seconds(sample.ledger())


def test_a_reference_that_nobody_hears_or_has_is_an_error_before_the_run(sample: Dataset) -> None:
    for options, said in (
        (("--reference", "nobody"), "speechmill references add nobody"),
        (("--reference", "nobody", "--no-embed-enabled"), "embed_enabled"),
        (("--transcribe-engine", "whisper"), "speechmill models fetch"),
        (("--transcribe-model", "none/0123456789ab", "--transcribe-engine", "azure"), "transcribe_model"),
    ):
        done = speechmill("run", "--store", sample.folder, *options)
        assert done.returncode == 1 and done.stdout.count("\n") <= 4, done.stdout
        assert said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
