"""Shows the progress of downloads."""

import time

import rich.progress
from rich.console import Console
from rich.filesize import decimal

from pipelines.commands.shared import print_out

_LINE_SECONDS = 10.0


class Transfers:
    """Shows the progress and speed of downloads: bars in a terminal, else a line every _LINE_SECONDS."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        columns = (
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.DownloadColumn(),
            rich.progress.TransferSpeedColumn(),
            rich.progress.TimeRemainingColumn(),
        )
        self._bars = rich.progress.Progress(*columns, console=self._console)
        self._tasks: dict[str, rich.progress.TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}
        self._printed = time.monotonic()

    def __enter__(self) -> "Transfers":
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:  # outside a terminal, stop() prints an empty line
            self._bars.stop()

    def show(self, name: str, have: int, total: int) -> None:
        """Shows that `have` of `total` bytes of a file were received; a total of 0 is unknown."""
        now = time.monotonic()
        began, first = self._began.setdefault(name, (now, have))  # bytes of an earlier transfer do not count for the speed
        if self._console.is_terminal:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=total or None, completed=have)
            self._bars.update(self._tasks[name], completed=have)
        elif now - self._printed >= _LINE_SECONDS or have == total:
            self._printed = now
            rate = f", {decimal(int(max(0, have - first) / (now - began)))}/s" if now > began else ""
            print_out(f"{name}: {decimal(have)}{f' of {decimal(total)}' if total else ''}{rate}")
