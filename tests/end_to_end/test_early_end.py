"""Every stage that is asked to end while it imports its packages."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from components.deployment import ROOT
from pipelines.local import environments
from pipelines.local.embedded import environment_of


def handles(process: subprocess.Popen[str], number: int) -> bool:
    """Whether a process has a handler for a signal."""
    (line,) = [text for text in Path(f"/proc/{process.pid}/status").read_text().splitlines() if text.startswith("SigCgt:")]
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stage", environments.stages())
def test_a_stage_that_imports_ends_with_one_line(stage: str, number: signal.Signals) -> None:
    python = environments.ensure(stage)
    command = [python, "-m", f"components.{stage}", "{}", f"speechmill/{stage}:0"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment_of(python), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while not handles(process, signal.SIGTERM):
            os.sched_yield()
        process.send_signal(number)
        said, _ = process.communicate()
    assert (process.returncode, said) == (128 + number, f"error: ended by {number.name}\n")
