"""The settings of the stage, and their checks."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from components.shared.settings import Between, checked
from components.shared.task import StageError

AZURE, NONE = "azure", "none"
WITH_MODEL = ("whisper", "vosk")
"""Engines that take a model. Two models of one of them may transcribe the same clips."""
Engine = Literal["azure", "whisper", "vosk", "pocketsphinx", "none"]
ComputeType = Literal["auto", "default", "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16", "float32"]
"""The names that CTranslate2 uses."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class EngineSettings:
    """The settings of the stage; component.py explains them."""

    engine: Engine
    second: Engine
    language: str
    word_times: bool
    batch_clips: Annotated[int, Between(1, 256)]
    beam_size: Annotated[int, Between(1, 32)]
    fallback: bool
    compute_type: ComputeType
    vad_filter: bool
    vad_threshold: Annotated[float, Between(0.01, 0.99)]
    vad_pad_seconds: Annotated[float, Between(0, 10)]
    no_speech_probability: Annotated[float, Between(0, 1)]
    threads: Annotated[int, Between(0, 1024)]
    azure_concurrency: Annotated[int, Between(1, 64)]
    azure_attempts: Annotated[int, Between(1, 20)]
    azure_timeout_seconds: Annotated[float, Between(1, 3600)]
    azure_max_minutes: Annotated[float, Between(0, 1e9)]


def check_settings(**given: Any) -> EngineSettings:
    """Returns the settings. Raises StageError if one is out of its range, unknown, or not supported by the engine."""
    engine, second, language = given["engine"], given["second"], given["language"]
    if engine == "auto":
        raise StageError(
            "parameter transcribe_engine: expected azure, whisper, vosk, pocketsphinx or none, found auto: the commands resolve it before "
            "they submit a run, because otherwise the cache could not tell one engine's transcripts from another's"
        )
    if second == engine and engine not in (NONE, *WITH_MODEL):
        raise StageError(f"parameter transcribe_second: expected another engine than transcribe_engine, or none, found {second} twice")
    if language and not _LANGUAGE.fullmatch(language):
        raise StageError(f"parameter transcribe_language: expected a BCP 47 language tag (ko, en-US) or nothing, found {language!r}")
    if "pocketsphinx" in (engine, second) and language.lower() not in ("", "en", "en-us"):
        raise StageError(
            f"parameter transcribe_language: expected en-us, the only language of the engine pocketsphinx, found {language}: "
            "choose whisper or azure"
        )
    return checked("transcribe", EngineSettings(**given))
