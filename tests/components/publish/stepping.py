"""Publishers that run in turn, one step of the store at a time, and die where a test says."""

import threading
from collections.abc import Callable
from typing import Any

from store.interface import Store

STEPS = ("read", "write", "open", "create", "delete", "exists", "keys", "sizes", "table_uri")
"""The operations of a store before which a publisher waits for its turn; every read and commit of a table begins with `table_uri`."""


class Died(BaseException):
    """The process of a publisher ends here."""


class Publisher:
    """A publisher in a thread of its own. Its store does one operation a turn."""

    def __init__(self, store: Store, work: Callable[[Store], Any]) -> None:
        self._store, self._work = store, work
        self._turn, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._free = self.is_dead = self.is_done = False
        self.steps = 0
        self.result: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._waits.acquire()

    def step(self) -> None:
        """Lets the publisher do its next operation, and waits until it is about to do another one, or is done."""
        if not self.is_done:
            self.steps += 1
            self._turn.release()
            self._waits.acquire()

    def finish(self) -> None:
        """Lets the publisher do all that is left."""
        while not self.is_done:
            self.step()

    def die(self) -> None:
        """Ends the publisher before its next operation: it does nothing more, not even what it would do at the end."""
        if not self.is_done:
            self.is_dead = True
            self.finish()

    def _run(self) -> None:
        try:
            self._wait()
            self.result = self._work(_Stepping(self._store, self._wait))
        except Died:
            pass
        except BaseException as error:
            if not self.is_dead:
                self.result = error
        self.is_done = True
        self._waits.release()

    def _wait(self) -> None:
        if threading.current_thread() is not self._thread:  # renewals of a lease are not steps
            if self.is_dead:
                raise Died
            return
        self._waits.release()
        self._turn.acquire()
        if self.is_dead:
            raise Died


class _Stepping:
    """A store that calls `wait` before each operation of STEPS."""

    def __init__(self, store: Store, wait: Callable[[], None]) -> None:
        self._store, self._wait = store, wait

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in STEPS:
            return found

        def stepped(*arguments: Any) -> Any:
            self._wait()
            return found(*arguments)

        return stepped
