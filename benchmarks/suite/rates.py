"""Writes what was measured into the file of rates, from which `speechmill` estimates the time of runs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.suite.machine import cores
from benchmarks.suite.results import OURS, Row, Table

RATES = Path("pipelines", "local", "rates.json")
_LEAST_SPEEDUP = 1.1
"""Below this the work has one thread, and the rest is chance."""
OTHER_LOAD = 1.0
"""Load beyond the number of processors from which on other work slows what is measured."""


def updated(known: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Returns the rates with the figures of a table in place of those before; what it did not measure stays.

    Args:
        known: The contents of rates.json; empty for a new file.
        table: What was measured.
    """
    hours = table.minutes / 60
    rows = [row for row in table.rows if row.by == OURS and row.stage and row.runs]
    stages = {name: dict(rate) for name, rate in known.get("stages", {}).items()}
    for row in rows:
        rate, figures = stages.setdefault(row.stage, {}), _figures(row, table.more_hours)
        if row.settings:
            _update_setting(rate, row, figures)
        else:
            rate.pop("measured", None)
            rate |= figures | _speedup(row, table)
    stored = sum(row.beyond_start("stored_mb") for row in rows if not row.settings)
    return {
        **known,
        "date": table.machine.get("date", ""),
        "commit": table.machine.get("commit", ""),
        "machine": f"{table.machine.get('processors', '')}, load {table.machine.get('load', '')}",
        "audio": table.material,
        "clips_per_hour": round(table.clips / hours),
        "store_mb_per_hour": round(stored / table.more_hours, 1),
        "stages": stages,
    }


def _figures(row: Row, more_hours: float) -> dict[str, float]:
    return {
        "start_seconds": round(row.start.cpu_seconds, 2) if row.start else 0.0,
        "cpu_seconds_per_hour": round(row.beyond_start("cpu_seconds") / more_hours, 1),
        "peak_memory_mb": round(row.usage.peak_mb),
        "artifact_mb_per_hour": round(row.beyond_start("written_mb") / more_hours, 2),
    }


def _speedup(row: Row, table: Table) -> dict[str, dict[str, float]]:
    """Returns how many processors the work after the start kept busy, by their number; nothing if other work kept them busy as well."""
    highest_load = float(table.machine["load"].rpartition(" ")[2] or 0)
    taken = row.beyond_start("wall_seconds")
    if not row.start or not taken or highest_load > cores() + OTHER_LOAD:
        return {}
    speedup = row.beyond_start("cpu_seconds") / taken
    return {"speedup": {str(cores()): round(speedup, 2)} if speedup >= _LEAST_SPEEDUP else {}}


def _update_setting(rate: dict[str, Any], row: Row, figures: Mapping[str, float]) -> None:
    """Puts the figures of a setting where the file says what it costs: a word that adds seconds, or a variant."""
    name, value = next(iter(row.settings.items()))
    if name in rate.get("inverse_to", {}):
        return  # the defaults say it
    if name in rate.get("added", {}):
        more = max(0.0, figures["cpu_seconds_per_hour"] - rate.get("cpu_seconds_per_hour", 0.0))
        rate["added"] = rate["added"] | {name: rate["added"][name] | {str(value): round(more, 1)}}
        return
    others = [dict(v) for v in rate.get("variants", ()) if v["when"] != row.settings]
    rate["variants"] = [*others, {"when": row.settings, **figures}]


def write(table: Table, path: Path) -> None:
    """Writes the figures of a table into a file of rates."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(updated(known, table), indent=1) + "\n", encoding="utf-8")
