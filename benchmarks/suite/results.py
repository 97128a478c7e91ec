"""The results of benchmarks: what was measured, their medians, and their JSON."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.suite.measure import Usage

OURS = "speechmill"


@dataclass
class Row:
    """One piece of work, done by Speechmill or by a peer."""

    work: str
    """The stage, with the settings that differ from the defaults; or the whole pipeline."""
    by: str = OURS
    """Who did it: OURS or the name of a peer."""
    version: str = ""
    """Version of the peer."""
    note: str = ""
    """What one must know to compare it."""
    stage: str = ""
    """The stage, if it is one."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings that differ from the defaults."""
    runs: list[Usage] = field(default_factory=list)
    starts: list[Usage] = field(default_factory=list)
    """The same work on the shortest input."""
    failure: str = ""
    """Why it could not be measured; empty if it was."""

    @property
    def usage(self) -> Usage:
        """The medians of its runs."""
        return middle(self.runs)

    @property
    def start(self) -> Usage | None:
        """The medians of its runs on the shortest input."""
        return middle(self.starts) if self.starts else None

    def beyond_start(self, figure: str) -> float:
        """Returns by how much a figure of `Usage` is higher than on the shortest input, 0 or more; the whole figure without that input."""
        before = getattr(self.start, figure) if self.start else 0.0
        return max(0.0, getattr(self.usage, figure) - before)


@dataclass
class Table:
    """All that one call of the benchmark measured on one recording."""

    minutes: float
    """Length of the recording."""
    start_seconds: float
    """Length of the shortest input."""
    material: str
    """What the recording is."""
    machine: dict[str, str]
    """Facts about the machine, the code and the day."""
    rows: list[Row]
    clips: int = 0
    """Number of clips that were cut from the recording."""

    @property
    def more_hours(self) -> float:
        """How much longer the recording is than the shortest input, in hours."""
        return (self.minutes * 60 - self.start_seconds) / 3600


@dataclass(frozen=True)
class Install:
    """An environment that was installed from nothing."""

    name: str
    seconds: float
    own_mb: float
    """Its size, with each file counted once."""
    added_mb: float
    """What it adds to the environments before it: files that it shares with them are not counted."""
    failure: str = ""
    """Why it could not be installed; empty if it was."""


@dataclass
class Installs:
    """All environments, in the order in which they were installed."""

    machine: dict[str, str]
    environments: list[Install]
    cache_mb: float = 0.0
    """What the cache of packages takes beyond the environments."""


@dataclass
class Results:
    """All that the page shows."""

    tables: list[Table] = field(default_factory=list)
    installs: Installs | None = None

    def with_table(self, table: Table) -> "Results":
        """Returns these results with a table in place of the one of the same length."""
        others = [t for t in self.tables if t.minutes != table.minutes]
        return Results(sorted([*others, table], key=lambda t: t.minutes), self.installs)


def middle(runs: Sequence[Usage]) -> Usage:
    """Returns the median of each figure of some runs, at least one."""
    return Usage(*(median(getattr(run, f.name) for run in runs) for f in dataclasses.fields(Usage)))


def write(results: Results, path: Path) -> None:
    """Writes results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(_rounded(results)), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """Reads results; without the file there are none."""
    if not path.exists():
        return Results()
    found = json.loads(path.read_text(encoding="utf-8"))
    tables = [Table(**t | {"rows": [_row(r) for r in t["rows"]]}) for t in found["tables"]]
    return Results(tables, _installs(found["installs"]) if found["installs"] else None)


def _row(found: dict[str, Any]) -> Row:
    return Row(**found | {name: [Usage(**usage) for usage in found[name]] for name in ("runs", "starts")})


def _installs(found: dict[str, Any]) -> Installs:
    return Installs(**found | {"environments": [Install(**e) for e in found["environments"]]})


def _rounded(value: Any) -> Any:
    """Returns dataclasses with numbers of three decimals, which is more than any of them is good for."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{f.name: _rounded(getattr(value, f.name)) for f in dataclasses.fields(value)})
    return value
