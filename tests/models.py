"""Writes model folders for tests of the store and its commands. No stage can load them."""

from collections.abc import Mapping
from pathlib import Path

from components.shared.model import describe

CREATED = "2026-11-23T01:00:00+00:00"


def write_model(folder: Path, name: str, files: Mapping[str, bytes], kind: str = "spleeter", created: str = CREATED) -> Path:
    """Writes files, by their paths in the folder, and describes them as a model; returns the folder."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    describe(folder, name, kind, "MIT", "a test", created)
    return folder
