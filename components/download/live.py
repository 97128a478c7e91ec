"""Recognizes live streams, which have no end, while they arrive."""

import time
from collections.abc import Callable
from pathlib import Path

from components.download.policy import ItemError
from components.shared.audio import measured_seconds
from components.shared.http import LIVE

WINDOW_SECONDS = 30.0
MATCHES = 2
"""Windows in a row in which sound arrives as fast as it plays. One can be chance, or hold the burst with which a stream begins."""
TOLERANCE = 0.1
"""Allowed difference, as a share, between the seconds of sound that arrive in a window and its length."""


class LiveWatch:
    """Compares the sound that arrives with the time that passes: a file is sent as fast as the network allows, a live stream plays."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._since, self._had, self._matches = clock(), 0, 0

    def __call__(self, have: int) -> None:
        """Takes the number of bytes that the file has now.

        Raises:
            ItemError: The file is a live stream.
        """
        now = self._clock()
        passed = now - self._since
        if have < self._had:  # a new attempt begins the file anew
            self._since, self._had, self._matches = now, have, 0
        elif passed >= WINDOW_SECONDS:
            seconds = measured_seconds(self._path) * (have - self._had) / have
            self._matches = self._matches + 1 if abs(seconds / passed - 1) <= TOLERANCE else 0
            self._since, self._had = now, have
            if self._matches == MATCHES:
                raise ItemError(f"{LIVE}: its sound arrives as fast as it plays, and its source states no size")
