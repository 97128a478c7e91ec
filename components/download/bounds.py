"""Limits of one recording: the time that it takes and the bytes that it sends. A source may send for ever, and a program may hang."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from components.download.policy import ItemError
from components.shared.task import Progress

AGAIN_SECONDS = 10.0
"""Pause before a time limit interrupts once more, in case a library hid the first interruption."""


class TimeIsUp(BaseException):
    """The time limit of a recording. As KeyboardInterrupt does, it passes through code that catches every Exception."""


@contextmanager
def time_limit(minutes: float) -> Iterator[None]:
    """Raises TimeIsUp inside the `with` block after so many minutes, whatever the block waits for; 0 is no limit.

    It uses the alarm of the process: timeouts of single reads do not end a transfer of one byte a second.
    """

    def interrupt(*_: object) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, minutes * 60, AGAIN_SECONDS)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Meter:
    """Counts the bytes of a transfer: refuses too many, and shows the progress."""

    def __init__(self, max_bytes: int, progress: Progress) -> None:
        self._max_bytes, self._progress = max_bytes, progress
        self.sized = True
        """Whether the source states the size of the file that it sends."""

    def __call__(self, have: int, total: int) -> None:
        """Takes the bytes received so far and the size of the file; 0 if the size is unknown.

        Raises:
            ItemError: The file is too large.
        """
        self.sized = bool(total)
        if self._max_bytes and max(have, total) > self._max_bytes:
            raise ItemError(f"more than {self._max_bytes} bytes, the limit download_max_bytes")
        self._progress.note(f"{have / 1e6:.1f} of {total / 1e6:.1f} MB" if total else f"{have / 1e6:.1f} MB")
