"""A stage that is asked to end: one line, the status of the signal, and no temporary files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

BEGINNING = """
import signal, sys, tempfile, time, traceback
from components.shared import ending
signal.signal(signal.SIGINT, signal.default_int_handler)
ending.PATIENCE_SECONDS = 1.0
ending.prepare()
"""
IMPORTING = "print('ready', flush=True); time.sleep(600)"
WORKING = f"""
with ending.tidily(), tempfile.TemporaryDirectory(dir=sys.argv[1]):
    {IMPORTING}
"""
TRACING = f"""
with ending.tidily():
    try:
        {IMPORTING}
    except BaseException:
        traceback.print_exc()
        raise ImportError("a library makes another error of it") from None
"""
HIDING = f"""
with ending.tidily():
    while True:
        try:
            {IMPORTING}
        except BaseException:
            pass
"""
REDIRECTING = f"""
import os
with ending.tidily(), tempfile.TemporaryFile() as messages:
    os.dup2(messages.fileno(), 2)
    {IMPORTING}
"""
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def started(code: str, folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", BEGINNING + code, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@SIGNALS
@pytest.mark.parametrize(
    "code", [IMPORTING, WORKING, TRACING, HIDING, REDIRECTING], ids=["importing", "working", "tracing", "hiding", "redirecting"]
)
def test_a_signal_ends_a_stage_with_one_line_and_its_status(tmp_path: Path, code: str, number: signal.Signals) -> None:
    process = started(code, tmp_path)
    process.send_signal(number)
    _, said = process.communicate()
    assert (process.returncode, said) == (128 + number, f"error: ended by {number.name}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal_does_not_wait_for_anything(tmp_path: Path) -> None:
    code = f"""
ending.PATIENCE_SECONDS = 600.0
with ending.tidily():
    try:
        {IMPORTING}
    finally:
        {IMPORTING}
"""
    process = started(code, tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert (process.returncode, said) == (130, "error: ended by SIGTERM\n")


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); from components.shared import ending; ending.prepare(); "
    code += "signal.raise_signal(signal.SIGINT); print('done')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "done\n"


def test_other_programs_keep_their_own_handlers() -> None:
    code = "import signal, components.shared.rows; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    interrupted = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, **interrupted).stdout == "True\n"
