"""Which engine writes transcripts where a run leaves it open: chosen, and told in one line, before the run begins."""

import os
from collections.abc import Mapping, Sequence

from components.shared.model import Model

AUTO = "auto"
VARIABLES = ("AZURE_SPEECH_KEY", "AZURE_SPEECH_ENDPOINT")


def azure_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this machine's environment has a key and an endpoint of Azure Speech, themselves or in the files that <name>_FILE name."""
    return all(environment.get(name) or environment.get(f"{name}_FILE") for name in VARIABLES)


def resolve(engine: str, language: str, azure_configured: bool, whisper_models: Sequence[Model]) -> tuple[str, Model | None, str]:
    """The engine that a run uses, its model, and a line that says so.

    Args:
        engine: As wanted; only AUTO is resolved, another engine stays.
        language: As wanted: BCP 47, or "" for one that is detected.
        azure_configured: Whether tasks will have a key and an endpoint of Azure Speech.
        whisper_models: The models of kind whisper that the store has.

    Returns:
        `azure` where it is configured; else `whisper` with the largest model, of several as large the newest; else `pocketsphinx` where the
        language is English; else `none`.
    """
    if engine != AUTO:
        return (
            engine,
            None,
            f"transcripts are written by {engine}" if engine != "none" else "no transcripts are written: transcribe_engine none",
        )
    if azure_configured:
        return "azure", None, "transcripts are written by azure, whose key and endpoint are configured: transcribe_engine auto"
    if whisper_models:
        model = max(whisper_models, key=lambda m: (sum(f.bytes for f in m.files.values()), m.created, m.version))
        return "whisper", model, f"transcripts are written by whisper with {model.name} {model.version}, the largest model of the store"
    if language.lower().partition("-")[0] == "en":
        return "pocketsphinx", None, "transcripts are written by pocketsphinx, roughly; whisper writes better ones: " + _ADVICE
    return "none", None, "no transcripts are written, since neither azure nor whisper is configured: " + _ADVICE


_ADVICE = "speechmill models fetch whisper-small, then models push whisper-small --to the store"
