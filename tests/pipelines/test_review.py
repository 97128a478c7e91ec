"""What is offered to reviewers, how their answers are read and kept, and what becomes of them."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.publish.reviews import Lost, review_of
from components.report.agreement import agreements, cer, edits, kappa
from components.shared.rows import DatasetRow, Vector
from pipelines.datasets.review.answers import answers_of
from pipelines.datasets.review.choice import RANDOM, TIME, offered
from pipelines.datasets.review.page import SPEAKER, TONE, choices_of, configuration
from pipelines.datasets.review.tasks import expires, files, needs_new_link, tasks_of
from store.objects import open_store
from store.reviews import Answer, ReviewStore
from tests.command import speechmill
from tests.http_server import free_port
from tests.pipelines.published import Dataset, clip

MEDIA = "media aa"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Six clips of one recording; of the third the engines hear something else, and it is the only happy one."""
    made = Dataset(open_store(str(tmp_path / "store")))
    made.publish("run", rows())
    return made


def rows() -> list[DatasetRow]:
    agreement = (1.0, 0.9, 0.4, 0.9, 0.4, 1.0)
    own = [clip(f"aa-{n}", 2.0 + n % 2, text=f"text {n}", text_agreement=a, tone="neutral") for n, a in enumerate(agreement)]
    own[4] = replace(own[4], tone="happy")
    voice = [Vector(np.array([1.0, 0.1 * n, 0.0] + [0.0] * 189, "<f4").tobytes()) for n in range(6)]
    return [
        replace(r, vector=v, voice_by="campplus", audio_sha256=f"{n:02x}" * 32) for n, (r, v) in enumerate(zip(own, voice, strict=True))
    ]


def answer(n: int, by: str = "ann", at: int = 0, **said: str) -> Answer:
    nothing = dict.fromkeys(("text", "text_shown", "speaker", "tone", "reject"), "")
    start, end = 10.0 * n, 10.0 * n + 2.0 + n % 2
    when = f"2026-01-01T00:00:{at:02d}Z"
    return Answer(
        clip=f"aa-{n}",
        recording="aa",
        start=start,
        end=end,
        media_sha256=MEDIA,
        by=by,
        at=when,
        annotation=f"1/{by}{n}{at}",
        **nothing | said,
    )


def pull(dataset: Dataset, *answers: Answer) -> list[Lost]:
    """Takes answers over, as the command does; returns what has no place."""
    store, lost = ReviewStore(dataset.store, "show"), list[Lost]()
    store.add(answers)
    media = {r.recording: r.media_sha256 for r in dataset.versions.recordings(dataset.versions.version())}
    dataset.publish(f"pull {len(dataset.versions.versions())}", correction=review_of(store.answers(), media, lost.extend))
    return lost


def newest(dataset: Dataset) -> dict[str, DatasetRow]:
    return {r.clip: r for r in dataset.versions.rows(dataset.versions.version())}


def offers(dataset: Dataset, **options: Any) -> list[str]:
    return [c["clip"] for c in offered(dataset.versions, dataset.versions.version(), **options)]


def test_clips_come_in_the_order_of_what_a_correction_is_worth(dataset: Dataset) -> None:
    assert offers(dataset)[:2] == ["aa-4", "aa-2"], "the engines differ as much, and the happy tone is rarer"
    assert offers(dataset, order=TIME) == [f"aa-{n}" for n in range(6)]
    assert sorted(offers(dataset, order=RANDOM)) == [f"aa-{n}" for n in range(6)] != offers(dataset, order=RANDOM)
    assert offers(dataset, where="text_agreement < 0.8", limit=1) == ["aa-4"]
    assert offers(dataset, clips={"aa-5"}) == ["aa-5"]


def test_reviewed_clips_are_not_offered_again_and_rejected_ones_if_asked(dataset: Dataset) -> None:
    assert pull(dataset, answer(4, text="said"), answer(2, reject="noise")) == []
    assert set(offers(dataset)) == {"aa-0", "aa-1", "aa-3", "aa-5"} == set(offers(dataset, rejected=True))
    assert offers(dataset, clips={"aa-2"}) == ["aa-2"]


