"""Shows a run in the terminal: the lines of each stage after its name, and progress bars."""

import re
import threading
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

_PROGRESS = re.compile(r"progress ([\d.]+) of ([\d.]+) s, ([\d.]+) s/s(.*)")
_RUN = "run"
"""Takes the place of a task's name in what is said of the run as a whole."""


class Display:
    """Prints the lines of concurrent tasks; in a terminal, progress lines become bars."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._bars: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        columns = (TextColumn("{task.description:>12} |"), BarColumn(), TextColumn("{task.fields[shown]}"))
        self._progress = Progress(*columns, console=self._console, transient=True)
        self.live = self._console.is_terminal
        self.heard: Callable[[str, float, float], None] | None = None
        """Gets the name of a task, and the seconds of audio that it has done and has to do, for each of its progress lines."""
        self.errors: dict[str, str] = {}
        """The last `error:` line of every task that printed one."""

    def __enter__(self) -> "Display":
        if self.live:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:  # outside a terminal, stop() prints an empty line
            self._progress.stop()

    def line(self, task: str, text: str) -> None:
        """Shows one line of a task's output."""
        text = text.rstrip()
        match = _PROGRESS.fullmatch(text)
        if match and self.heard:
            self.heard(task, float(match[1]), float(match[2]))
        with self._lock:
            if text.startswith("error: "):
                self.errors[task] = text.removeprefix("error: ")
            if self.live and match:
                self._bar(task, float(match[1]), float(match[2]), float(match[3]), match[4])
            elif text:
                self._console.print(f"{task:>12} | {text}")

    def overall(self, share: float, text: str) -> None:
        """Shows how far the run is, and when it ends: a bar below the others, or a line."""
        with self._lock:
            if not self.live:
                self._console.print(f"{_RUN:>12} | {text}")
                return
            if _RUN in self._bars:
                self._progress.remove_task(self._bars[_RUN])  # to be the last one again
            self._bars[_RUN] = self._progress.add_task(_RUN, total=100, completed=round(100 * share), shown=text)

    def ended(self, task: str) -> None:
        """Removes a task's bar."""
        with self._lock:
            if task in self._bars:
                self._progress.remove_task(self._bars.pop(task))

    def _bar(self, task: str, done: float, total: float, rate: float, note: str) -> None:
        if task not in self._bars:
            self._bars[task] = self._progress.add_task(task, total=total, shown="")
        self._progress.update(self._bars[task], completed=done, shown=f"{done:.0f} of {total:.0f} s of audio, {rate:.1f} s/s{note}")
