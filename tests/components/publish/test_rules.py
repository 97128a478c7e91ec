"""Which clips the rules keep, the reason that the others get, and what is no rule."""

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.publish.draft import Sums, decided, with_column
from components.publish.outcomes import seconds_by_outcome
from components.publish.rules import Wanted, check_measured, last_tones, measured, parse, reasons, resolved
from components.publish.settings import check_settings
from components.shared.events import BOUNDS
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.rules import RULES, Bounds, Names, Number
from components.shared.rules import SETTINGS as TABLE
from components.shared.table import to_table
from components.shared.task import StageError
from tests.components.publish.conftest import SETTINGS, Show, account, row

MEASURED = {
    "licence": "CC0",
    "speaker": "s0001",
    "similarity": 0.7,
    "purity": 0.6,
    "clip_similarity": 0.9,
    "overlap_share": 0.02,
    "tone": "calm",
    "dnsmos_ovrl": 3.2,
    "snr_db": 20.0,
    "bandwidth_hz": 8000.0,
    "clipped_share": 0.01,
    "language": "en-us",
    "confidence": -0.4,
    "characters_per_second": 12.0,
    "text_agreement": 0.8,
    "text_by": "whisper/tiny/0123456789ab",
    "laughter": 0.49,
    "music": 1.0,
    "events_by": "yamnet 0123456789ab every 0.48 s",
}
STRICT = {
    "min_seconds": 1.5,
    "genders": "female",
    "licences": "CC-BY 4.0, CC0",
    "speakers": "s0001,s0003",
    "min_similarity": 0.7,
    "min_purity": 0.6,
    "max_overlap": 0.02,
    "tones": "Calm",
    "min_dnsmos": 3.2,
    "min_snr_db": 20.0,
    "min_bandwidth_hz": 8000.0,
    "max_clipped_share": 0.01,
    "languages": "ko, en",
    "min_confidence": -0.4,
    "min_agreement": 0.8,
    "min_characters_per_second": 12.0,
    "max_characters_per_second": 12.0,
    "refused_events": "laughter:0.5, applause",
    "refused_flags": "hallucination,no_speech",
}
REFUSED = {
    "licence": {"licence": "all rights reserved"},
    "too_short": {"samples": round(1.4999 * SAMPLE_RATE_HZ)},
    "gender": {"gender": "male"},
    "speaker": {"speaker": "s0002"},
    "similarity": {"similarity": 0.69},
    "purity": {"purity": 0.59},
    "overlap": {"overlap_share": 0.021},
    "tone": {"tone": "angry"},
    "dnsmos": {"dnsmos_ovrl": 3.19},
    "snr": {"snr_db": 19.9},
    "bandwidth": {"bandwidth_hz": 7999.0},
    "clipped": {"clipped_share": 0.011},
    "event": {"laughter": 0.5},
    "flag": {"text_flags": "character_rate,hallucination"},
    "language": {"language": "enm"},
    "confidence": {"confidence": -0.41},
    "agreement": {"text_agreement": 0.79},
    "characters_per_second": {"characters_per_second": 12.1},
}
UNMEASURED = {
    "licence": {"licence": ""},
    "gender": {"gender": ""},
    "speaker": {"speaker": ""},
    "purity": {"purity": None},
    "tone": {"tone": ""},
    "dnsmos": {"dnsmos_ovrl": None},
    "snr": {"snr_db": None},
    "bandwidth": {"bandwidth_hz": None},
    "clipped": {"clipped_share": None},
    "event": {"events_by": ""},
    "flag": {"text_by": ""},
    "language": {"language": ""},
    "confidence": {"confidence": None},
    "agreement": {"text_agreement": None},
    "characters_per_second": {"characters_per_second": None},
}
ORDER = ["duplicate", *REFUSED]


def wanted(**settings: Any) -> Wanted:
    given = SETTINGS | {"min_seconds": 0.0} | settings
    check_settings(**given)
    return parse(given)


def selected(rows: list[DatasetRow], wanted: Wanted, duplicates: set[str]) -> list[DatasetRow]:
    found = reasons(to_table(DatasetRow, rows), wanted, duplicates).to_pylist()
    return [replace(r, kept=not reason, reason=reason) for r, reason in zip(rows, found, strict=True)]


def reason(clip: DatasetRow, **settings: Any) -> str:
    return selected([clip], wanted(**settings), {"b"})[0].reason


