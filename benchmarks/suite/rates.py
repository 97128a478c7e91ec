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
        rate = stages.setdefault(row.stage, {})
        if not row.settings:
            rate.pop("measured", None)
            rate |= _figures(row, hours) | _speedup(row)
        else:
            _update_setting(rate, row, hours)
    facts = {name: table.machine.get(name, "") for name in ("date", "commit")}
    stored = sum(row.usage.stored_mb for row in rows if not row.settings)
    facts |= {"machine": f"{table.machine.get('processors', '')}, load {table.machine.get('load', '')}", "audio": table.material}
    return {**known, **facts, "clips_per_hour": round(table.clips / hours), "store_mb_per_hour": round(stored / hours, 1), "stages": stages}


def _figures(row: Row, hours: float) -> dict[str, float]:
    usage, start = row.usage, row.start
    before = start.cpu_seconds if start else 0.0
    return {
        "start_seconds": round(before, 2),
        "cpu_seconds_per_hour": round(max(0.0, usage.cpu_seconds - before) / hours, 1),
        "peak_memory_mb": round(usage.peak_mb),
        "artifact_mb_per_hour": round(usage.written_mb / hours, 2),
    }


def _speedup(row: Row) -> dict[str, dict[str, float]]:
    """Returns how many processors the work after the start kept busy, by the number of processors; empty without figures."""
    if not row.start:
        return {}
    busy = row.usage.cpu_seconds - row.start.cpu_seconds
    taken = row.usage.wall_seconds - row.start.wall_seconds
    speedup = busy / taken if taken > 0 else 0.0
    return {"speedup": {str(cores()): round(speedup, 2)} if speedup >= _LEAST_SPEEDUP else {}}


def _update_setting(rate: dict[str, Any], row: Row, hours: float) -> None:
    """Puts the figures of a setting where the file says what it costs: a word that adds seconds, or a variant."""
    figures, (name, value) = _figures(row, hours), next(iter(row.settings.items()))
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
