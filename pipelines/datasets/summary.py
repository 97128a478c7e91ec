"""What there is to say of a dataset and of its versions, as JSON has it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipelines.datasets.amounts import kept_seconds, recordings_with_kept_clips
from store.datasets import DatasetStore, Version, rules
from store.interface import Store
from store.ledger import LedgerRow
from store.tags import TagMove, TagStore, tags_of

NOTED = ("recording", "title", "url", "outcome", "reason")


@dataclass(frozen=True)
class Summary:
    """A version of a dataset, and what its clips add up to."""

    dataset: DatasetStore
    version: Version
    newest: int
    """Number of the newest version."""
    tags: list[str]
    recordings: int
    """Number of recordings that have audio."""
    kept_recordings: int
    """Number of recordings that have kept clips."""
    kept_seconds: dict[str, dict[str, float]]
    """Kept seconds by gender, speaker, tone and language, the longest first."""

    @property
    def lineage(self) -> dict[str, Any]:
        return self.version.lineage


def summary_of(store: Store, name: str, wanted: int | str | None) -> Summary:
    """Reads a version, by default the newest; few columns of one block at a time."""
    dataset = DatasetStore(store, name)
    version = dataset.version(wanted)
    kept, every = recordings_with_kept_clips(dataset, version)
    tags = tags_of(TagStore(store, name).tags(), version.number)
    return Summary(dataset, version, dataset.versions()[-1].number, tags, every, kept, kept_seconds(dataset, version))


def summary_json(found: Summary, noted: list[LedgerRow]) -> dict[str, Any]:
    """A version in full. `noted` are rows of the ledger."""
    lineage = found.lineage
    return {
        "dataset": found.dataset.name,
        "store": found.dataset.store.uri,
        "newest_version": found.newest,
        **version_json(found.version, found.tags),
        **{n: lineage[n] for n in ("rolled_back_to", "correction", "replaced") if lineage.get(n)},
        "recordings": {"all": found.recordings, "kept": found.kept_recordings},
        "seconds": lineage["seconds"],
        "speakers": lineage.get("speakers", {}),
        "kept_seconds_by": found.kept_seconds,
        "stages": lineage["stages"],
        "noted_recordings": [{n: getattr(row, n) for n in NOTED} for row in noted],
    }


def version_json(version: Version, tags: list[str]) -> dict[str, Any]:
    """A version in short."""
    return {
        "version": version.number,
        "tags": tags,
        "made": as_time(version.timestamp_ms),
        "run": version.run,
        "clips": version.lineage["clips"],
        "kept_seconds": version.lineage["seconds"]["kept_seconds"],
        "rules": rules(version.lineage),
    }


def datasets_json(store: Store, names: list[str]) -> list[dict[str, Any]]:
    """The newest version of each dataset in short; datasets without a version are left out."""
    found = []
    for name in names:
        tags = TagStore(store, name).tags()
        for version in DatasetStore(store, name).versions()[-1:]:
            found.append({"dataset": name, **version_json(version, tags_of(tags, version.number)), "all_tags": tags})
    return found


def moves_json(moves: list[TagMove]) -> list[dict[str, Any]]:
    """Moves of tags."""
    return [{"tag": m.tag, "before": m.before, "after": m.after, "made": as_time(m.timestamp_ms)} for m in moves]


def as_time(timestamp_ms: int) -> str:
    """A time in UTC, ISO 8601 to the second."""
    return f"{datetime.fromtimestamp(timestamp_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