def test_a_clip_that_every_rule_likes_is_kept() -> None:
    assert reason(row("a-1", **MEASURED), **STRICT) == ""
    assert reason(row("a-1", **MEASURED | {"text_flags": "character_rate"}), **STRICT) == ""


@pytest.mark.parametrize("name", REFUSED)
def test_each_rule_refuses_what_lies_beyond_it(name: str) -> None:
    assert reason(row("a-1", **MEASURED | REFUSED[name]), **STRICT) == name


@pytest.mark.parametrize("name", UNMEASURED)
def test_a_clip_that_was_not_measured_is_refused_by_the_rule(name: str) -> None:
    assert reason(row("a-1", **MEASURED | UNMEASURED[name]), **STRICT) == name


def test_similarity_is_asked_only_of_clips_that_were_compared() -> None:
    assert reason(row("a-1", **MEASURED | {"similarity": None, "clip_similarity": None}), **STRICT) == ""


def test_similarities_of_before_they_were_corrected_for_length_are_not_asked() -> None:
    assert reason(row("a-1", **MEASURED | {"similarity": 0.1, "clip_similarity": None}), **STRICT) == ""


def test_the_first_reason_in_the_documented_order_counts() -> None:
    assert list(dict.fromkeys(rule.reason for rule in RULES)) == ORDER[1:]
    for first in range(len(ORDER)):
        faults = {column: value for name in ORDER[max(first, 1) :] for column, value in REFUSED[name].items()}
        assert reason(row("a-1" if first else "b-1", **MEASURED | faults), **STRICT) == ORDER[first]


def test_overlap_is_asked_only_of_clips_whose_turns_are_known() -> None:
    assert reason(row("a-1", **MEASURED | {"overlap_share": None}), **STRICT) == ""


def test_clips_in_which_two_speak_are_refused_by_default() -> None:
    default = next(s.default for s in TABLE if s.name == "max_overlap")
    assert reason(row("a-1", **MEASURED | {"overlap_share": 0.03}), max_overlap=default) == "overlap"


def test_without_rules_everything_is_kept() -> None:
    assert reason(row("a-1", seconds=0.01, gender="")) == ""
    assert reason(row("a-1", **MEASURED | {k: v for fault in REFUSED.values() for k, v in fault.items()})) == ""


def test_clips_that_were_sent_to_nobody_can_be_refused() -> None:
    clip = row("a-1", **MEASURED | {"text": "", "text_flags": "not_transcribed"})
    assert reason(clip, refused_flags="not_transcribed") == "flag"
    assert reason(clip, refused_flags="no_speech,hallucination") == ""


@pytest.mark.parametrize(
    ("heard", "rule", "kept"),
    [
        ({"applause": BOUNDS["applause"]}, "applause", False),
        ({"applause": BOUNDS["applause"] - 0.001}, "applause", True),
        ({"applause": 0.6}, "Applause:.7", True),
        ({"applause": 0.7}, "Applause:.7", False),
        ({"applause": None}, "applause", True),
        ({"applause": 0.9, "laughter": 0.9}, "cough,crying", True),
        ({"cough": 0.9}, "crying,cough", False),
        ({"music": 1.0}, "music:1", False),
        ({"music": 1.0}, "", True),
    ],
)
def test_a_clip_is_refused_if_an_event_reaches_its_bound_or_the_one_that_is_given(heard: dict[str, float], rule: str, kept: bool) -> None:
    assert (reason(row("a-1", events_by="yamnet", **heard), refused_events=rule) == "") == kept


def test_an_unknown_licence_can_be_named() -> None:
    assert reason(row("a-1", licence=""), licences="unknown") == ""
    assert reason(row("a-1", licence="CC0"), licences="unknown") == "licence"


