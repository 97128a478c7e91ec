"""Ends a stage early: one line and the right status on SIGTERM and Ctrl-C, whatever it is importing or doing."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NUMBERS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_SECONDS = 5.0
"""Time to delete temporary files. A local run waits for 10 s before SIGKILL, Kubernetes for 30 s."""


class _Process:
    """What a signal finds."""

    stderr = -1
    """The standard error as it was at the start: a stage may redirect its own while it imports a library."""
    at_work = False
    status = 0


def prepare() -> None:
    """Handles the signals from now on."""
    if _Process.stderr < 0:
        _Process.stderr = os.dup(2)
        for number in NUMBERS:
            if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` and a shell's background jobs want it
                signal.signal(number, _end)


@contextmanager
def tidily() -> Iterator[None]:
    """Lets a signal raise SystemExit inside the `with` block, which deletes temporary files; outside of it, the process just ends."""
    prepare()
    _Process.at_work = True
    try:
        yield
    finally:
        _Process.at_work = False
        if _Process.status:  # also if a library made another error of SystemExit
            os._exit(_Process.status)


def _end(number: int, _: object) -> None:
    again, _Process.status = _Process.status, 128 + number
    if not again:
        os.write(_Process.stderr, f"error: ended by {signal.Signals(number).name}\n".encode())
    if again or not _Process.at_work:
        os._exit(_Process.status)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries print tracebacks of a SystemExit that passes through them
    timer = threading.Timer(PATIENCE_SECONDS, os._exit, [_Process.status])  # or hide it
    timer.daemon = True
    timer.start()
    raise SystemExit(_Process.status)