def test_a_version_has_the_word_of_people_and_later_runs_keep_it(dataset: Dataset) -> None:
    assert pull(dataset, answer(1, text="words", tone="sad", speaker="other"), answer(2, reject="two_voices")) == []
    found = newest(dataset)
    assert (found["aa-1"].text, found["aa-1"].text_engine, found["aa-1"].tone_truth) == ("words", "text 1", "sad")
    assert (found["aa-2"].reason, found["aa-2"].kept, found["aa-2"].speaker) == ("human:two_voices", False, found["aa-1"].speaker)
    said = dataset.versions.version().lineage
    assert said["correction"] == {"action": "review", "clips": 2, "lost": 0, "lost_clips": []}
    assert said["seconds"]["rejected_human_seconds"] == 2.0
    dataset.publish("again", [replace(r, text="other engine") for r in rows()])
    again = newest(dataset)
    assert (again["aa-1"].text, again["aa-1"].text_engine, again["aa-0"].text) == ("words", "other engine", "other engine")
    assert again["aa-2"].reason == "human:two_voices" and dataset.versions.version().lineage["reviews"]["clips"] == 2
    versions = len(dataset.versions.versions())
    pull(dataset)
    assert len(dataset.versions.versions()) == versions, "nothing new makes no version"


def test_after_a_recut_a_run_says_what_has_no_place(dataset: Dataset) -> None:
    pull(dataset, answer(1, text="words"), answer(3, text="more"))
    cut = [replace(r, clip="aa-30", start=r.start + 1, samples=r.samples - 44_100) if r.clip == "aa-3" else r for r in rows()]
    cut = [replace(r, clip="aa-10", start=r.start - 0.1, samples=r.samples + 4_410) if r.clip == "aa-1" else r for r in cut]
    published = dataset.publish("recut", cut)
    assert newest(dataset)["aa-10"].text == "words" and newest(dataset)["aa-30"].text == "text 3"
    (lost,) = published.lost
    assert (lost.answer.clip, lost.fields) == ("aa-3", ("text",))
    assert dataset.versions.version().lineage["reviews"] == {"clips": 1, "lost": 1, "lost_clips": ["aa-3"]}


def test_answers_are_added_once_and_are_gone_when_the_recording_is_forgotten(dataset: Dataset) -> None:
    store = ReviewStore(dataset.store, "show")
    one, two = answer(1, text="words"), answer(2, text="more")
    assert store.add([one]) == [one] and store.add([one, two]) == [two] and store.add([one, two]) == []
    assert store.answers() == [one, two]
    store.remove({"bb"}, {"aa-2"})
    assert store.answers() == [one]
    store.remove({"aa"})
    assert store.answers() == [] and not list(dataset.store.keys("datasets/show/reviews/"))


def test_a_task_has_the_texts_around_and_its_page_the_choices(dataset: Dataset) -> None:
    clips = offered(dataset.versions, dataset.versions.version(), order=TIME)
    tasks = tasks_of(dataset.versions, dataset.versions.version(), clips, lambda sha256: f"/{sha256}")
    assert (tasks[2]["before"], tasks[2]["after"], tasks[0]["before"]) == ("text 0 text 1", "text 3 text 4", " ")
    assert tasks[2]["media_sha256"] == MEDIA and tasks[2]["audio"] == "/" + "02" * 32
    page = configuration(["happy", "<b>"], {"s0001": "Ann & Bob", "s0002": ""})
    assert choices_of(page, TONE) == ["<b>", "happy", "other"] and choices_of(page, SPEAKER) == ["s0001", "s0002", "other"]
    keys = [c.get("hotkey") for c in ET.fromstring(page).iter("Choice") if c.get("hotkey")]
    assert len(keys) == len(set(keys)) == 3 + 6, "no key means two things"
    assert choices_of(configuration([], {}), SPEAKER) == []


