"""A real Label Studio server for tests, in an environment of its own and started on loopback."""

import os
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pipelines.local import environments
from tests.http_server import free_port
from tests.places import ROOT

PASSWORD = "reviewer-of-tests"


@cache
def program() -> Path:
    """The program of the server, whose environment is made if it is missing."""
    return environments.made("labelstudio", ROOT / "tests" / "labelstudio.txt").parent / "label-studio"


class LabelStudio:
    """A server with one user, that may show files of a folder."""

    def __init__(self, folder: Path, files: Path) -> None:
        self.user, self.token, self.port = "ann@example.com", secrets.token_hex(20), free_port()
        self.url, self._folder, self._files = f"http://127.0.0.1:{self.port}", folder, files
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which `speechmill review` connects to the server."""
        return {"LABEL_STUDIO_URL": self.url, "LABEL_STUDIO_API_KEY": self.token}

    def start(self) -> None:
        """Starts the server and waits until it answers. The first start makes its database, which takes a minute."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "LABEL_STUDIO"))}
        settings = {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self._folder),
            "LABEL_STUDIO_USERNAME": self.user,
            "LABEL_STUDIO_PASSWORD": PASSWORD,
            "LABEL_STUDIO_USER_TOKEN": self.token,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self._files),
            "COLLECT_ANALYTICS": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "LATEST_VERSION_CHECK": "false",
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [program(), "start", "--no-browser", "--port", str(self.port), "--internal-host", "127.0.0.1"]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=own | settings, stdout=log, stderr=log, cwd=self._folder)
        while self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.5)
        raise RuntimeError(f"expected Label Studio to start, found it ended: {(self._folder / 'server.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Stops the server."""
        if self._process:
            self._process.terminate()
            self._process.wait()


@contextmanager
def serving(folder: Path, files: Path) -> Iterator[LabelStudio]:
    """Starts a server with its database in a folder, that may show files of another one; stops it at the end."""
    server = LabelStudio(folder, files)
    server.start()
    try:
        yield server
    finally:
        server.stop()
