"""Runs a program and measures what it used: time by the clock, CPU time and peak memory, of it and of all processes that it started."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05
"""Time between two looks at the memory."""
GRACE_SECONDS = 15.0
"""Time between SIGTERM and SIGKILL."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """What one run of a program used."""

    wall_seconds: float
    """By the clock, from its start to its end."""
    cpu_seconds: float
    """User and system time, of it and of the processes that it waited for."""
    peak_mb: float
    """Highest sum, in MB, of the resident memory of it and of its descendants at one moment."""
    written_mb: float = 0.0
    """Size of its outputs, in MB."""
    stored_mb: float = 0.0
    """Size of what it wrote into the store, in MB."""


class RunFailedError(Exception):
    """A program that is measured failed; the message is its last line of output, or says that it took too long."""


def measured(command: Sequence[str], environment: Mapping[str, str], folder: Path, limit_seconds: float) -> Usage:
    """Runs a program to its end.

    Args:
        command: The program and its arguments.
        environment: Its environment variables.
        folder: Its current folder.
        limit_seconds: Time after which it is ended, by the clock.

    Returns:
        What it used; `written_mb` and `stored_mb` are 0.

    Raises:
        RunFailedError: It ended with another status than 0, or took too long.
    """
    with tempfile.TemporaryFile() as log:
        start = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        late = threading.Timer(limit_seconds, _end, [process.pid])
        late.daemon = True
        late.start()
        try:
            with _watched(process.pid) as peak:
                status, usage = os.wait4(process.pid, 0)[1:]
        except BaseException:
            _end(process.pid)
            raise
        finally:
            seconds = time.monotonic() - start
            process.returncode = 0  # it was waited for here, not by subprocess
            late.cancel()
        if status:
            why = f"took longer than {limit_seconds:.0f} s" if seconds >= limit_seconds else _last_line(log.fileno(), status)
            raise RunFailedError(why)
    return Usage(seconds, usage.ru_utime + usage.ru_stime, peak[0])


def _last_line(log: int, status: int) -> str:
    """Returns the last line that a program printed, or its status if it printed nothing."""
    os.lseek(log, max(0, os.lseek(log, 0, os.SEEK_END) - 4096), os.SEEK_SET)
    lines = os.read(log, 4096).decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else f"status {os.waitstatus_to_exitcode(status)}"


def _end(pid: int) -> None:
    """Asks a program and its descendants to end, and ends those that are left after GRACE_SECONDS."""
    family = descendants(pid)
    _signal(family[:1], signal.SIGTERM)  # it ends its own children, in sessions of their own
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
        time.sleep(0.1)
    _signal(family, signal.SIGKILL)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return "Z"


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """Yields a list whose item is the peak memory so far, in MB, of a process and of its descendants."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            family = descendants(pid)
            together = sum(_resident_mb(p) for p in family)
            peak[0] = max(peak[0], together, *(peak_mb(p) for p in family))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def descendants(pid: int) -> list[int]:
    """Returns a process and all processes below it, by their ids."""
    found = [pid]
    for parent in found:  # grows while it is read
        with contextlib.suppress(OSError):  # it may end meanwhile
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
    return found


def _resident_mb(pid: int) -> float:
    """Returns the resident memory of a process in MB, 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6
    except (OSError, IndexError):
        return 0.0


def peak_mb(pid: int) -> float:
    """Returns the peak resident memory of a process since it started its program, in MB, 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):
        return 0.0
