"""What a dataset version holds, as one self-contained HTML page."""

import html
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from store.datasets import Version
from store.ledger import LedgerRow

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
td.bar { width: 40% }
td.bar div { background: #4477aa; height: .8rem; min-width: 1px }
td.bar.kept div { background: #228833 }
code { font-size: 13px }
"""


def page(
    dataset: str, version: Version | None, rows: Sequence[DatasetRow], seconds: Mapping[str, float], failures: Iterable[LedgerRow]
) -> str:
    """The page of a dataset's newest version.

    Args:
        dataset: Its name.
        version: The version, or None where the dataset has none yet.
        rows: All its rows, kept or not.
        seconds: Where the dataset's seconds went, by outcome: `kept_seconds`, `rejected_<reason>_seconds`.
        failures: What could not be fetched or was given up.
    """
    kept = [r for r in rows if r.kept]
    number = f"version {version.number}" if version else "no version yet"
    parts = [f"<h1>Dataset {_text(dataset)}, {number}</h1>"]
    parts.append(f"<p>{len(kept)} of {len(rows)} clips kept, of {len({r.recording for r in kept})} recordings.</p>")
    parts.append("<h2>Where the seconds went</h2>" + _bars(seconds))
    heard = version.lineage.get("speakers", {}) if version else {}
    if heard.get("seconds"):
        others = heard["speech_seconds"] - sum(heard["seconds"].values())
        rest = {f"{heard['count'] - len(heard['seconds'])} more": others} if others else {}
        parts.append(f"<h2>Speech by speaker</h2><p>Dominant: {_text(heard['dominant'])}.</p>" + _bars({**heard["seconds"], **rest}))
    for column in ("gender", "tone", "language"):
        if any(getattr(r, column) for r in kept):
            parts.append(f"<h2>Kept by {column}</h2>" + _bars(_seconds_by(kept, column)))
    if lost := [(r.title or r.url, r.outcome.replace("_", " "), r.reason) for r in failures]:
        parts.append("<h2>Failed and given up</h2>" + _table(("recording", "outcome", "reason"), lost))
    if version:
        stages = [(n, s["image"], json.dumps(s["settings"], sort_keys=True)) for n, s in version.lineage["stages"].items()]
        parts.append("<h2>What made it</h2>" + _table(("stage", "image", "settings"), stages))
        parts.append(f"<p>Run <code>{_text(version.run)}</code>, sources <code>{_text(version.lineage['sources_sha256'])}</code></p>")
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_text(dataset)}</title><style>{_STYLE}</style>'
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _seconds_by(rows: Iterable[DatasetRow], column: str) -> dict[str, float]:
    """Seconds of clips by what a column of texts says of them; "" is unknown."""
    samples: dict[str, int] = defaultdict(int)
    for row in rows:
        samples[getattr(row, column) or "unknown"] += row.samples
    return {name: count / SAMPLE_RATE_HZ for name, count in samples.items()}


def _bars(seconds: Mapping[str, float]) -> str:
    whole = sum(seconds.values()) or 1.0
    lines = []
    for name, value in sorted(seconds.items(), key=lambda item: (item[0] != "kept_seconds", -item[1])):
        label, kind = name.removesuffix("_seconds").replace("_", " "), "bar kept" if name == "kept_seconds" else "bar"
        share = f'<td class="{kind}"><div style="width: {value / whole:.2%}"></div></td>'
        lines.append(
            f'<tr><td>{_text(label)}</td><td class="number">{value:.1f} s</td><td class="number">{value / whole:.1%}</td>{share}</tr>'
        )
    return f"<table>{''.join(lines)}</table>"


def _table(names: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in line) + "</tr>" for line in lines)
    return f"<table><tr>{''.join(f'<th>{_text(n)}</th>' for n in names)}</tr>{body}</table>"


def _text(text: str) -> str:
    return html.escape(text)
