"""Rows, and a store with a ledger on which publish runs as a task."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.shared.rows import SAMPLE_RATE_HZ, Account, DatasetRow, Fingerprint
from components.shared.rules import SETTINGS as TABLE
from components.shared.table import empty, write_rows
from store.datasets import DatasetStore, audio_key
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from store.version_rows import DatasetSpeaker
from tests.tasks import artifacts, stage_command

SETTINGS = {s.name: s.neutral for s in TABLE} | {"min_seconds": 1.5, "join_similarity": 0.6}
"""Settings of publish that reject very short clips only."""
HOP_SECONDS, SPAN_SECONDS = 1365 / 4 / 11025, 30031 / 11025
"""Of a fingerprint."""


def made(kind: type, **columns: Any) -> Any:
    return replace(empty(kind), **columns)


def row(clip: str, seconds: float = 2.0, **columns: Any) -> DatasetRow:
    samples = round(seconds * SAMPLE_RATE_HZ)
    return made(
        DatasetRow, **{"clip": clip, "recording": clip.partition("-")[0], "samples": samples, "end": seconds, "gender": "female", **columns}
    )


def account(recording: str, seconds: float = 2.0, **columns: Any) -> Account:
    samples = round(seconds * SAMPLE_RATE_HZ)
    return made(
        Account, **{"recording": recording, "samples": samples, "seconds": seconds, "media_sha256": f"media {recording}", **columns}
    )


class Show:
    """A store with a ledger, and runs of publish on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, open_store(str(folder / "store"))
        self.dataset, self.ledger = DatasetStore(self.store, "show"), Ledger(self.store, "show")

    def speakers(self) -> list[DatasetSpeaker]:
        """The speakers of the newest version."""
        return self.dataset.speakers(self.dataset.version())

    def plan(self, *recordings: str) -> None:
        self.ledger.write(lambda rows: [rows.get(r, made(LedgerRow, recording=r, attempts=1)) for r in recordings])

    def part(
        self, accounts: Sequence[Account], rows: Sequence[DatasetRow], audio: bool = True, fingerprints: Sequence[Fingerprint] = ()
    ) -> Path:
        part = self.folder / f"part-{len(list(self.folder.iterdir()))}"
        part.mkdir()
        write_rows(part, Account, accounts, "recordings")
        write_rows(part, DatasetRow, rows)
        there = {f.recording for f in fingerprints}
        without = [Fingerprint(a.recording, HOP_SECONDS, SPAN_SECONDS, b"") for a in accounts if a.recording not in there]
        write_rows(part, Fingerprint, [*fingerprints, *without], "fingerprints")
        for sha256 in {r.audio_sha256 for r in rows if r.audio_sha256} if audio else ():
            self.store.write(audio_key("show", sha256), b"fLaC")
        return part

    def publish(self, run: str, *parts: Path, outputs: Path | None = None, **settings: Any) -> subprocess.CompletedProcess[str]:
        parameters = {
            "sources_sha256": "5" * 64,
            "dataset": "show",
            "store": self.store.uri,
            "run": run,
        } | SETTINGS
        inputs, folder = artifacts(parts=[*parts]) if parts else None, outputs or self.folder
        made = artifacts(version=folder / "version") | artifacts("system.Metrics", metrics=folder / "metrics")
        command = stage_command("publish", folder / "out.json", inputs, made, ["version_number"], **parameters | settings)
        return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def show(tmp_path: Path) -> Show:
    return Show(tmp_path)
