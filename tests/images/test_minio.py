"""The image of the MinIO server serves a store. Building it (make image-minio) takes minutes, so a missing image skips the test."""

import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from minio import Minio

from pipelines.local import images
from tests.images.conftest import config, docker

SECRET = secrets.token_hex(16)


@pytest.fixture
def address() -> Iterator[str]:
    """Starts a server with a read-only root as the image's user, waits until it is live; its host and port."""
    try:
        name = images.minio_name()
        if not images.exists(name):
            pytest.skip(f"no image {name}: make image-minio")
    except images.ImageError as error:
        pytest.skip(f"no images without Docker: {error}")
    assert config(name)["User"] == "10001:10001"
    sealed = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp")
    keys = ("--env=MINIO_ROOT_USER=someone", f"--env=MINIO_ROOT_PASSWORD={SECRET}")
    container = docker("run", "--detach", "--publish=127.0.0.1::9000", *sealed, *keys, name).strip()
    try:
        found = docker("port", container, "9000").split()[-1]
        for _ in range(60):
            try:
                urllib.request.urlopen(f"http://{found}/minio/health/live", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail(subprocess.run([images.docker(), "logs", container], capture_output=True, text=True).stderr)
        yield found
    finally:
        docker("rm", "--force", "--volumes", container)


def test_the_server_stores_objects_and_refuses_access_without_the_key(address: str) -> None:
    client = Minio(address, "someone", SECRET, secure=False)
    client.make_bucket("speechmill")
    client.fput_object("speechmill", "a", __file__)
    assert client.stat_object("speechmill", "a").size > 0
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"http://{address}/speechmill/a")
