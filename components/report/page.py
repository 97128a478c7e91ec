"""A version of a dataset as one self-contained HTML page: the template with what it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.report.amounts import Share, Step, most
from components.report.charts import chart, time_unit
from components.report.confusion import Confusion
from components.report.listening import MOST_SECONDS, Heard
from components.report.scores import Measured
from components.report.timeline import Timeline, clock
from components.shared.rows import DatasetRow
from store.datasets import Version
from store.ledger import LedgerRow

TEMPLATES = Path(__file__).parent / "templates"
MOST_SHARES, MOST_FAILURES, MOST_REPEATS, MOST_OF_RECORDING = 20, 200, 100, 300
"""Lines of tables; a page says how many more there are."""
_ORDER = (
    "discover",
    "download",
    "separate",
    "segment",
    "embed",
    "cut",
    "denoise",
    "tag_speaker",
    "tag_tone",
    "tag_quality",
    "transcribe",
    "fingerprint",
    "collect",
    "publish",
)


@dataclass(frozen=True)
class Contents:
    """What the page of a version shows."""

    version: Version
    newest: int
    """Number of the newest version."""
    rows: Sequence[DatasetRow]
    crawled_seconds: float
    kept_seconds: float
    steps: list[Step]
    shares: Mapping[str, list[Share]]
    """Of every column that says something, the values."""
    measured: list[Measured]
    clips: list[Heard]
    timeline: Timeline | None
    confusion: Confusion | None
    failures: list[LedgerRow]


def page(dataset: str, contents: Contents | None) -> str:
    """The page of a dataset's version, or of a dataset that has none yet."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"duration": duration, "clock": clock, "percent": percent, "number": number, "label": label}
    environment.globals |= {"chart": chart, "most_seconds": MOST_SECONDS, "shown_shares": lambda found: most(found, MOST_SHARES)}
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    shown = {} if contents is None else _shown(contents)
    return environment.get_template("page.html.j2").render(dataset=dataset, contents=contents, style=style, **shown)


def _shown(contents: Contents) -> dict[str, Any]:
    repeats = [r for r in contents.rows if r.reason.startswith("repeats:")]
    return {
        "made": f"{datetime.fromtimestamp(contents.version.timestamp_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC",
        "recordings": len({r.recording for r in contents.rows}),
        "speakers": len({r.speaker for r in contents.rows if r.speaker}),
        "kept_clips": sum(r.kept for r in contents.rows),
        "failures": contents.failures[:MOST_FAILURES],
        "repeats": [(r, r.reason.partition(":")[2]) for r in repeats[:MOST_REPEATS]],
        "repeat_count": len(repeats),
        "stages": sorted(contents.version.lineage.get("stages", {}).items(), key=lambda item: (_place(item[0]), item[0])),
        "most_of_recording": MOST_OF_RECORDING,
    }


def _place(stage: str) -> int:
    return _ORDER.index(stage) if stage in _ORDER else len(_ORDER)


def duration(seconds: float) -> str:
    """A length of time in the unit that fits: 12.3 h, 4.5 min, 6.7 s."""
    unit, name = time_unit(seconds)
    return f"{seconds / unit:,.1f} {({'hours': 'h', 'minutes': 'min', 'seconds': 's'})[name]}"


def percent(share: float) -> str:
    """A share, 0 to 1, in percent."""
    return f"{100 * share:.1f} %"


def number(value: float | None) -> str:
    """A measurement with as many digits as mean something."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def label(name: str) -> str:
    """A name of the code in words."""
    return name.replace("_", " ")
