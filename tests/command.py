"""Runs the `speechmill` command inside the tests' process, since a new process takes seconds to start."""

import contextlib
import io
import subprocess
import sys

import pytest

from pipelines.commands.cli import main


def speechmill(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with these arguments and environment variables."""
    given, status = ["speechmill", *map(str, arguments)], 0
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", given)
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return subprocess.CompletedProcess(given, status, out.getvalue(), err.getvalue())
