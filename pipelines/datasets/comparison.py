"""Versions made of the same recordings with different settings, side by side: what each keeps and how good that is."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from components.shared.task import StageError
from pipelines.datasets.downstream import Scores
from pipelines.datasets.sql import answer
from store.datasets import DatasetStore, Version
from store.interface import Store

Values = dict[str, Any]
"""Values of the compared settings, by their names."""


@dataclass(frozen=True)
class Figure:
    """A figure of what a version keeps."""

    name: str
    sql: str
    """Its value as an aggregate over the view `kept`: the kept clips with their `seconds`."""
    form: str
    """How a page and a table show it, as `format` takes it."""
    better: int = 0
    """1 if more is better, -1 if less is; 0 if that depends on what one wants."""


def _mean(column: str) -> str:
    """The mean of a column over the seconds of the clips that have it."""
    return f"sum({column} * seconds) / nullif(sum(seconds) FILTER ({column} IS NOT NULL), 0)"


FIGURES = (
    Figure("kept hours", "coalesce(sum(seconds), 0) / 3600", ",.3f", 1),
    Figure("clips", "count(*)", ",.0f"),
    Figure("median clip, s", "median(seconds)", ".2f"),
    Figure("speakers", "count(DISTINCT speaker) FILTER (speaker != '')", ",.0f"),
    Figure("purity", _mean("purity"), ".4f", 1),
    Figure("similarity to the reference", _mean("similarity"), ".3f", 1),
    Figure("overlapped speech", _mean("overlap_share"), ".2%", -1),
    Figure("DNSMOS OVRL", _mean("dnsmos_ovrl"), ".3f", 1),
    Figure("DNSMOS SIG", _mean("dnsmos_sig"), ".3f", 1),
    Figure("DNSMOS BAK", _mean("dnsmos_bak"), ".3f", 1),
    Figure("SNR, dB", _mean("snr_db"), ".1f", 1),
    Figure("bandwidth, kHz", f"{_mean('bandwidth_hz')} / 1000", ".2f", 1),
    Figure("agreement of transcripts", _mean("text_agreement"), ".3f", 1),
    Figure("characters a second", _mean("characters_per_second"), ".1f"),
)
"""What the versions are compared by. A mean is over seconds, so that short clips count less."""


@dataclass(frozen=True)
class Variant:
    """A version that was made with some values of the compared settings."""

    values: Values
    dataset: str
    version: int
    figures: Mapping[str, float | None]
    """By the names of FIGURES; null if no clip has the value."""
    seconds: Mapping[str, float]
    """Seconds of all recordings by outcome, as a version's lineage holds them."""
    recordings: tuple[str, ...]
    """Ids of the recordings with audio, sorted."""
    cpu_seconds: float | None = None
    """CPU seconds of the tasks that did not come from the cache; null if the system does not say them."""
    downstream: Scores | None = None
    """What a small model learns from the kept clips."""


@dataclass(frozen=True)
class Comparison:
    """Variants of one dataset, the one that others are compared with first."""

    dataset: str
    variants: Sequence[Variant]
    notes: Sequence[str] = field(default=())
    """What a reader has to know before comparing."""

    def text(self) -> str:
        """The comparison as JSON."""
        variants = [
            {
                **{n: getattr(v, n) for n in ("values", "dataset", "version", "figures", "seconds", "cpu_seconds")},
                "recordings": len(v.recordings),
                "downstream": v.downstream and v.downstream.as_json(),
            }
            for v in self.variants
        ]
        return json.dumps({"dataset": self.dataset, "notes": list(self.notes), "variants": variants}, ensure_ascii=False, indent=2) + "\n"


def grid_points(grid: Mapping[str, Sequence[Any]]) -> list[Values]:
    """All combinations of the values of some settings; the last setting changes fastest."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def label(values: Mapping[str, Any]) -> str:
    """The values of a variant in one line."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def variant(store: Store, name: str, values: Values, cpu_seconds: float | None) -> tuple[Variant, Version]:
    """Reads the figures of the newest version of a dataset. Raises StageError if it has none."""
    dataset = DatasetStore(store, name)
    if not dataset.versions():
        raise StageError(
            f"expected audio for {label(values)}, found none: look at the failures that `speechmill dataset show {name}` lists"
        )
    version = dataset.version()
    recordings = tuple(sorted(r.recording for r in dataset.recordings(version)))
    return Variant(values, name, version.number, figures(dataset, version), version.lineage["seconds"], recordings, cpu_seconds), version


def figures(dataset: DatasetStore, version: Version) -> dict[str, float | None]:
    """Computes FIGURES of a version."""
    kept = 'WITH kept AS (SELECT *, "end" - start AS seconds FROM clips WHERE kept)'
    columns = ", ".join(f'({figure.sql})::DOUBLE AS "{figure.name}"' for figure in FIGURES)
    with answer(dataset, version, f"{kept} SELECT {columns} FROM kept") as reader:
        row: dict[str, float | None] = pa.Table.from_batches(reader, reader.schema).to_pylist()[0]
    return row


def notes_of(variants: Sequence[Variant]) -> list[str]:
    """What makes variants incomparable in part: other recordings, or no CPU seconds of what came from the cache."""
    found = []
    if any(v.recordings != variants[0].recordings for v in variants):
        counts = ", ".join(f"{len(v.recordings)} ({label(v.values)})" for v in variants)
        found.append(f"The variants do not hold the same recordings, so their figures differ for that reason, too: {counts}.")
    if any(v.cpu_seconds is not None for v in variants):
        found.append("CPU seconds are those of the tasks that ran for this variant: stages whose settings do not differ ran once.")
    return found
