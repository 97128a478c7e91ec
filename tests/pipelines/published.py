"""Datasets with several versions, made by publish itself without any stage before it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from components.publish.corrections import Correction
from components.publish.publish import Batch, Published, publish
from components.publish.rules import parse
from components.shared.rows import SAMPLE_RATE_HZ, Account, DatasetRow, Fingerprint
from components.shared.rules import SETTINGS as RULES
from components.shared.table import empty, to_table
from components.shared.task import Lineage
from store.datasets import DatasetStore, audio_key
from store.interface import Store
from store.ledger import Ledger, LedgerRow

SETTINGS = {s.name: s.neutral for s in RULES} | {"min_seconds": 1.5, "join_similarity": 0.6}
"""Rules that reject very short clips only."""


def clip(name: str, seconds: float = 2.0, **columns: Any) -> DatasetRow:
    """A clip such as a-1, of the recording before the dash."""
    recording, _, number = name.partition("-")
    start = 10.0 * int(number)
    common = {"recording": recording, "source": f"https://a.example/{recording}.mp3", "start": start, "end": start + seconds}
    return replace(empty(DatasetRow), **{"clip": name, "samples": round(seconds * SAMPLE_RATE_HZ), "gender": "female"} | common | columns)


class Dataset:
    """The dataset `show` of a store, and runs of publish on it."""

    def __init__(self, store: Store) -> None:
        self.store, self.ledger, self.versions = store, Ledger(store, "show"), DatasetStore(store, "show")

    def plan(self, recordings: Iterable[str], run: str) -> None:
        """Plans recordings, as `discover` does, in a shard for each."""
        wanted = sorted(recordings)
        planned = {r: {"shard": f"shard {r}", "run": run, "attempts": 1, "outcome": "", "reason": ""} for r in wanted}
        self.ledger.write(lambda rows: [replace(rows.get(r, replace(empty(LedgerRow), recording=r)), **planned[r]) for r in wanted])

    def publish(
        self,
        run: str,
        clips: Sequence[DatasetRow] = (),
        correction: Correction | None = None,
        media: str = "media",
        stages: dict[str, Any] | None = None,
        **rules: Any,
    ) -> Published:
        """Publishes the recordings of these clips, which hold nothing else, by these rules. `media` tells versions of a file apart."""
        samples: dict[str, int] = {}
        for row in clips:
            samples[row.recording] = samples.get(row.recording, 0) + row.samples
            for sha256 in {row.audio_sha256, row.before_sha256} - {""}:
                if not self.store.exists(key := audio_key("show", sha256)):
                    self.store.write(key, b"fLaC")
        accounts = [
            replace(
                empty(Account),
                recording=r,
                url=f"https://a.example/{r}.mp3",
                title=f"title of {r}",
                samples=n,
                seconds=n / SAMPLE_RATE_HZ,
                media_sha256=f"{media} {r}",
                state=f"etag {media}",
            )
            for r, n in samples.items()
        ]
        self.plan(samples, run)
        settings = SETTINGS | rules
        made = {"publish": {"image": "publish:1", "settings": settings}} | (stages or {})
        batch = Batch(
            accounts=accounts,
            rows=to_table(DatasetRow, sorted(clips, key=lambda r: r.clip)) if clips else pa.table(to_table(DatasetRow, [])),
            fingerprints=lambda: (Fingerprint(r, 1.0, 1.0, b"") for r in samples),
            sources_sha256=f"sources of {run}" if samples else "",
            lineage=Lineage(made),
        )
        return publish(self.store, "show", run, batch, parse(settings), correction)
