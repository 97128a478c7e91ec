"""How a run on this machine grows with the audio: time for an hour of it, memory, and restarts. There is no peer.

    PYTHONPATH=. .venv/bin/python benchmarks/growth.py [--audio FOLDER] [--minutes 60 600] [--recording-minutes 30] [--shard-minutes 120]

The audio is looped into recordings of a folder, each with its own start, so that no two are the same file. For every length a new store
gets a dataset with the default settings, and then the same command runs again. With the first length it also runs once more after a run
that was killed in the middle. CPU seconds depend on the load of the machine less than seconds by the clock.
"""

import argparse
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.suite.measure import descendants, peak_mb
from components.shared.audio import ffmpeg
from pipelines.datasets.export import AUDIO_SUFFIXES
from tests.places import SAMPLE

POLL_SECONDS = 0.2
STEP_SECONDS = 7.0
"""Difference between the starts of two recordings in the looped audio."""


def recordings(source: Path, folder: Path, minutes: float, each: float) -> int:
    """Writes recordings of `each` minutes, `minutes` in all, as looped audio of the files in `source`; returns their number."""
    files = sorted(path for path in source.iterdir() if path.suffix.casefold() in AUDIO_SUFFIXES)
    count = max(1, round(minutes / each))
    for number in range(count):
        file = files[number % len(files)]
        start = str(STEP_SECONDS * (number // len(files)))
        command = [ffmpeg(), "-v", "fatal", "-stream_loop", "-1", "-ss", start, "-i", str(file), "-t", str(60 * minutes / count)]
        subprocess.run([*command, "-b:a", "128k", str(folder / f"{number:05}.mp3")], check=True)
    return count


@dataclass
class Peaks:
    """Resident memory at its peak, in MB: of the control process, and of the processes of each stage."""

    control: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)


@contextlib.contextmanager
def watched(process: subprocess.Popen[str]) -> Iterator[Peaks]:
    """Asks again and again for the memory of a run's processes."""
    peaks, stop = Peaks(), threading.Event()

    def look() -> None:
        while not stop.wait(POLL_SECONDS):
            peaks.control = max(peaks.control, peak_mb(process.pid))
            for child in descendants(process.pid):
                if stage := _stage(child):
                    peaks.stages[stage] = max(peaks.stages.get(stage, 0.0), peak_mb(child))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


def _stage(process: int) -> str:
    """Returns the stage that a process runs, or an empty text."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{process}/cmdline").read_text(errors="replace").split("\0")
        return next((word.removeprefix("components.") for word in words if word.startswith("components.")), "")
    return ""


@dataclass(frozen=True)
class Done:
    """What a run took: seconds by the clock and of the processors, memory, and the number of tasks that were done."""

    seconds: float
    cpu_seconds: float
    peaks: Peaks
    tasks: int


def run(sources: Path, store: Path, shard_minutes: float, most_tasks: int = 0) -> Done:
    """Runs the pipeline on a folder. With `most_tasks` it is killed when so many are done."""
    command = [sys.executable, "-c", "from pipelines.commands.cli import main; main()", "run", "--dataset", "growth"]
    options = ["--sources", str(sources), "--store", str(store), "--discover-shard-seconds", str(60 * shard_minutes)]
    started, before, path = time.monotonic(), _cpu_seconds(), store.parent / "run.log"
    with path.open("w") as log:
        process = subprocess.Popen([*command, *options], stdout=log, stderr=log, text=True, start_new_session=True)
        with watched(process) as peaks:
            while process.poll() is None:
                time.sleep(POLL_SECONDS)
                if most_tasks and _done(path) >= most_tasks:
                    os.kill(process.pid, signal.SIGTERM)
                    process.wait()
    if process.returncode and not most_tasks:
        raise SystemExit(f"the run failed: {path.read_text()[-2000:]}")
    return Done(time.monotonic() - started, _cpu_seconds() - before, peaks, _done(path))


def _cpu_seconds() -> float:
    """Returns the CPU seconds of all programs that have ended, which this one and they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _done(log: Path) -> int:
    """Returns the number of tasks that a run has done, by its log."""
    return log.read_text(errors="replace").count("| done in ")


def measure(source: Path, minutes: float, each: float, shard_minutes: float, restarts: bool, scratch: Path) -> None:
    """Prints the figures of one length."""
    folder, store = scratch / "sources", scratch / "store"
    folder.mkdir()
    count = recordings(source, folder, minutes, each)
    whole = run(folder, store, shard_minutes)
    again = run(folder, store, shard_minutes)
    hours = minutes / 60
    print(f"{minutes:g} minutes in {count} recordings, a load of {os.getloadavg()[0]:.1f}:")
    print(f"  {whole.seconds:.0f} s, for an hour of audio {whole.seconds / hours:.0f} s and {whole.cpu_seconds / hours:.0f} CPU seconds")
    print(f"  finished, again: {again.seconds:.1f} s")
    stages = ", ".join(f"{stage} {mb:.0f} MB" for stage, mb in sorted(whole.peaks.stages.items()))
    print(f"  control process {whole.peaks.control:.0f} MB; {stages}", flush=True)
    if restarts:
        shutil.rmtree(store)
        killed = run(folder, store, shard_minutes, most_tasks=whole.tasks // 2)
        rest = run(folder, store, shard_minutes)
        print(f"  killed after {killed.seconds:.0f} s and {killed.tasks} of {whole.tasks} tasks")
        print(f"  again: {rest.seconds:.0f} s, {rest.tasks} tasks")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, default=SAMPLE, help="folder with audio to loop; default: the bundled sample")
    parser.add_argument("--minutes", type=float, nargs="+", default=[60.0, 600.0], help="lengths of audio")
    parser.add_argument("--recording-minutes", type=float, default=30.0)
    parser.add_argument("--shard-minutes", type=float, default=120.0)
    given = parser.parse_args()
    for minutes in given.minutes:
        with tempfile.TemporaryDirectory() as scratch:
            measure(given.audio, minutes, given.recording_minutes, given.shard_minutes, minutes == given.minutes[0], Path(scratch))
