"""The engine that a run uses where it leaves it open."""

from pathlib import Path

import pytest

from components.shared.model import File, Model
from components.shared.task import StageError
from pipelines.inputs.transcription import ENGINE, LANGUAGE, SECOND, VARIABLES, azure_configured, resolve, settle, uses_azure
from store.interface import Store
from store.models import ModelStore
from store.objects import open_store
from tests.models import write_model


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


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with two models of kind whisper, and another one."""
    opened = open_store(str(tmp_path / "store"))
    for name, kind, size in (("small", "whisper", 1), ("large", "whisper", 2), ("huge", "spleeter", 3)):
        ModelStore(opened).push(write_model(tmp_path / name, name, {"model.bin": b"x" * size}, kind))
    return opened


def settled(engine: str, wanted: str, opened: Store, language: str = "") -> tuple[str, str]:
    settings, models, line = settle({ENGINE: engine, LANGUAGE: language}, {"transcribe_model": wanted, "reference": "x"}, lambda: opened)
    assert models["reference"] == "x" and settings[LANGUAGE] == language and "\n" not in line
    return settings[ENGINE], models["transcribe_model"].partition("/")[0]


def test_engine_and_model_go_together(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert settled("none", "auto", store) == ("none", "none")
    assert settled("pocketsphinx", "none", store) == ("pocketsphinx", "none")
    assert settled("whisper", "auto", store) == settled("auto", "auto", store) == ("whisper", "large")
    assert settled("whisper", "small", store) == settled("auto", "small", store) == ("whisper", "small")
    empty = open_store(str(tmp_path / "empty"))
    assert settled("auto", "auto", empty, "en") == ("pocketsphinx", "none")
    assert settled("auto", "auto", empty, "ko") == ("none", "none")
    with pytest.raises(StageError, match=r"transcribe_model: expected a model of kind whisper, found none in .*speechmill models fetch"):
        settled("whisper", "auto", empty)
    with pytest.raises(StageError, match=r"transcribe_model: expected a model of kind whisper"):
        settled("whisper", "none", store)
    assert settled("auto", "none", store) == ("none", "none")
    with pytest.raises(StageError, match=r"transcribe_model: expected none for the engine azure, found small"):
        settled("azure", "small", store)
    for name in VARIABLES:
        monkeypatch.setenv(name, "x")
    assert settled("auto", "auto", store) == ("azure", "none")
    assert settled("auto", "small", store) == ("whisper", "small"), "who names a model wants whisper"


def test_the_second_engine_gets_the_model_of_its_kind(store: Store, tmp_path: Path) -> None:
    ModelStore(store).push(write_model(tmp_path / "ko", "ko", {"am/final.mdl": b"x"}, "vosk"))
    chosen = {ENGINE: "whisper", SECOND: "vosk", LANGUAGE: "ko"}
    _, models, line = settle(chosen, {"transcribe_model": "auto", "transcribe_second_model": "auto"}, lambda: store)
    assert {name: model.partition("/")[0] for name, model in models.items()} == {
        "transcribe_model": "large",
        "transcribe_second_model": "ko",
    }
    assert "vosk transcribes as well" in line
    with pytest.raises(StageError, match=r"transcribe_second_model: expected none for the engine pocketsphinx, found ko"):
        settle(chosen | {SECOND: "pocketsphinx"}, {"transcribe_model": "auto", "transcribe_second_model": "ko"}, lambda: store)
    with pytest.raises(StageError, match=r"expected a model of kind vosk, found none in .*speechmill models fetch vosk-ko"):
        settle(chosen, {"transcribe_model": "large"}, lambda: open_store(str(tmp_path / "empty")))


def test_a_run_needs_the_internet_if_either_engine_is_azure_s() -> None:
    assert uses_azure({ENGINE: "azure", SECOND: "none"}) and uses_azure({ENGINE: "whisper", SECOND: "azure"})
    assert not uses_azure({ENGINE: "whisper", SECOND: "vosk"})


def test_a_store_is_looked_at_only_where_it_has_to_be() -> None:
    def closed() -> Store:
        raise AssertionError("nobody may look")

    for engine in ("none", "azure", "pocketsphinx"):
        assert settle({ENGINE: engine, LANGUAGE: ""}, {"transcribe_model": "auto"}, closed)[0][ENGINE] == engine
    assert settle({ENGINE: "whisper", LANGUAGE: ""}, {"transcribe_model": "small"}, closed)[1]["transcribe_model"] == "small"
