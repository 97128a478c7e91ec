"""The table and the page docs/benchmarks.md, made from results."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from benchmarks.suite.results import OURS, Install, Installs, Results, Row, Table, read
from benchmarks.suite.results import write as save

COLUMNS = ("work", "by", "s per CPU s", "s per s", "start, s", "start, CPU s", "CPU s an hour", "peak MB", "ours")
INTRO = """\
# Benchmarks

`make bench` measures every stage of the dataset pipeline and the whole pipeline, beside the libraries
that one would otherwise use for the same work, and writes this page. `make bench-install` measures
what the environments take. [benchmarks/README.md](../benchmarks/README.md) has the options.

How to read the tables:

- **s per CPU s**: seconds of audio that are done for one second of a processor, in user and system
  mode, of all processes of the work together. Starting is included. Compare this figure.
- **s per s**: the same by the clock. It depends on what else the machine does.
- **start**: time on the shortest input, one clip of speech, by the clock and of a processor.
- **CPU s an hour**: what an hour of audio takes beyond the start, from the difference of the two.
- **peak MB**: highest resident memory of all processes of the work at one moment.
- **ours**: how many times as fast per CPU second the row of Speechmill above is, and what part of the
  peer's memory it takes.

Each figure is the median of the runs. A stage runs in a process of its own, with its defaults or the
settings in its name, on what the stages before it made. A peer runs in an environment of its own,
with the same weights and on the same sound, right after the stage that it stands beside.
"""


INSTALLING = (
    "Each environment was installed by uv from its hashed pins, one after the other, with an empty cache of",
    "packages before the first, so all was downloaded. MB is the size of one environment on disk, each file",
    "counted once. MB added counts only the files that no environment before it has.",
)
PAGE, RESULTS = "benchmarks.md", "benchmarks.json"


def page(results: Results) -> str:
    """Returns the page, in Markdown."""
    parts = [INTRO]
    for table in results.tables:
        parts += [f"## {_length(table.minutes)} of audio\n", "\n".join(described(table)) + "\n"]
    if results.installs:
        parts += ["## Installing\n", "\n".join(installing(results.installs)) + "\n"]
    if not results.tables and not results.installs:
        parts.append("Nothing has been measured yet.\n")
    return "\n".join(parts)


def described(table: Table) -> list[str]:
    """Returns the facts about a table, the table, and what to know about its rows, as lines of Markdown."""
    parts = [_facts(table), lines(table), _notes(table.rows), _failures(table.rows)]
    return [line for part in parts if part for line in ["", *part]][1:]


def lines(table: Table) -> list[str]:
    """Returns the table of what was measured, as aligned lines of Markdown."""
    ours = {row.work: row for row in table.rows if row.by == OURS and row.runs}
    return aligned([COLUMNS, *(_cells(table, row, ours.get(row.work)) for row in table.rows)])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns rows, the first of which is the head, as lines of a Markdown table with columns of one width."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    head, *rest = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    return [head, f"|{'|'.join('-' * (width + 2) for width in widths)}|", *rest]


def _cells(table: Table, row: Row, ours: Row | None) -> list[str]:
    name = [f"`{row.work}`" if row.stage else row.work, f"{row.by} {row.version}".strip()]
    if not row.runs:
        return [*name, *["not measured"] + [""] * (len(COLUMNS) - 3)]
    usage, start = row.usage, row.start
    more = row.beyond_start("cpu_seconds") / table.more_hours
    starts = [number(start.wall_seconds), number(start.cpu_seconds), f"{more:,.0f}"] if start else ["", "", ""]
    against = ""
    if row.by != OURS and ours:
        against = f"{number(usage.cpu_seconds / max(ours.usage.cpu_seconds, 1e-3))} x, {ours.usage.peak_mb / max(usage.peak_mb, 1e-3):.2f}"
    rates = [number(table.minutes * 60 / max(spent, 1e-3)) for spent in (usage.cpu_seconds, usage.wall_seconds)]
    return [*name, *rates, *starts, f"{usage.peak_mb:.0f}", against]


def number(value: float) -> str:
    """Returns a number with two or three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _facts(table: Table) -> list[str]:
    counts = sorted({len(row.runs) for row in table.rows if row.runs})
    runs = f"{counts[0]}" if len(counts) < 2 else f"{counts[0]} to {counts[-1]}"
    own = {"audio": table.material, "clips": str(table.clips), "shortest input": f"{table.start_seconds:.1f} s"}
    facts = own | {"runs of each": runs if counts else "0"} | table.machine
    return [_point(f"{name}: {value}") for name, value in facts.items()]


def _notes(rows: Sequence[Row]) -> list[str]:
    return [_point(f"{row.by}, `{row.work}`: {row.note}") for row in rows if row.note and row.runs]


def _point(text: str) -> str:
    """Returns a point of a list in Markdown, in lines of up to 100 characters."""
    return textwrap.fill(text, 100, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _failures(rows: Sequence[Row]) -> list[str]:
    """Returns a line for each row without figures, or whose later runs failed."""
    return [f"- {row.by}, `{row.work}`, {'failed later' if row.runs else 'not measured'}: {row.failure}" for row in rows if row.failure]


def installing(installs: Installs) -> list[str]:
    """Returns what the environments took, as lines of Markdown."""
    rows = [["environment", "seconds", "MB", "MB added"]]
    rows += [_installed(e) for e in installs.environments]
    together = [sum(e.seconds for e in installs.environments), sum(e.added_mb for e in installs.environments)]
    rows.append(["together", f"{together[0]:.1f}", "", f"{together[1]:.0f}"])
    failures = [f"- {e.name}: {e.failure}" for e in installs.environments if e.failure]
    facts = [_point(f"{name}: {value}") for name, value in installs.machine.items()]
    return [*facts, "", *INSTALLING, f"The cache takes {installs.cache_mb:.0f} MB beside them.", "", *aligned(rows), *failures]


def _installed(found: Install) -> list[str]:
    if found.failure:
        return [found.name, "not installed", "", ""]
    return [found.name, f"{found.seconds:.1f}", f"{found.own_mb:.0f}", f"{found.added_mb:.0f}"]


def write(results: Results, folder: Path) -> None:
    """Writes the page and the results into a folder."""
    save(results, folder / RESULTS)
    (folder / PAGE).write_text(page(read(folder / RESULTS)), encoding="utf-8")  # of the rounded figures, as everybody can check


def _length(minutes: float) -> str:
    return f"{minutes / 60:g} hours" if minutes >= 120 else f"{minutes:g} minutes" if minutes != 1 else "1 minute"