def test_a_folder_is_served_below_the_servers_root(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    assert files(tmp_path, tmp_path / "a b", "show")("ab" * 32) == f"/data/local-files/?d=a%20b/datasets/show/audio/ab/{'ab' * 32}.flac"
    with pytest.raises(Exception, match="LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"):
        files(tmp_path / "a b", tmp_path, "show")


@pytest.mark.parametrize(("age_days", "renewed"), [(0, False), (3, False), (5, True), (9, True)])
def test_links_are_made_anew_before_they_end(age_days: int, renewed: bool) -> None:
    made = datetime.now(UTC) - timedelta(days=age_days)
    url = f"http://x/a.flac?X-Amz-Date={made:%Y%m%dT%H%M%SZ}&X-Amz-Expires={7 * 86400}&X-Amz-Signature=0"
    assert needs_new_link(url) == renewed and expires(url) is not None and not needs_new_link("/data/local-files/?d=a")


def annotation(number: int, *result: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": number, "completed_by": 7, "updated_at": "2026-01-01T10:00:00.5+09:00", "result": list(result), **more}


def test_annotations_become_answers() -> None:
    data = {"clip": "aa-1", "recording": "aa", "start": 1.0, "end": 3.0, "media_sha256": "m", "text": "engine"}
    text = {"from_name": "text", "type": "textarea", "value": {"text": ["two", " words "]}}
    tone = {"from_name": "tone", "type": "choices", "value": {"choices": ["happy"]}}
    reject = {"from_name": "reject", "type": "choices", "value": {"choices": ["noise"]}}
    tasks = [
        {"data": data, "annotations": [annotation(1, text, tone), annotation(2, text, reject), annotation(3, text, was_cancelled=True)]},
        {"data": {"image": "cat.png"}, "annotations": [annotation(4, text)]},
        {"data": data, "annotations": [annotation(5)]},
    ]
    (one, two), foreign = answers_of(9, tasks, {7: "ann@example.com"})
    assert (one.text, one.tone, one.reject, one.text_shown, one.annotation) == ("two words", "happy", "", "engine", "9/1")
    assert (one.by, one.at) == ("ann@example.com", "2026-01-01T01:00:00.500Z")
    assert (two.text, two.reject) == ("", "noise"), "the text of a rejected clip is not confirmed"
    assert foreign == 1


def test_figures_of_agreement() -> None:
    assert edits("kitten", "sitting") == 3 and edits("", "abc") == edits("abc", "") == 3 and edits("", "") == 0
    assert cer([("a b c d", "ABCX"), ("efgh", "efgh")]) == 1 / 8 and cer([]) is None
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert kappa(pairs) == pytest.approx(0.4), "the example of Cohen's kappa in textbooks"
    assert kappa([("y", "y")]) is None


def test_the_newest_answers_of_two_people_are_compared(dataset: Dataset) -> None:
    said = [
        answer(1, "ann", text="hello", tone="happy"),
        answer(1, "bob", text="hxllo", tone="sad"),
        answer(1, "bob", at=1, text="hallo", tone="happy"),
        answer(2, "ann", reject="noise"),
        answer(2, "bob", text="words", tone="sad"),
        answer(3, "ann", text="only ann"),
    ]
    (found,) = agreements(said)
    assert (found.first, found.second, found.clips, found.texts, found.cer, found.tones) == ("ann", "bob", 2, 1, 0.2, 1)
    pull(dataset, *said)
    shown = speechmill("review", "agreement", "show", "--json", "--store", dataset.store.uri)
    assert json.loads(shown.stdout)["pairs"][0]["cer"] == 0.2 and json.loads(shown.stdout)["answers"] == {"ann": 3, "bob": 3}
    assert "20.0%" in speechmill("review", "agreement", "show", "--store", dataset.store.uri).stdout


def test_calibration_takes_the_speakers_that_people_named(dataset: Dataset) -> None:
    def calibrate() -> Any:
        return speechmill("speakers", "calibrate", "--dataset", "show", "--reviewed", "s0001", "--json", "--store", dataset.store.uri)

    assert "found 0 of 0: review more clips" in calibrate().stderr
    pull(dataset, *(answer(n, speaker="s0001" if n < 4 else "other") for n in range(6)))
    assert json.loads(calibrate().stdout)["same_clips"] == 4


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (lambda: {"LABEL_STUDIO_URL": "", "LABEL_STUDIO_API_KEY": "k"}, "found no LABEL_STUDIO_URL: set them"),
        (
            lambda: {"LABEL_STUDIO_URL": f"http://127.0.0.1:{free_port()}", "LABEL_STUDIO_API_KEY": "secret-token"},
            "does not answer (ConnectionError)",
        ),
    ],
)
def test_an_absent_server_is_explained_without_the_token(dataset: Dataset, environment: Callable[[], dict[str, str]], said: str) -> None:
    done = speechmill("review", "push", "show", "--store", dataset.store.uri, **environment())
    assert done.returncode == 1 and said in done.stderr and "secret-token" not in done.stderr
