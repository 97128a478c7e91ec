"""Azure Speech's fast transcription through Microsoft's own client: one request per clip, as FLAC.

It turns off three defaults: masking of profanity, following redirects with the key, and retries after any wait that the server asks for.
"""

import email.utils
import ipaddress
import math
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from components.shared.audio import flac_bytes
from components.shared.task import StageError, one_line
from components.transcribe.engines import Engine, Transcription, Word
from components.transcribe.settings import EngineSettings
from components.transcribe.sound import Pcm

KEY, ENDPOINT = "AZURE_SPEECH_KEY", "AZURE_SPEECH_ENDPOINT"
API_VERSION = "2025-10-15"
CONNECT_SECONDS = 10.0
BATCHES_AT_ONCE = 8
"""Clips per batch and concurrent request, so that little time is lost at the end of a batch."""
MOST_WAIT_SECONDS = 300.0
"""Maximum wait before a retry; a clip that needs a longer one is not transcribed."""
FIRST_WAIT_SECONDS, WAIT_GROWTH = 1.0, 2.0
MOST_UNANSWERED = 5
"""Number of clips in a row without an answer after which the stage fails."""
_LEAST_CONFIDENCE = 1e-6
_AGAIN = (200, 408, 429)
"""Statuses below 500 that are retried, like all from 500 on; 200 means that the body could not be read."""

_LOCALES = (
    "ar-EG cs-CZ da-DK de-DE en-US es-ES fi-FI fr-FR he-IL hi-IN id-ID it-IT ja-JP ko-KR nl-NL pl-PL pt-BR ru-RU sv-SE th-TH tr-TR "
    "vi-VN zh-CN"
)
_REGIONS = {locale[:2]: locale for locale in _LOCALES.split()} | {"no": "nb-NO"}
"""Default regions of languages, because the service needs one."""


class _UnansweredError(Exception):
    """No attempt to transcribe a clip got an answer."""


def load_azure(settings: EngineSettings, first_wait_seconds: float = FIRST_WAIT_SECONDS) -> Engine:
    """Loads the engine, with the key and the endpoint from the environment.

    Raises StageError if one is missing, the endpoint is not safe for a key, or the language has no known region.
    """
    key, endpoint, locale = secret(KEY), secret(ENDPOINT), locale_of(settings.language)
    _check_credentials(key, endpoint)
    from azure.ai.transcription import TranscriptionClient
    from azure.core.credentials import AzureKeyCredential

    client = TranscriptionClient(
        endpoint.rstrip("/"),
        AzureKeyCredential(key),
        api_version=API_VERSION,
        retry_total=0,
        permit_redirects=False,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=settings.azure_timeout_seconds,
    )
    send = _sender(client, locale)
    stop = threading.Event()
    unanswered = 0

    def hide(text: object) -> str:
        return one_line(str(text).replace(key, "***"))

    def ask(clip: Pcm) -> Transcription:
        sound = flac_bytes(clip)
        return _attempt(lambda: send(sound), settings.azure_attempts, first_wait_seconds, stop, hide)

    def transcribe(clips: Sequence[Pcm]) -> list[Transcription]:
        nonlocal unanswered
        found = []
        with ThreadPoolExecutor(settings.azure_concurrency) as pool:
            answers = [pool.submit(ask, clip) for clip in clips]
            try:
                for answer in answers:
                    try:
                        result, unanswered = answer.result(), 0
                    except _UnansweredError as error:
                        result, unanswered = Transcription(problem=one_line(error)), unanswered + 1
                    if unanswered >= MOST_UNANSWERED:
                        raise StageError(
                            f"expected answers from Azure Speech at {ENDPOINT}, found none for {unanswered} clips in a row "
                            f"({result.problem}): run it again later"
                        )
                    found.append(result)
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return found

    return Engine(f"azure/{API_VERSION}", BATCHES_AT_ONCE * settings.azure_concurrency, transcribe)


def secret(variable: str) -> str:
    """Returns the value of an environment variable, or the contents of the file that <variable>_FILE names, or ""."""
    if value := os.environ.get(variable):
        return value.strip()
    if not (name := os.environ.get(f"{variable}_FILE")):
        return ""
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StageError(f"expected {variable}_FILE to name a file that can be read, found: {error.strerror}; fix or unset it") from None


def locale_of(language: str) -> str:
    """Returns the service's name of a language, for example ko-KR; "" makes it detect the language."""
    name, _, rest = language.partition("-")
    if rest:
        return f"{name.lower()}-{rest.upper() if len(rest) == 2 else rest}"
    if name.lower() not in ("", *_REGIONS):
        raise StageError(f"parameter transcribe_language: expected a language with its region for azure (ko-KR), found {language!r}")
    return _REGIONS.get(name.lower(), "")


