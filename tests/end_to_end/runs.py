"""Runs the command on this machine, and reads the datasets that it made."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from components.deployment import Deployment, deployed
from components.shared.audio import ffmpeg
from components.shared.rows import DatasetRow
from components.shared.task import StageError
from pipelines.dataset import STAGES
from pipelines.inputs.slots import SEPARATE
from pipelines.local.docker import check_images
from pipelines.local.environments import has_gpu
from store.datasets import DatasetStore
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from tests.places import SAMPLE

COMMAND = str(Path(sys.executable).parent / "speechmill")
SMALL = ("--separate-model", SEPARATE.bundled)
"""Options of a run that needs no network and does not wait for the large model."""


def speechmill(*arguments: object, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does, without a terminal; `options` go to subprocess.run. A run has the options SMALL."""
    if arguments[:1] == ("run",):
        arguments = ("run", *SMALL, *arguments[1:])
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH" and not k.startswith("OPENBLAS_")}  # no container has these
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, env=environment, cwd=cwd, **options)


def law_of_seconds(ledger: dict[str, LedgerRow]) -> None:
    """Checks for every recording: samples in == samples kept + samples rejected with a reason."""
    for row in ledger.values():
        rejected = row.rejected_samples + row.music_samples + row.noise_samples + row.silence_samples + row.unclipped_speech_samples
        assert row.samples == row.kept_samples + rejected, row


@dataclass(frozen=True)
class Dataset:
    """A dataset in a store of its own: a folder, or a bucket if one is given."""

    folder: Path
    name: str
    bucket: str = ""
    options: tuple[object, ...] = ()
    """Of every run."""
    command: Callable[..., subprocess.CompletedProcess[str]] = speechmill

    @property
    def uri(self) -> str:
        return self.bucket or str(self.folder)

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Calls `speechmill run` for the dataset; it must succeed."""
        done = self.command("run", *SMALL, "--store", self.uri, "--dataset", self.name, *self.options, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        law_of_seconds(self.ledger())
        return done

    def store(self) -> DatasetStore:
        return DatasetStore(open_store(self.uri), self.name)

    def rows(self, number: int | None = None) -> list[DatasetRow]:
        return self.store().rows(self.store().version(number))

    def versions(self) -> int:
        return len(self.store().versions())

    def ledger(self) -> dict[str, LedgerRow]:
        return Ledger(open_store(self.uri), self.name).rows()


def same(dataset: Dataset, other: Dataset) -> None:
    """Checks that the first versions and the ledgers of two stores are equal, down to the audio hashes (law 6).

    The columns that name the run, and its time, are left out.
    """
    assert dataset.rows(1) == other.rows(1)
    mine, others = ([replace(row, run="", planned="") for row in d.ledger().values()] for d in (dataset, other))
    assert mine == others


def require_images() -> None:
    """Skips a test if Docker or the images of this checkout are missing."""
    with deployed(Deployment(gpu=has_gpu())):
        images = [stage.image for stage in STAGES]
    try:
        check_images(images)
    except StageError as error:
        pytest.skip(str(error))


def stages_that_ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The stages of a run that did not come from the cache, by their last lines of output."""
    lines = [line.split("|", 1) for line in done.stdout.splitlines() if "|" in line]
    return sorted({name.split()[0] for name, text in lines if text.strip().startswith("done in")})


def episode(path: Path, number: int, start: float) -> None:
    """Twenty seconds of the bundled sample as an mp3."""
    source = SAMPLE / f"episode-{number}.opus"
    subprocess.run([ffmpeg(), "-v", "error", "-ss", str(start), "-t", "20", "-i", source, "-b:a", "128k", path], check=True)


HOST_SECONDS = ((13.10, 16.88), (28.48, 32.50), (41.49, 45.01))
"""Where the host speaks without music in the bundled sample's first episode, by tests/sample/truth."""


def host_of_the_sample(folder: Path) -> list[Path]:
    """Writes files of the host's voice, cut out of an episode; returns their paths."""
    episode = SAMPLE / "episode-1.opus"
    files = []
    for number, (start, end) in enumerate(HOST_SECONDS):
        files.append(folder / f"host-{number}.wav")
        command = [ffmpeg(), "-v", "error", "-ss", f"{start}", "-t", f"{end - start}", "-i", str(episode), "-bitexact", str(files[-1])]
        subprocess.run(command, check=True)
    return files


@dataclass
class Server:
    """A folder that is served over loopback HTTP; `requests` are the requested paths."""

    folder: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)
