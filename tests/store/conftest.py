"""Empty stores: a folder, and a bucket of a real MinIO."""

from pathlib import Path

import pytest


@pytest.fixture(params=["folder", "minio"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URI of an empty store. Tests with it run on both kinds."""
    return str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket")