@pytest.mark.parametrize(("language", "kept"), [("en", True), ("en-us", True), ("en-gb", False), ("enm", False), ("ko", False)])
def test_a_language_means_its_variants_and_a_variant_only_itself(language: str, kept: bool) -> None:
    assert (reason(row("a-1", language=language), languages="en-us") == "") == (language == "en-us")
    assert (reason(row("a-1", language=language), languages="en") == "") == (kept or language == "en-gb")


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("genders", "woman", "publish_genders: expected female, male, or both separated by a comma, found woman"),
        ("min_seconds", -1.0, "publish_min_seconds: expected 0 to 86400 .s., found -1$"),
        ("min_seconds", float("nan"), "publish_min_seconds.*nan"),
        ("speakers", "the host!", "publish_speakers: expected dominant, ids such as s0001, or names .*found the host!"),
        ("join_similarity", 1.1, "publish_join_similarity: expected -1 to 1 .similarity., found 1.1"),
        ("min_similarity", -1.1, "publish_min_similarity"),
        ("min_purity", 2.0, "publish_min_purity"),
        ("min_dnsmos", 5.5, "publish_min_dnsmos: expected 0 to 5"),
        ("min_snr_db", 101.0, "publish_min_snr_db: expected -100 to 100 .dB., found 101"),
        ("min_bandwidth_hz", 30_000.0, "publish_min_bandwidth_hz: expected 0 to 22050 .Hz., found 30000"),
        ("max_clipped_share", -0.1, "publish_max_clipped_share: expected 0 to 1"),
        ("languages", "Korean!", "publish_languages: expected languages such as ko or en-us, .*found korean!"),
        ("min_confidence", 0.5, "publish_min_confidence: expected -100 to 0"),
        ("min_characters_per_second", 101.0, "publish_min_characters_per_second"),
        ("refused_events", "laughing", "publish_refused_events: expected some of laughter, applause, .*, found laughing"),
        ("refused_events", "laughter:1.5", "publish_refused_events: .*laughter:0.5.*found laughter:1.5"),
        ("refused_events", "laughter:", "publish_refused_events: .*found laughter:"),
        ("refused_flags", "halucination", "publish_refused_flags: expected some of hallucination, no_speech, character_rate"),
    ],
)
def test_rules_that_mean_nothing_are_refused(setting: str, value: object, message: str) -> None:
    with pytest.raises(StageError, match=message):
        wanted(**{setting: value})


def test_the_defaults_and_the_neutral_values_are_accepted() -> None:
    check_settings(**{s.name: s.default for s in TABLE})
    check_settings(**{s.name: s.neutral for s in TABLE})


def test_every_rule_compares_a_column_of_its_type() -> None:
    types = {f.name: f.type for f in dataclasses.fields(DatasetRow)}
    for rule in RULES:
        assert types[rule.column] in ((int, float | None) if isinstance(rule, Number) else (str,)), rule.name
        assert not isinstance(rule, Bounds) or {types[column] for column in rule.bounds} == {float | None}
        assert not isinstance(rule, Names) or types[rule.filled_by or rule.column] is str, rule.name


def test_a_character_rate_that_nothing_can_have_is_refused() -> None:
    with pytest.raises(StageError, match="at most publish_max_characters_per_second, which is 10, found 20"):
        wanted(min_characters_per_second=20.0, max_characters_per_second=10.0)


@pytest.mark.parametrize(
    ("setting", "value", "remedy"),
    [
        ("genders", "male", "segment_detect_gender"),
        ("speakers", "dominant", "diarize_enabled"),
        ("min_purity", 0.5, "diarize_enabled"),
        ("tones", "calm", "tag_tone_enabled"),
        ("min_dnsmos", 3.0, "tag_quality_enabled"),
        ("min_snr_db", 10.0, "tag_quality_enabled"),
        ("min_bandwidth_hz", 100.0, "tag_quality_enabled"),
        ("max_clipped_share", 0.5, "tag_quality_enabled"),
        ("languages", "ko", "transcribe_engine"),
        ("min_confidence", -1.0, "transcribe_engine"),
        ("max_characters_per_second", 30.0, "transcribe_engine"),
        ("refused_events", "music:0.9", "tag_events_enabled"),
        ("refused_flags", "no_speech", "transcribe_engine"),
    ],
)
def test_a_rule_about_what_nothing_measured_says_what_to_switch_on(setting: str, value: object, remedy: str) -> None:
    def check(*rows: DatasetRow) -> None:
        table = to_table(DatasetRow, rows)
        check_measured(wanted(**{setting: value}), len(rows), lambda column: any(measured(table[column]).to_pylist()))

    rows = [row("a-1", gender=""), row("a-2", gender="")]
    with pytest.raises(StageError, match=f"publish_{setting}: .*found none in 2 .*{remedy}"):
        check(*rows)
    check()
    check(*rows, row("a-3", **MEASURED))


def test_a_run_by_such_a_rule_publishes_nothing(show: Show) -> None:
    show.plan("a")
    done = show.publish("run-1", show.part([account("a")], [row("a-1", audio_sha256="aa11")]), min_dnsmos=3.0)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "error: publish_min_dnsmos: expected clips with a value in dnsmos_ovrl, found none in 1 "
    )
    assert show.dataset.versions() == []


