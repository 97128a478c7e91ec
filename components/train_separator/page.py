"""The course of a training as one self-contained HTML page: a plot and a table."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from components.train_separator.loop import Point

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem }
table { border-collapse: collapse }
th, td { padding: .1rem 1.5rem .1rem 0; text-align: right; font-variant-numeric: tabular-nums }
th.name, td.name { text-align: left; vertical-align: top; overflow-wrap: anywhere }
tr.best { font-weight: 600 }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor }
.loss { stroke: #4477aa } .speech { stroke: #228833 } .mixture { stroke: #888888; stroke-dasharray: 4 4 }
polyline, line { fill: none; stroke-width: 2 }
"""
_WIDTH, _HEIGHT, _LEFT, _TOP = 800.0, 200.0, 60.0, 20.0


def page(name: str, points: Sequence[Point], mixtures_db: float, facts: Mapping[str, Any]) -> str:
    """The page.

    Args:
        name: Of the model.
        points: The measurements.
        mixtures_db: SI-SDR of the held-out mixtures as they are.
        facts: What else there is to say, by name.
    """
    best = max(points, key=lambda point: point.si_sdr_db)
    speech = [(p.step, p.si_sdr_db) for p in points]
    parts = [
        f"<h1>Training of {html.escape(name)}</h1>",
        f"<h2>Speech of held-out mixtures, dB SI-SDR (dashed: the mixtures, {mixtures_db:.2f} dB)</h2>",
        _plot(speech, "speech", mixtures_db),
        "<h2>Loss</h2>",
        _plot([(p.step, p.loss) for p in points], "loss"),
        "<h2>Measurements</h2>",
        "<table><tr><th>step<th>loss<th>speech, dB SI-SDR<th>gain, dB<th>learning rate</tr>",
        *(
            f"<tr{' class=best' if p is best else ''}><td>{p.step}<td>{p.loss:.5f}<td>{p.si_sdr_db:.2f}"
            f"<td>{p.si_sdr_db - mixtures_db:.2f}<td>{p.learning_rate:.2e}</tr>"
            for p in points
        ),
        "</table><h2>Outcome, settings and data</h2><table>",
        *(f"<tr><td class=name>{html.escape(str(n))}<td class=name>{html.escape(_shown(v))}</tr>" for n, v in facts.items()),
        "</table>",
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(name)}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{"".join(parts)}</body></html>'


def _shown(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _plot(points: Sequence[tuple[float, float]], kind: str, mark: float | None = None) -> str:
    """A line through points, with the ends of both axes and perhaps a level to compare with."""
    values = [value for _, value in points] + ([] if mark is None else [mark])
    low, high, last = min(values), max(values), points[-1][0]
    span = (high - low) or 1.0

    def at(step: float, value: float) -> tuple[float, float]:
        return _LEFT + (_WIDTH - _LEFT) * step / last, _TOP + _HEIGHT * (high - value) / span

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
    texts = [(0.0, _TOP + 4, high), (0.0, _TOP + _HEIGHT + 4, low)]
    labels = "".join(f'<text x="{x:.0f}" y="{y:.0f}">{value:.3g}</text>' for x, y, value in texts)
    level = (
        "" if mark is None else '<line class="mixture" x1="{0:.1f}" y1="{1:.1f}" x2="{2:.1f}" y2="{1:.1f}"/>'.format(*at(0, mark), _WIDTH)
    )
    ends = f'<text x="{_WIDTH:.0f}" y="{_TOP + _HEIGHT + 20:.0f}" text-anchor="end">step {last:.0f}</text>'
    box = f"0 0 {_WIDTH + 10:.0f} {_HEIGHT + 2 * _TOP + 10:.0f}"
    line = f'<polyline class="{kind}" points="{line}"/>'
    return f'<svg viewBox="{box}" role="img" aria-label="{kind} over steps">{labels}{ends}{level}{line}</svg>'
