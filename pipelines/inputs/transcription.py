"""Chooses the engine and the model for transcripts before a run starts, so that cache keys contain the choice."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.shared.model import Model
from components.shared.task import StageError
from pipelines.inputs.slots import AUTO, NONE, TRANSCRIBE
from store.interface import Store
from store.models import ModelStore

Settled = tuple[dict[str, Any], dict[str, str], str]
ENGINE, LANGUAGE = "transcribe_engine", "transcribe_language"
AZURE, _WHISPER = "azure", "whisper"
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


def settle(settings: Mapping[str, Any], models: Mapping[str, str], store: Callable[[], Store]) -> Settled:
    """Replaces AUTO in the engine of transcripts, and in the model of whisper.

    `settings` and `models` are those of the pipeline, by parameter. `store` opens the store of the run, only for the engines
    whisper and AUTO. Returns settings, models, and a line that describes the choice. Raises StageError if the engine takes no
    model, or if there is none for whisper.
    """
    engine, wanted = settings[ENGINE], models[TRANSCRIBE.parameter]
    left_open, named = wanted in ("", AUTO), wanted not in ("", AUTO, NONE)
    if engine == AUTO and named:
        engine = _WHISPER
    stored = _whisper_models(store()) if engine in (AUTO, _WHISPER) and left_open else []
    engine, found, line = resolve(engine, settings[LANGUAGE], azure_configured(), stored)
    if engine != _WHISPER:
        if named:
            raise StageError(f"{TRANSCRIBE.parameter}: expected none for the engine {engine}, found {wanted}: the engine whisper takes one")
        return {**settings, ENGINE: engine}, {**models, TRANSCRIBE.parameter: NONE}, line
    if stored:
        found = found or largest(stored)
        wanted = f"{found.name}/{found.version}"
    elif not named:
        raise StageError(f"{TRANSCRIBE.parameter}: expected a model of kind whisper, found none in {store().uri}: {_ADVICE}")
    return {**settings, ENGINE: engine}, {**models, TRANSCRIBE.parameter: wanted}, line


def largest(models: Sequence[Model]) -> Model:
    """Returns the largest model; the newest of equally large ones."""
    return max(models, key=lambda m: (sum(f.bytes for f in m.files.values()), m.created, m.version))


def _whisper_models(store: Store) -> list[Model]:
    models = ModelStore(store)
    return [model for name in models.names() for model in models.versions(name) if model.kind == _WHISPER]
