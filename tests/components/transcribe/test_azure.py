"""Azure's fast transcription, against a service on loopback that speaks its REST contract."""

import email.utils
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from service import Answer, Request, Service, refused, said, serving

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError
from components.transcribe import azure
from components.transcribe.azure import ENDPOINT, KEY, load_azure, locale_of, retry_after
from components.transcribe.engines import Transcription
from components.transcribe.settings import EngineSettings

SECRET = "0123456789abcdef0123456789abcdef"
CLIP = (3000 * np.sin(np.arange(SAMPLE_RATE_HZ) / 20)).astype(np.int16)
BUSY = refused(429, "TooManyRequests", "Requests were throttled.")

Choose = Callable[..., EngineSettings]


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Request, int], Answer]], Any]:
    """A service that the environment names."""

    @contextmanager
    def ask(answer: Callable[[Request, int], Answer]) -> Iterator[Service]:
        with serving(answer) as service:
            monkeypatch.setenv(KEY, SECRET)
            monkeypatch.setenv(ENDPOINT, service.endpoint)
            yield service

    return ask


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every pause between attempts, none of which takes any time."""
    made: list[float] = []
    wait = Event.wait

    def paused(event: Event, seconds: float | None = None) -> bool:
        if seconds is None:
            return wait(event)
        made.append(seconds)
        return event.is_set()

    monkeypatch.setattr(Event, "wait", paused)
    return made


def transcribe(settings: EngineSettings, clips: int = 1) -> list[Transcription]:
    return load_azure(settings, first_wait_seconds=0.05).transcribe([CLIP[: len(CLIP) - 100 * i] for i in range(clips)])


def test_a_request_is_as_documented(asking: Any, settings: Choose) -> None:
    with asking(lambda *_: said("안녕하세요")) as service:
        transcribe(settings(language="ko"))
    (request,) = service.requests
    assert request.path == "/speechtotext/transcriptions:transcribe" and request.query == {"api-version": ["2025-10-15"]}
    assert request.headers["ocp-apim-subscription-key"] == SECRET
    assert request.definition == {"locales": ["ko-KR"], "profanityFilterMode": "None"}
    assert request.audio[:4] == b"fLaC" and request.rate_hz == SAMPLE_RATE_HZ and np.array_equal(request.samples, CLIP)


def test_a_language_that_nobody_gave_is_detected_by_the_service(asking: Any, settings: Choose) -> None:
    with asking(lambda *_: said("Guten Tag", locale="de-DE")) as service:
        (result,) = transcribe(settings())
    assert service.requests[0].definition == {"profanityFilterMode": "None"} and result.language == "de-DE"


def test_an_answer_of_several_phrases_is_one_text(asking: Any, settings: Choose) -> None:
    parts = [json.loads(said(t, confidence=c, milliseconds=1000 * n, offset=0).body) for t, c, n in (("하나 둘", 0.9, 1), ("셋", 0.5, 3))]
    body = {"durationMilliseconds": 4000, "combinedPhrases": [{"text": "하나 둘 셋"}], "phrases": [p for x in parts for p in x["phrases"]]}
    with asking(lambda *_: Answer(body=json.dumps(body).encode())):
        (result,) = transcribe(settings(language="ko"))
    assert result.text == "하나 둘 셋" and [w.text for w in result.words] == ["하나", "둘", "셋"]
    assert result.confidence == pytest.approx((1 * np.log(0.9) + 3 * np.log(0.5)) / 4)


@pytest.mark.parametrize("as_date", [False, True])
def test_a_busy_service_is_asked_again_when_it_says(asking: Any, settings: Choose, pauses: list[float], as_date: bool) -> None:
    value = email.utils.formatdate(time.time() + 50, usegmt=True) if as_date else "50"

    def answer(_: Request, before: int) -> Answer:
        return refused(429, "TooManyRequests", "wait", Retry_After=value) if before == 0 else said("다시")

    with asking(answer) as service:
        (result,) = transcribe(settings())
    first, second = service.requests
    assert result.text == "다시" and first.audio == second.audio
    (pause,) = pauses
    assert (1 < pause <= 50) if as_date else pause == 50


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_failure_of_the_service_is_tried_again(asking: Any, settings: Choose, pauses: list[float], status: int) -> None:
    with asking(lambda _, before: said("네") if before == 2 else refused(status, "x", "y")) as service:
        assert transcribe(settings())[0].text == "네"
    assert len(service.requests) == 3 and pauses == [0.05, 0.05 * azure.WAIT_GROWTH]


def test_attempts_end_and_are_named(asking: Any, settings: Choose) -> None:
    with asking(lambda *_: BUSY) as service:
        (result,) = transcribe(settings(azure_attempts=3))
    assert len(service.requests) == 3 and result.text == ""
    assert "no answer from Azure Speech in 3 attempts: 429" in result.problem and "throttled" in result.problem


def test_nobody_waits_for_hours(asking: Any, settings: Choose) -> None:
    with asking(lambda *_: refused(429, "QuotaExceeded", "wait", Retry_After="7200")) as service:
        (result,) = transcribe(settings())
    assert len(service.requests) == 1 and "asks for 7200 s before attempt 2 of 5" in result.problem


def test_a_service_that_answers_none_ends_the_run(asking: Any, settings: Choose) -> None:
    with (
        asking(lambda *_: refused(503, "x", "down")) as service,
        pytest.raises(StageError, match=r"none for 5 clips in a row .*run it again"),
    ):
        transcribe(settings(azure_attempts=1, azure_concurrency=2), clips=40)
    assert len(service.requests) < 20


def test_clips_here_and_there_without_an_answer_do_not(asking: Any, settings: Choose) -> None:
    with asking(lambda request, _: BUSY if len(request.samples) % 200 == 0 else said("네")):
        found = transcribe(settings(azure_attempts=1), clips=14)
    assert [bool(h.problem) for h in found] == [False, True] * 7


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_what_is_wrong_for_every_clip_is_an_error_that_says_what(asking: Any, settings: Choose, status: int) -> None:
    with asking(lambda *_: refused(status, "x", f"no, {SECRET}")) as service, pytest.raises(StageError) as raised:
        transcribe(settings(azure_concurrency=1), clips=6)
    assert str(status) in str(raised.value) and "check the" in str(raised.value) and SECRET not in str(raised.value)
    assert len(service.requests) <= 2


@pytest.mark.parametrize(
    "body", [b"{", b"<html>busy</html>", b"[]", b'{"phrases": null}', b'{"phrases": [{"text": 3}], "combinedPhrases": 1}', b""]
)
def test_an_answer_that_is_no_transcript_is_tried_again_and_told(asking: Any, settings: Choose, body: bytes) -> None:
    with asking(lambda *_: Answer(body=body)) as service:
        (result,) = transcribe(settings(azure_attempts=2))
    assert len(service.requests) == 2 and "in 2 attempts" in result.problem and result.text == ""


def test_a_slow_answer_is_waited_for_until_its_time_is_over(asking: Any, settings: Choose) -> None:
    with asking(lambda _, before: Answer(after_seconds=2.5) if before == 0 else said("네", milliseconds=900)) as service:
        (result,) = transcribe(settings(azure_timeout_seconds=1.0))
    assert result.text == "네" and len(service.requests) >= 2
    with asking(lambda *_: Answer(body=said("느림").body, after_seconds=1.5)) as service:
        assert transcribe(settings(azure_timeout_seconds=60.0))[0].text == "느림"
    assert len(service.requests) == 1


def test_a_service_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, settings: Choose) -> None:
    with serving(lambda *_: BUSY) as service:
        pass
    monkeypatch.setenv(KEY, SECRET)
    monkeypatch.setenv(ENDPOINT, service.endpoint)
    (result,) = transcribe(settings(azure_attempts=2))
    assert "in 2 attempts: ServiceRequestError" in result.problem


@pytest.mark.parametrize("concurrency", [1, 3])
def test_so_many_requests_are_under_way_and_answers_keep_their_clips(asking: Any, settings: Choose, concurrency: int) -> None:
    def answer(request: Request, before: int) -> Answer:
        reply = said(str(len(request.samples)))
        reply.after_seconds = 0.3 if before % 2 == 0 else 0.1
        return reply

    with asking(answer) as service:
        found = transcribe(settings(azure_concurrency=concurrency), clips=9)
    assert service.most_at_once == concurrency
    assert [h.text for h in found] == [str(len(CLIP) - 100 * i) for i in range(9)]


def test_the_key_follows_no_redirect(asking: Any, settings: Choose) -> None:
    reached: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reached.append(str(self.headers))
            self.send_error(500)

        def do_GET(self) -> None:
            self.do_POST()

    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        place = f"http://localhost:{server.server_port}/speechtotext/transcriptions:transcribe"
        for status in (301, 302, 307, 308):
            with asking(lambda *_, s=status: Answer(s, b"", {"Location": place})), pytest.raises(StageError, match=str(status)):
                transcribe(settings())
    finally:
        server.shutdown()
        server.server_close()
    assert reached == []


def test_the_key_is_in_no_log_and_no_error(asking: Any, settings: Choose, caplog: Any, capfd: Any) -> None:
    with caplog.at_level("DEBUG"), asking(lambda *_: refused(400, "Bad", ("x" * 250) + SECRET + " " + SECRET)):
        (result,) = transcribe(settings())
    told = caplog.text + "".join(capfd.readouterr()) + result.problem
    assert "rejected it: 400" in result.problem and SECRET not in told and SECRET[:8] not in result.problem


@pytest.mark.parametrize(
    ("key", "endpoint", "found"),
    [
        ("", "https://x.cognitiveservices.azure.com", f"found no {KEY}"),
        ("k", "", f"found no {ENDPOINT}"),
        ("", "", f"found no {KEY} and {ENDPOINT}"),
        ("k\u00e9y", "https://x", "printable ASCII"),
        ("k", "http://x.cognitiveservices.azure.com", "found http"),
        ("k", "http://10.0.0.1", "found http"),
        ("k", "x.cognitiveservices.azure.com", "found no scheme"),
        ("k", "https://user:pass@x", "expected AZURE_SPEECH_ENDPOINT to be https"),
        ("k", "ftp://127.0.0.1", "found ftp"),
    ],
)
def test_credentials_that_cannot_be_used_are_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, settings: Choose, key: str, endpoint: str, found: str
) -> None:
    for name, value in ((KEY, key), (ENDPOINT, endpoint)):
        monkeypatch.setenv(name, value)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    with pytest.raises(StageError, match=found) as raised:
        load_azure(settings())
    assert "speechmill-azure" in str(raised.value) and "pass" not in str(raised.value)


def test_key_and_endpoint_may_lie_in_files(asking: Any, settings: Choose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with asking(lambda *_: said("네")) as service:
        for name, value in ((KEY, SECRET), (ENDPOINT, service.endpoint)):
            (tmp_path / name).write_text(value + "\n")
            monkeypatch.delenv(name)
            monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
        assert transcribe(settings())[0].text == "네"
    monkeypatch.setenv(f"{KEY}_FILE", str(tmp_path / "none"))
    with pytest.raises(StageError, match=f"{KEY}_FILE to name a file"):
        load_azure(settings())


def test_languages_get_the_region_that_the_service_wants() -> None:
    assert [locale_of(x) for x in ("", "ko", "KO", "en-gb", "zh-tw")] == ["", "ko-KR", "ko-KR", "en-GB", "zh-TW"]
    with pytest.raises(StageError, match="transcribe_language: expected a language with its region"):
        locale_of("is")


def test_retry_after_is_seconds_or_a_date() -> None:
    assert (retry_after("3"), retry_after("0.5"), retry_after(None), retry_after("soon")) == (3.0, 0.5, None, None)
    assert retry_after("Mon, 01 Jan 2024 00:00:00 GMT") == 0.0
    assert (retry_after(email.utils.formatdate(time.time() + 2 * azure.MOST_WAIT_SECONDS, usegmt=True)) or 0) > azure.MOST_WAIT_SECONDS
