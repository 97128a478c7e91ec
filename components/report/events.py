"""Sums the seconds of the clips in which each event is heard."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from components.report.amounts import Share
from components.shared.events import BOUNDS
from components.shared.rows import SAMPLE_RATE_HZ


class EventAmounts:
    """The samples and clips of a version with each event, added up block by block. A clip counts in each event that reaches its bound."""

    COLUMNS = (*BOUNDS, "samples", "kept")
    """The columns that each table needs."""

    def __init__(self) -> None:
        self._found: dict[str, Counter[str]] = {name: Counter() for name in BOUNDS}

    def add(self, table: pa.Table) -> None:
        """Adds the clips of a table."""
        for name, bound in BOUNDS.items():
            own = table.filter(pc.fill_null(pc.greater_equal(table[name], bound), False))
            kept = pc.sum(own.filter(own["kept"])["samples"]).as_py() or 0
            self._found[name].update(samples=pc.sum(own["samples"]).as_py() or 0, kept=kept, clips=own.num_rows)

    def shares(self) -> list[Share]:
        """The seconds of the clips with each event that any clip has, most seconds first."""
        order = sorted((name for name, own in self._found.items() if own["clips"]), key=lambda name: -self._found[name]["samples"])
        return [
            Share(name, own["samples"] / SAMPLE_RATE_HZ, own["kept"] / SAMPLE_RATE_HZ, own["clips"])
            for name, own in ((name, self._found[name]) for name in order)
        ]
