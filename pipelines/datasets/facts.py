"""What a version of a dataset is made of, counted from a few columns of its rows: by license, language, speaker and source."""

import hashlib
import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from store.datasets import DatasetStore, Version

IDENTITY_DIGITS = 32
_NO_MODEL = "none/"
"""Beginning of the version of a model that stands for none."""
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<host>[^/?#]*)(?P<path>[^?#]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Described:
    """The columns of DatasetRow that the facts are counted from."""

    clip: str
    recording: str
    source: str
    channel: str
    licence: str
    start: float
    end: float
    gender: str
    speaker: str
    tone: str
    voice_by: str
    tone_by: str
    quality_by: str
    events_by: str
    text_by: str
    language: str
    text: str
    dnsmos_ovrl: float | None
    snr_db: float | None
    kept: bool
    reason: str


@dataclass(frozen=True)
class Amount:
    """How much of a version has one value in a column."""

    value: str
    clips: int
    recordings: int
    seconds: float


@dataclass(frozen=True)
class Source:
    """A feed, channel or folder that recordings are from, as OpenLineage names data: a namespace, and a name in it."""

    namespace: str
    """Scheme and host of the recordings' URLs, such as https://example.org; `file` for files of this machine."""
    name: str
    """The channel as the source states it; the folder of the URLs or paths if it states none."""
    recordings: int
    clips: int
    seconds: float
    licences: tuple[str, ...]
    """The licenses that its recordings state, sorted; "" is unknown."""

    @property
    def uri(self) -> str:
        """The namespace as a URI."""
        return self.namespace if "://" in self.namespace else f"{self.namespace}:"


@dataclass(frozen=True)
class Facts:
    """A version and its rows, as a table with the columns of `Described` and `seconds`, the length of each clip."""

    store_uri: str
    dataset: str
    version: Version
    rows: pa.Table

    @cached_property
    def kept(self) -> pa.Table:
        """The rows that the version keeps."""
        return self.rows.filter(self.rows["kept"])

    @property
    def made(self) -> datetime:
        """When the version was made, in UTC."""
        return datetime.fromtimestamp(self.version.timestamp_ms / 1000, UTC)

    @property
    def identity(self) -> str:
        """Hash of all that makes the version: dataset, number, run and lineage. The same wherever the store is copied to."""
        v = self.version
        known = json.dumps([self.dataset, v.number, v.run, v.lineage], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(known.encode()).hexdigest()[:IDENTITY_DIGITS]

    @property
    def sources_sha256(self) -> str:
        """Hash of the list of sources; empty if unknown."""
        return str(self.version.lineage.get("sources_sha256", ""))

    @property
    def stages(self) -> dict[str, dict[str, Any]]:
        """Image, settings and models of each stage, by its name."""
        return dict(self.version.lineage.get("stages", {}))

    @property
    def models(self) -> dict[str, dict[str, str]]:
        """Models of each stage that has any, by the name of its input, as name/version."""
        found = {
            stage: {n: m for n, m in own.get("models", {}).items() if not m.startswith(_NO_MODEL)} for stage, own in self.stages.items()
        }
        return {stage: own for stage, own in found.items() if own}

    @property
    def seconds_by_outcome(self) -> dict[str, float]:
        """Seconds of all recordings by outcome: `kept`, or the reason of rejection."""
        given = self.version.lineage.get("seconds", {})
        return {name.removesuffix("_seconds").removeprefix("rejected_"): float(value) for name, value in given.items()}

    @property
    def place(self) -> str:
        """The folder or the prefix of the dataset in the store."""
        return f"{self.store_uri.rstrip('/')}/datasets/{self.dataset}"


def facts_of(store_uri: str, dataset: DatasetStore, version: Version) -> Facts:
    """Reads the columns of a version that the facts are counted from."""
    rows = dataset.columns(version, Described)
    return Facts(store_uri, dataset.name, version, rows.append_column("seconds", pc.subtract(rows["end"], rows["start"])))


def total_seconds(rows: pa.Table) -> float:
    """The length of all clips of a table."""
    return float(pc.sum(rows["seconds"]).as_py() or 0.0)


def filled(rows: pa.Table, column: str) -> pa.Table:
    """The rows in which a text column holds more than spaces."""
    return rows.filter(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(rows[column])), 0))  # type: ignore[call-overload]


def distinct(rows: pa.Table, column: str) -> int:
    """The number of different values of a column, of those that are not empty."""
    return len([v for v in rows[column].unique().to_pylist() if v])


def amounts(rows: pa.Table, column: str) -> list[Amount]:
    """How much of a table has each value of a text column, most seconds first."""
    found = rows.group_by(column, use_threads=False).aggregate([("clip", "count"), ("recording", "count_distinct"), ("seconds", "sum")])
    known = (Amount(r[column], r["clip_count"], r["recording_count_distinct"], r["seconds_sum"]) for r in found.to_pylist())
    return sorted(known, key=lambda a: (-a.seconds, a.value))


def sources(rows: pa.Table) -> list[Source]:
    """The sources of a table's recordings, most seconds first."""
    columns = ["recording", "source", "channel", "licence"]
    grouped = rows.group_by(columns, use_threads=False).aggregate([("clip", "count"), ("seconds", "sum")])
    by_place: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in grouped.to_pylist():
        by_place.setdefault(place_of(row["source"], row["channel"]), []).append(row)
    found = [_source(place, own) for place, own in by_place.items()]
    return sorted(found, key=lambda s: (-s.seconds, s.namespace, s.name))


def _source(place: tuple[str, str], own: Sequence[dict[str, Any]]) -> Source:
    return Source(
        *place,
        recordings=len({r["recording"] for r in own}),
        clips=sum(r["clip_count"] for r in own),
        seconds=sum(r["seconds_sum"] for r in own),
        licences=tuple(sorted({r["licence"] for r in own})),
    )


def place_of(source: str, channel: str) -> tuple[str, str]:
    """Namespace and name of the place that a recording is from, by its URL or path and its channel."""
    if found := _URL.match(source):
        namespace, path = f"{found['scheme']}://{found['host']}", found["path"]
    else:
        scheme, colon, path = source.rpartition(":")  # sample:episode.mp3
        namespace, path = (scheme, path) if colon and scheme.isalpha() else ("file", source)
    return namespace, channel or posixpath.dirname(path).strip("/" if found else "") or "/"
