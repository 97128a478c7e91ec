"""A model is taken as it was described, or not at all."""

from pathlib import Path

import pytest

from components.shared.model import describe, read_model
from components.shared.task import StageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "sub").mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "sub" / "weights").write_bytes(bytes(range(256)) * 10)
    describe(made, "small", "spleeter", "CC0-1.0", "https://example.org/small", "2026-01-02T03:04:05+00:00")
    return made


def test_a_described_model_is_read_and_its_version_is_that_of_its_files(folder: Path) -> None:
    model = read_model(folder, "spleeter")
    assert (model.name, set(model.files), model.files["sub/weights"].bytes) == ("small", {"config.json", "sub/weights"}, 2560)
    again = describe(folder, "small", "spleeter", "CC0-1.0", "elsewhere", "2027-01-01T00:00:00+00:00")
    assert again.version == model.version and len(model.version) == 12
    (folder / "config.json").write_text("{ }")
    assert describe(folder, "small", "spleeter", "CC0-1.0", "elsewhere", "2027-01-01T00:00:00+00:00").version != model.version


def test_a_truncated_changed_or_missing_file_is_named(folder: Path) -> None:
    weights = folder / "sub" / "weights"
    whole = weights.read_bytes()
    for broken in (whole[:-1], whole[:-1] + b"\0"):
        weights.write_bytes(broken)
        with pytest.raises(StageError, match=r"expected 2560 bytes .*weights.*found 25\d\d bytes"):
            read_model(folder, "spleeter")
    weights.unlink()
    with pytest.raises(StageError, match=r"weights.*found none"):
        read_model(folder, "spleeter")


def test_what_is_no_model_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="of kind whisper"):
        read_model(folder, "whisper")
    with pytest.raises(StageError, match=r"found no model\.json"):
        read_model(tmp_path / "nowhere", "spleeter")
    description = folder / "model.json"
    text = description.read_text()
    for other in (
        "[]",
        "{",
        "{}",
        text.replace('"name"', '"title"'),
        text.replace("sub/weights", "../../weights"),
        text.replace("config", "other"),
    ):
        description.write_text(other)
        with pytest.raises(StageError, match="expected"):
            read_model(folder, "spleeter")
