"""Starts runs on a cluster by the command, and reads the datasets in its store."""

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from kfp import Client

from components.shared.rows import DatasetRow
from store.datasets import DatasetStore
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from tests.artifacts import write_flac
from tests.end_to_end.runs import SMALL, Server, law_of_seconds, speechmill
from tests.places import SAMPLE

STORE = os.environ.get("SPEECHMILL_STORE", "s3://speechmill")
NAMESPACE = os.environ.get("KFP_NAMESPACE", "kubeflow")
RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class ClusterDataset:
    """One dataset in the cluster's store."""

    name: str

    def submit(self, *arguments: object, fresh: bool = True, wait: bool = True) -> subprocess.CompletedProcess[str]:
        """Calls `speechmill submit` for the dataset. A fresh run has no cache hits."""
        options = ["--dataset", self.name, "--store", STORE, "--namespace", NAMESPACE, "--allow-private", *SMALL]
        options += ["--download-sleep-seconds", f"0.{secrets.randbelow(10**9):09}"] if fresh else []
        return speechmill("submit", *options, *(["--wait"] if wait else []), *arguments)

    def run(self, *arguments: object, fresh: bool = True) -> subprocess.CompletedProcess[str]:
        """Submits a run and waits for its end; it must succeed."""
        done = self.submit(*arguments, fresh=fresh)
        assert done.returncode == 0, done.stdout + done.stderr
        law_of_seconds(self.ledger())
        return done

    def store(self) -> DatasetStore:
        return DatasetStore(open_store(STORE), self.name)

    def rows(self) -> list[DatasetRow]:
        return self.store().rows(self.store().version())

    def versions(self) -> int:
        return len(self.store().versions())

    def ledger(self) -> dict[str, LedgerRow]:
        return Ledger(open_store(STORE), self.name).rows()


def client() -> Client:
    return Client(host=os.environ["KFP_HOST"], namespace=NAMESPACE)


def run_id(done: subprocess.CompletedProcess[str]) -> str:
    """The id of the run that a command printed."""
    found = RUN_ID.search(done.stdout)
    assert found, done.stdout + done.stderr
    return found[0]


def runs_of(schedule: str) -> list[Any]:
    """The runs that a schedule started, the newest first."""
    recurring = next(r for r in client().list_recurring_runs(page_size=100).recurring_runs if r.display_name == schedule)
    found = client().list_runs(page_size=100, sort_by="created_at desc").runs or []
    return [r for r in found if r.recurring_run_id == recurring.recurring_run_id]


def task_states(run: str) -> dict[str, list[str]]:
    """The states of a run's tasks, by display name. A task from the cache is SKIPPED."""
    states: dict[str, list[str]] = {}
    for task in client().get_run(run).run_details.task_details or []:
        if task.display_name and task.state:
            states.setdefault(task.display_name, []).append(task.state)
    return states


def episode(path: Path, seed: int, seconds: float = 3.0) -> None:
    """Writes a recording of noise, different for each seed."""
    write_flac(path, np.random.default_rng(seed).normal(0, 0.05, round(seconds * 44_100)))


def speech(server: Server) -> str:
    """Serves an episode of the bundled sample; returns the file's name."""
    return Path(shutil.copy(SAMPLE / "episode-1.opus", server.folder)).name


def feed(server: Server, names: Iterable[str], seconds: float = 3.0) -> str:
    """Writes an RSS feed of files in the served folder; returns its URL."""
    items = "".join(
        f"<item><title>{escape(n)}</title><guid>{escape(n)}</guid><itunes:duration>{seconds:.0f}</itunes:duration>"
        f'<enclosure url="{server.url}/{escape(n)}" type="audio/flac" length="{(server.folder / n).stat().st_size}"/></item>'
        for n in names
    )
    namespace = 'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
    (server.folder / "feed.xml").write_text(f'<rss version="2.0" {namespace}><channel><title>show</title>{items}</channel></rss>')
    return f"{server.url}/feed.xml"
