"""An empty store of each kind."""

from pathlib import Path

import pytest


@pytest.fixture(params=["folder", "minio"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URI of an empty store: every test runs on both kinds."""
    return str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket")