def _check_credentials(key: str, endpoint: str) -> None:
    advice = "set them in the environment, on Kubernetes in the secret speechmill-azure (key, endpoint)"
    if not key or not endpoint:
        missing = " and ".join(name for name, value in ((KEY, key), (ENDPOINT, endpoint)) if not value)
        raise StageError(f"expected {KEY} and {ENDPOINT} for the engine azure, found no {missing}: {advice}")
    if not key.isascii() or not key.isprintable():
        raise StageError(f"expected a line of printable ASCII in {KEY}, found other characters: {advice}")
    parts = urlsplit(endpoint)
    if (
        not parts.hostname
        or parts.username
        or parts.query
        or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)))
    ):
        raise StageError(
            f"expected {ENDPOINT} to be https://… (http sends the key unencrypted: only for this machine's own addresses), "
            f"found {parts.scheme or 'no scheme'}: {advice}"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sender(client: Any, locale: str) -> Callable[[bytes], Transcription]:
    """Returns a function that sends a FLAC file and parses the answer."""
    from azure.ai.transcription.models import TranscriptionContent, TranscriptionOptions

    def send(sound: bytes) -> Transcription:
        options = TranscriptionOptions(locales=[locale] if locale else None, profanity_filter_mode="None")
        result = client.transcribe(TranscriptionContent(definition=options, audio=("clip.flac", sound, "audio/flac")))
        return _transcription(result, locale)

    return send


def _transcription(result: Any, locale: str) -> Transcription:
    """Parses an answer; raises ValueError, TypeError, AttributeError or KeyError if it is malformed."""
    phrases = list(result.phrases)
    text = " ".join(p.text for p in result.combined_phrases).strip()
    seconds = {name: 0.0 for name in (p.locale or locale for p in phrases)}
    total, weight = 0.0, 0.0
    for phrase in phrases:
        length = max(1, int(phrase.duration_milliseconds)) / 1000
        seconds[phrase.locale or locale] += length
        if phrase.confidence is not None:
            total += length * math.log(min(1.0, max(_LEAST_CONFIDENCE, float(phrase.confidence))))
            weight += length
    words = tuple(
        Word(w.text, w.offset_milliseconds / 1000, (w.offset_milliseconds + w.duration_milliseconds) / 1000)
        for p in phrases
        for w in p.words or ()
    )
    language = max(seconds, key=lambda name: seconds[name]) if seconds else locale
    return Transcription(text, language, total / weight if weight else None, words, no_speech=not text)


def _attempt(
    send: Callable[[], Transcription], attempts: int, wait_seconds: float, stop: threading.Event, hide: Callable[[object], str]
) -> Transcription:
    """Sends a clip until the service answers. If the service rejects the clip, the result holds the reason.

    Args:
        wait_seconds: Wait before the second attempt; it doubles for each further one, unless the service asks for another wait.
        stop: Ends the wait.
        hide: Turns a text into one line without the key.

    Raises:
        StageError: The service rejects the key, or is not Azure's fast transcription.
        _UnansweredError: No attempt got an answer.
    """
    from azure.core.exceptions import AzureError, HttpResponseError

    for attempt in range(1, attempts + 1):
        asked = None
        try:
            return send()
        except HttpResponseError as error:
            status = int(error.status_code or 0)
            said = hide(f"{status} {error.reason}: {error.message}")
            if status in (401, 403):
                raise StageError(f"expected Azure Speech to accept {KEY}, found {said}: check the key, resource and {ENDPOINT}") from None
            if 300 <= status < 400 or status == 404:
                raise StageError(
                    f"expected Azure's fast transcription at {ENDPOINT}, found {said}: check the address and its region"
                ) from None
            if status < 500 and status not in _AGAIN:
                return Transcription(problem=f"Azure Speech rejected it: {said}")
            asked = retry_after(error.response.headers.get("Retry-After") if error.response else None)
        except AzureError as error:
            said = hide(f"{type(error).__name__}: {error}")
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            said = f"the answer is not a transcript ({type(error).__name__})"
        wait = wait_seconds * WAIT_GROWTH ** (attempt - 1) if asked is None else asked
        if wait > MOST_WAIT_SECONDS:
            raise _UnansweredError(f"Azure Speech asks for {wait:.0f} s before attempt {attempt + 1} of {attempts}: {said}")
        if attempt < attempts and stop.wait(wait):
            break
    raise _UnansweredError(f"no answer from Azure Speech in {attempt} attempts: {said}")


def retry_after(header: str | None) -> float | None:
    """Returns the wait in seconds of a Retry-After header, a number or a date; None if it is absent or malformed."""
    if header is None:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", header.strip()):
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
