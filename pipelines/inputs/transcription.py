"""Chooses the engine and the model for transcripts before a run starts, so that cache keys contain the choice."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.shared.model import Model
from components.shared.task import StageError
from pipelines.inputs.slots import AUTO, NONE, TRANSCRIBE, TRANSCRIBE_SECOND, Slot
from store.interface import Store
from store.models import ModelStore

Settled = tuple[dict[str, Any], dict[str, str], str]
ENGINE, SECOND, LANGUAGE = "transcribe_engine", "transcribe_second", "transcribe_language"
AZURE, _WHISPER, _VOSK = "azure", "whisper", "vosk"
VARIABLES = ("AZURE_SPEECH_KEY", "AZURE_SPEECH_ENDPOINT")


def azure_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Returns whether the environment has a key and an endpoint of Azure Speech, or the files with them that <name>_FILE name."""
    return all(environment.get(name) or environment.get(f"{name}_FILE") for name in VARIABLES)


def resolve(engine: str, language: str, azure_configured: bool, whisper_models: Sequence[Model]) -> tuple[str, Model | None, str]:
    """Returns the engine of a run, its model, and a line that describes the choice.

    Only AUTO is resolved: to `azure` if tasks will have its key and endpoint; else to `whisper` with the largest model of the store,
    the newest of equally large ones; else to `pocketsphinx` if the language is English; else to `none`.
    """
    if engine != AUTO:
        line = f"transcripts are written by {engine}" if engine != "none" else "no transcripts are written: transcribe_engine none"
        return engine, None, line
    if azure_configured:
        return "azure", None, "transcripts are written by azure, whose key and endpoint are configured: transcribe_engine auto"
    if whisper_models:
        model = largest(whisper_models)
        return "whisper", model, f"transcripts are written by whisper with {model.name} {model.version}, the largest model of the store"
    if language.lower().partition("-")[0] == "en":
        return "pocketsphinx", None, "transcripts are written by pocketsphinx, with many errors; whisper makes fewer: " + _ADVICE
    return "none", None, "no transcripts are written, since neither azure nor whisper is configured: " + _ADVICE


_ADVICE = "speechmill models fetch whisper-small, then models push whisper-small --to the store"
_WITH_MODEL = {_WHISPER: _ADVICE, _VOSK: _ADVICE.replace("whisper-small", "vosk-ko")}
"""The engines that take a model of their own kind, and how to get one."""


def settle(settings: Mapping[str, Any], models: Mapping[str, str], store: Callable[[], Store]) -> Settled:
    """Replaces AUTO in the engine of transcripts, and in the models of both engines.

    `settings` and `models` are those of the pipeline, by parameter. `store` opens the store of the run, only for AUTO and engines that
    take a model. Returns settings, models, and a line that describes the choice. Raises StageError if an engine takes no model, or if
    there is none for it.
    """
    engine, wanted = settings[ENGINE], models[TRANSCRIBE.parameter]
    if engine == AUTO and wanted not in ("", AUTO, NONE):
        engine = _WHISPER
    stored = _stored(store(), _WHISPER) if engine == AUTO and wanted in ("", AUTO) else []
    engine, found, line = resolve(engine, settings[LANGUAGE], azure_configured(), stored)
    second = settings.get(SECOND, NONE)
    if second != NONE:
        line = f"{line}; {second} transcribes as well"
    chosen = {
        TRANSCRIBE.parameter: f"{found.name}/{found.version}" if found else _model(engine, TRANSCRIBE, wanted, store),
        TRANSCRIBE_SECOND.parameter: _model(second, TRANSCRIBE_SECOND, models.get(TRANSCRIBE_SECOND.parameter, AUTO), store),
    }
    return {**settings, ENGINE: engine}, {**models, **chosen}, line


def uses_azure(settings: Mapping[str, Any]) -> bool:
    """Returns whether one of the engines is Azure's."""
    return AZURE in (settings.get(ENGINE), settings.get(SECOND))


def largest(models: Sequence[Model]) -> Model:
    """Returns the largest model; the newest of equally large ones."""
    return max(models, key=lambda m: (sum(f.bytes for f in m.files.values()), m.created, m.version))


def _model(engine: str, slot: Slot, wanted: str, store: Callable[[], Store]) -> str:
    """Returns the model that an engine gets: the one that is wanted, else the largest of its kind in the store."""
    left_open, named = wanted in ("", AUTO), wanted not in ("", AUTO, NONE)
    if engine not in _WITH_MODEL:
        if named:
            raise StageError(
                f"{slot.parameter}: expected none for the engine {engine}, found {wanted}: the engines {' and '.join(_WITH_MODEL)} take one"
            )
        return NONE
    if named:
        return wanted
    stored = _stored(store(), engine) if left_open else []
    if not stored:
        raise StageError(f"{slot.parameter}: expected a model of kind {engine}, found none in {store().uri}: {_WITH_MODEL[engine]}")
    model = largest(stored)
    return f"{model.name}/{model.version}"


def _stored(store: Store, kind: str) -> list[Model]:
    models = ModelStore(store)
    return [model for name in models.names() for model in models.versions(name) if model.kind == kind]
