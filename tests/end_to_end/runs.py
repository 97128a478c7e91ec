"""Runs of the command on this machine, and what they left in the store."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shared.rows import DatasetRow
from store.datasets import DatasetStore
from store.ledger import Ledger, LedgerRow
from store.objects import open_store

COMMAND = str(Path(sys.executable).parent / "speechmill")


def speechmill(*arguments: object, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does, in no terminal; the options are those of subprocess.run."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, env=environment, cwd=cwd, **options)


def law_of_seconds(ledger: dict[str, LedgerRow]) -> None:
    """Samples in == samples kept + samples rejected with a reason, for every recording."""
    for row in ledger.values():
        rejected = row.rejected_samples + row.music_samples + row.noise_samples + row.silence_samples + row.unclipped_speech_samples
        assert row.samples == row.kept_samples + rejected, row


@dataclass(frozen=True)
class Dataset:
    """One dataset in a store of its own."""

    folder: Path
    name: str

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """`speechmill run` on it; it must succeed."""
        done = speechmill("run", "--store", self.folder, "--dataset", self.name, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        law_of_seconds(self.ledger())
        return done

    def store(self) -> DatasetStore:
        return DatasetStore(open_store(str(self.folder)), self.name)

    def rows(self, number: int | None = None) -> list[DatasetRow]:
        return self.store().rows(self.store().version(number))

    def versions(self) -> int:
        return len(self.store().versions())

    def ledger(self) -> dict[str, LedgerRow]:
        return Ledger(open_store(str(self.folder)), self.name).rows()


def stages_that_ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The stages of a run that were not taken from the cache, by their last lines."""
    lines = [line.split("|", 1) for line in done.stdout.splitlines() if "|" in line]
    return sorted({name.split()[0] for name, text in lines if text.strip().startswith("done in")})


@dataclass
class Server:
    """A folder served over loopback HTTP; `requests` are the paths that were asked for."""

    folder: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)
