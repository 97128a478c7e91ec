"""Every stage of the dataset pipeline and the whole pipeline, beside the libraries that one would otherwise use.

    PYTHONPATH=. .venv/bin/python benchmarks/all.py [--minutes 10] [--long] [--audio FILE|FOLDER …] [--only STAGE …] [--no-peers]

`make bench` runs it. It runs the pipeline once, and then each stage again, alone, on the artifacts of that run, with the peers in
turn. It prints a table, and writes docs/benchmarks.md, docs/benchmarks.json and pipelines/local/rates.json, from which runs are
estimated. With --only or --no-peers it writes nothing unless --out names a folder. Environments of peers are made on demand.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.suite import machine, material, page, rates, results
from benchmarks.suite.environments import NotInstalledError
from benchmarks.suite.jobs import GUESSES, PIPELINE, Job, Stores, jobs
from benchmarks.suite.measure import RunFailedError, Usage
from benchmarks.suite.replay import NAMES, speechmill
from benchmarks.suite.results import Table
from benchmarks.suite.scene import Scene, shortest
from components.deployment import ROOT
from store.bundled import FETCHED

LEAST_MINUTES, LONG_MINUTES = 0.5, 180.0
WHISPER = "whisper-base"


@dataclass
class Course:
    """What is left to measure, and how long it will take."""

    jobs: Sequence[Job]
    lengths: Sequence[float]
    repeat: int
    deadline: float
    loads: list[float] = field(default_factory=list)
    _taken: float = 0.0
    _guessed: float = 0.0

    def left_seconds(self, done: int) -> float:
        """Returns the time that the rest of all runs may take after some of them are done, in seconds."""
        pace = self._taken / self._guessed if self._guessed else 1.0  # how much slower than guessed this machine is
        return sum(job.seen.get(length, pace * job.guess_seconds(length)) for _, job, length in self.runs()[done:] if not job.row.failure)

    def runs(self) -> list[tuple[int, Job, float]]:
        """Returns all runs in order: in each round each job on the shortest input and on the recording."""
        return [(n, job, length) for n in range(self.repeat) for job in self.jobs if not job.same_as for length in self.lengths]

    def took(self, job: Job, length: float, seconds: float) -> None:
        """Notes the time of a run."""
        self._taken, self._guessed = self._taken + seconds, self._guessed + job.guess_seconds(length)
        job.seen[length] = seconds


def say(line: str) -> None:
    """Prints a line at once."""
    print(line, flush=True)


def minutes_left(seconds: float) -> str:
    """Returns a time in words."""
    return "less than a minute left" if seconds < 60 else f"about {seconds / 60:.0f} minutes left"


def whisper_model(limit_seconds: float) -> Path | str:
    """Returns the folder of the Whisper model, which is fetched once; or why there is none."""
    folder = ROOT / FETCHED / WHISPER
    if not (folder / "model.json").exists():
        try:
            say(f"fetching {WHISPER} once")
            speechmill("models", "fetch", WHISPER, limit_seconds=limit_seconds)
        except RunFailedError as error:
            return f"{WHISPER} could not be fetched: {error}"
    return folder


def measure(course: Course, scenes: Sequence[Scene]) -> None:
    """Runs all jobs in turn, round by round, and adds what each used to its row. A job that fails is not run again.

    Args:
        course: What to run.
        scenes: The shortest recording and the one that is measured.
    """
    short, stores, last_round = scenes[0], Stores(), 0
    by_length = {scene.seconds: scene for scene in scenes}
    count = len(course.runs())
    for number, (around, job, length) in enumerate(course.runs()):
        if around != last_round:
            stores, last_round = Stores(), around
        if job.row.failure:
            continue
        scene = by_length[length]
        start = time.monotonic()
        usage = attempt(job, scene, stores, course.deadline)
        course.loads.append(os.getloadavg()[0])
        if usage:
            (job.row.starts if scene is short else job.row.runs).append(usage)
            course.took(job, length, time.monotonic() - start)
            told = f"{usage.wall_seconds:.1f} s, {usage.cpu_seconds:.1f} CPU s, {usage.peak_mb:.0f} MB"
        else:
            told = f"not measured: {job.row.failure}"
        say(f"[{number + 1}/{count}] {job.name}, {length:.0f} s of audio: {told}; {minutes_left(course.left_seconds(number + 1))}")
    for job in course.jobs:
        if job.same_as:
            job.row.runs, job.row.starts, job.row.failure = job.same_as.runs, job.same_as.starts, job.same_as.failure


def attempt(job: Job, scene: Scene, stores: Stores, deadline: float) -> Usage | None:
    """Returns what a run of a job used; None, with the reason in its row, if it fails or if the time is over."""
    if time.monotonic() > deadline:
        job.row.failure = "the time was over (--limit-minutes)"
        return None
    try:
        return job.run(scene, stores)
    except (RunFailedError, NotInstalledError, OSError, ValueError, KeyError) as error:
        job.row.failure = f"{error}" if isinstance(error, RunFailedError | NotInstalledError) else f"{type(error).__name__}: {error}"
        return None


def table_of(minutes: float, given: Sequence[Path], chosen: argparse.Namespace, peers: bool, repeat: int, deadline: float) -> Table:
    """Measures everything on one length. Raises RunFailedError if the pipeline itself fails."""
    facts = machine.facts()
    with tempfile.TemporaryDirectory(prefix="speechmill-bench-") as name:
        scratch, files = Path(name), material.files_of(given)
        main, short = Scene(scratch / "main", minutes * 60, deadline), scratch / "short"
        for folder in (main.folder, short):
            folder.mkdir()
        found = jobs(tuple(chosen.only), peers, whisper_model(600) if not chosen.only or "transcribe" in chosen.only else "not asked for")
        material.write(files, minutes, main.audio)
        course = Course(found, [5.0, main.seconds], repeat, deadline)
        total = course.left_seconds(0) + GUESSES[PIPELINE] * main.seconds
        say(f"{minutes:g} minutes of audio: about {total / 60:.0f} minutes on two idle cores, not more than the limit; the pipeline first")
        main.record()
        say(f"the pipeline took {main.recorded.wall_seconds:.0f} s, {main.recorded.cpu_seconds:.0f} CPU s; now the shortest recording")
        start = shortest(main, short)
        start.record()
        course.lengths = [start.seconds, main.seconds]
        measure(course, [start, main])
        facts["load"] = f"{min(course.loads):.1f} to {max(course.loads):.1f}" if course.loads else ""
        what = material.described(given, files, minutes)
        return Table(minutes, start.seconds, what, facts, [job.row for job in found], len(main.clips()))


def write(found: Sequence[Table], out: Path, rates_path: Path) -> None:
    """Writes the page, the results and the rates."""
    known = results.read(out / page.RESULTS)
    for table in found:
        known = known.with_table(table)
    page.write(known, out)
    rates.write(min(found, key=lambda table: table.minutes), rates_path)
    say(f"written: {out / page.PAGE}, {out / page.RESULTS}, {rates_path}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="length of the recording, 0.5 or more (10)")
    parser.add_argument("--long", action="store_true", help=f"also measure {LONG_MINUTES:g} minutes, once and without peers")
    parser.add_argument("--audio", type=Path, nargs="*", default=[], metavar="PATH", help="files and folders (the bundled sample)")
    parser.add_argument("--only", nargs="*", default=[], choices=[*NAMES, "pipeline"], metavar="STAGE", help="stages, or pipeline")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="measure the peers too")
    parser.add_argument("--repeat", type=int, default=3, help="number of rounds; the table has the medians (3)")
    parser.add_argument("--limit-minutes", type=float, default=300, help="time after which no run begins (300)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder for the results (docs; the rates then stay in this folder)")
    chosen = parser.parse_args()
    if chosen.minutes < LEAST_MINUTES:
        parser.error(f"expected --minutes of {LEAST_MINUTES:g} or more, so that it is longer than a clip, found {chosen.minutes:g}")
    deadline = time.monotonic() + chosen.limit_minutes * 60
    found = [table_of(chosen.minutes, chosen.audio, chosen, chosen.peers, chosen.repeat, deadline)]
    if chosen.long:
        found.append(table_of(LONG_MINUTES, chosen.audio, chosen, False, 1, deadline))
    for table in found:
        say("\n" + "\n".join(page.described(table)))
    if chosen.out:
        chosen.out.mkdir(parents=True, exist_ok=True)
        write(found, chosen.out, chosen.out / "rates.json")
    elif not chosen.only and chosen.peers:
        write(found, ROOT / "docs", ROOT / rates.RATES)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RunFailedError, ValueError) as error:
        sys.exit(f"error: {error}")