def test_the_dominant_speaker_is_its_id_and_an_id_that_was_never_given_is_refused() -> None:
    found = resolved(wanted(speakers="dominant,s0002"), {}, "s0003", 3)
    assert found["speakers"] == ("s0003", "s0002")
    with pytest.raises(StageError, match="found s0004, s0000: it has s0001 to s0003"):
        resolved(wanted(speakers="s0004,s0000,s0001"), {}, "s0003", 3)
    with pytest.raises(StageError, match="it has none yet"):
        resolved(wanted(speakers="s0001"), {}, "", 0)


def test_the_calmest_and_the_most_aroused_clips_of_every_speaker_can_be_selected() -> None:
    tones = [("s0001", "tone-1"), ("s0001", "tone-2"), ("s0001", "tone-3"), ("s0002", "tone-1"), ("s0002", "tone-2"), ("s0003", "tone-1")]
    rows = [row(f"a-{i}", speaker=speaker, tone=tone) for i, (speaker, tone) in enumerate(tones)]

    def kept(tones: str) -> list[int]:
        meant = resolved(wanted(tones=tones), last_tones([to_table(DatasetRow, rows)]), "s0001", 3)
        return [i for i, r in enumerate(selected(rows, meant, set())) if r.kept]

    assert kept("calmest") == [0, 3, 5]
    assert kept("most_aroused") == [2, 4, 5]
    assert kept("calmest,most_aroused") == [0, 2, 3, 4, 5]
    assert kept("tone-2") == [1, 4]


def one_of(column: str, good: object, bad: dict[str, object]) -> st.SearchStrategy[object]:
    return st.sampled_from([good, *([bad[column]] if column in bad else []), *(u[column] for u in UNMEASURED.values() if column in u)])


FAULTS = {column: value for fault in REFUSED.values() for column, value in fault.items()}
CLIPS = st.builds(
    lambda seconds, columns: row("x", seconds, **columns),
    st.floats(0.3, 15),
    st.fixed_dictionaries({c: one_of(c, v, FAULTS) for c, v in {**MEASURED, "gender": "female", "text_flags": ""}.items()}),
)


@given(st.lists(CLIPS, max_size=20), st.sets(st.sampled_from(sorted(STRICT))), st.booleans())
def test_kept_and_rejected_seconds_add_up_whatever_the_rules(clips: list[DatasetRow], chosen: set[str], twice: bool) -> None:
    rows = [replace(clip, clip=f"{'ab'[i % 2]}-{i}", recording="ab"[i % 2]) for i, clip in enumerate(clips)]
    found = selected(rows, wanted(**{name: STRICT[name] for name in chosen}), {"b"} if twice else set())
    assert all(r.reason in ("", *ORDER) for r in found)
    table, sums = to_table(DatasetRow, found), Sums()
    nobody = table["gender"].combine_chunks()
    decisions = with_column(decided("b", table, nobody, nobody), "reason", table["reason"])
    sums.add(with_column(decisions, "kept", table["kept"]))
    total = sum(r.samples for r in rows) + 300
    seconds = seconds_by_outcome(sums.outcomes, [account("a", music_samples=100, noise_samples=200)])
    assert sum(seconds.values()) == pytest.approx(total / SAMPLE_RATE_HZ)
    for name in {r.reason for r in found if r.reason}:
        assert seconds[f"rejected_{name}_seconds"] == pytest.approx(sum(r.samples for r in found if r.reason == name) / SAMPLE_RATE_HZ)


def test_another_rule_selects_again_without_parts_or_audio(show: Show) -> None:
    show.plan("a")
    rows = [row(f"a-{i}", audio_sha256=f"aa1{i}", **MEASURED | {"dnsmos_ovrl": 2.0 + i, "speaker": ""}) for i in range(3)]
    show.publish("run-1", show.part([account("a", 6)], rows))
    for key in list(show.store.keys("datasets/show/audio/")):
        (show.folder / "store" / key).unlink()
    assert show.publish("run-2", sources_sha256="", min_dnsmos=3.5).returncode == 0
    assert [(r.kept, r.reason) for r in show.dataset.rows(show.dataset.version(2))] == [(False, "dnsmos"), (False, "dnsmos"), (True, "")]
    assert show.dataset.version(2).lineage["stages"]["publish"]["settings"]["min_dnsmos"] == 3.5
    assert json.loads((show.folder / "metrics").read_text())["rejected_dnsmos_seconds"] == 4.0
