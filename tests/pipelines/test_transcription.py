"""The engine that a run uses where it leaves it open."""

from components.shared.model import File, Model
from pipelines.transcription import azure_configured, resolve


def model(name: str, size: int, created: str = "2026-01-01T00:00:00Z") -> Model:
    return Model(name, "0" * 12, "whisper", "MIT", "", created, {"model.bin": File("", size)})


SMALL, LARGE = model("whisper-small", 480), model("whisper-large-v3", 3000)


def test_azure_where_it_is_configured() -> None:
    engine, chosen, line = resolve("auto", "ko", True, [LARGE])
    assert (engine, chosen) == ("azure", None) and "azure" in line


def test_else_the_largest_whisper_of_the_store_and_of_equals_the_newest() -> None:
    newer = model("whisper-large-v3", 3000, "2026-02-01T00:00:00Z")
    engine, chosen, line = resolve("auto", "ko", False, [SMALL, newer, LARGE])
    assert engine == "whisper" and chosen is newer and "whisper-large-v3" in line


def test_else_pocketsphinx_for_english_alone() -> None:
    assert resolve("auto", "en-US", False, [])[0] == "pocketsphinx"
    for language in ("ko", ""):
        engine, chosen, line = resolve("auto", language, False, [])
        assert (engine, chosen) == ("none", None) and "speechmill models fetch" in line


def test_an_engine_that_was_chosen_stays() -> None:
    for engine in ("azure", "whisper", "pocketsphinx", "none"):
        assert resolve(engine, "ko", True, [LARGE])[:2] == (engine, None)


def test_azure_is_configured_by_variables_or_files() -> None:
    assert azure_configured({"AZURE_SPEECH_KEY": "k", "AZURE_SPEECH_ENDPOINT_FILE": "/secrets/endpoint"})
    assert not azure_configured({"AZURE_SPEECH_KEY": "k"})
    assert not azure_configured({"AZURE_SPEECH_KEY": "", "AZURE_SPEECH_ENDPOINT": "https://x"})
