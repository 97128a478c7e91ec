"""Renders a dataset's version as one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.report.agreement import Agreement
from components.report.amounts import Amounts, Share, Step, most
from components.report.charts import chart
from components.report.confusion import Confusion
from components.report.listening import MOST_SECONDS, ClipSounds
from components.report.scores import Measured
from components.report.texts import clock, counted, duration, label, number, percent, shortened
from components.report.timeline import Timeline
from components.shared.refusals import Group, grouped
from components.shared.rows import DatasetRow
from components.shared.rules import REPEATS
from store.datasets import Version, rules
from store.ledger import LedgerRow

TEMPLATES = Path(__file__).parent / "templates"
MOST_SHARES, MOST_REASONS, MOST_FAILURES, MOST_REPEATS, MOST_OF_RECORDING = 20, 20, 200, 100, 300
"""Most lines of each table. The page says how many more there are."""
_ORDER = (
    "discover",
    "download",
    "fingerprint",
    "separate",
    "segment",
    "diarize",
    "cut",
    "denoise",
    "extract",
    "tag_speaker",
    "tag_tone",
    "tag_quality",
    "tag_events",
    "transcribe",
    "collect",
    "publish",
)
"""The stages in the pipeline's order. A lineage has none, and pipelines/dataset.py is not in this stage's image."""


@dataclass(frozen=True)
class Contents:
    """What the page of a version shows."""

    version: Version
    newest: int
    """Number of the dataset's newest version."""
    sample: Sequence[DatasetRow]
    """Some of the clips, all of them in a small dataset."""
    scored: int
    """Number of clips whose scores are drawn."""
    amounts: Amounts
    recordings: int
    """Number of recordings that have clips."""
    speakers: int
    """Number of speakers that have clips."""
    crawled_seconds: float
    steps: list[Step]
    shares: Mapping[str, list[Share]]
    """The values of each column that has any, by column."""
    events: list[Share]
    """The seconds of the clips in which each event is heard, of those that are heard."""
    measured: list[Measured]
    clips: list[ClipSounds]
    timeline: Timeline | None
    confusion: Confusion | None
    agreements: Sequence[Agreement]
    """How far people agree who reviewed the same clips."""


@dataclass(frozen=True)
class Failures:
    """What failed or is out of date, by the ledger as it is now."""

    recordings: list[LedgerRow]
    """Recordings whose download failed or that were given up after too many lost shards."""
    sources: list[LedgerRow]
    """Sources that could not be listed."""
    changed: list[LedgerRow]
    """Recordings whose files were replaced at their sources."""

    @property
    def groups(self) -> list[Group]:
        """The reasons of all that failed, the most frequent first, with advice."""
        return grouped(row.reason for row in (*self.sources, *self.recordings))


def page(dataset: str, contents: Contents | None, failures: Failures) -> str:
    """The HTML page of a dataset's version; of a dataset without a version if `contents` is None."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {f.__name__: f for f in (clock, counted, duration, label, number, percent, shortened)}
    environment.globals |= {"chart": chart, "most_seconds": MOST_SECONDS, "shown_shares": lambda found: most(found, MOST_SHARES)}
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    shown = {} if contents is None else _shown(contents)
    template = environment.get_template("page.html.j2")
    limits = {"most_reasons": MOST_REASONS, "most_failures": MOST_FAILURES}
    return template.render(dataset=dataset, contents=contents, failures=failures, style=style, **limits, **shown)


def _shown(contents: Contents) -> dict[str, Any]:
    repeats = [r for r in contents.sample if r.reason.startswith(f"{REPEATS}:")]
    return {
        "made": f"{datetime.fromtimestamp(contents.version.timestamp_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC",
        "repeats": [(r, r.reason.partition(":")[2]) for r in repeats[:MOST_REPEATS]],
        "repeat_count": sum(step.clips for step in contents.steps if step.reason == REPEATS),
        "replaced": contents.version.lineage.get("replaced", {}),
        "refuses_repeats": bool(rules(contents.version.lineage).get("refuse_repeats")),
        "stages": sorted(contents.version.lineage.get("stages", {}).items(), key=lambda item: (_place(item[0]), item[0])),
        "most_of_recording": MOST_OF_RECORDING,
    }


def _place(stage: str) -> int:
    return _ORDER.index(stage) if stage in _ORDER else len(_ORDER)
