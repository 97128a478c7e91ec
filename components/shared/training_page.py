"""The progress of a training as one self-contained HTML page: curves of SI-SDR and loss, and tables."""

import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.training import Point

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem }
table { border-collapse: collapse }
th, td { padding: .1rem 1.5rem .1rem 0; text-align: right; font-variant-numeric: tabular-nums }
th.name, td.name { text-align: left; vertical-align: top; overflow-wrap: anywhere }
tr.best { font-weight: 600 }
svg { width: 100%; height: auto }
"""
TEXT = "#01fe01"
"""Stands for the page's text color, which differs between light and dark mode; Matplotlib needs a fixed one."""
CHART: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "speechmill",  # the same measurements give the same bytes
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}


def page(name: str, points: Sequence[Point], mixtures_db: float, facts: Mapping[str, Any]) -> str:
    """Renders the page of a model's training, with one point or more, as HTML.

    `mixtures_db` is the SI-SDR of the unprocessed held-out mixtures; `facts` are outcome, settings and data, by name.
    """
    best = max(points, key=lambda point: point.si_sdr_db)
    parts = [
        f"<h1>Training of {html.escape(name)}</h1>",
        f"<p>Dashed line: the unprocessed held-out mixtures, {mixtures_db:.2f} dB.</p>",
        _chart(points, mixtures_db),
        "<h2>Measurements</h2>",
        "<table><tr><th>step<th>loss<th>speech, dB SI-SDR<th>gain, dB<th>learning rate</tr>",
        *(
            f"<tr{' class=best' if p is best else ''}><td>{p.step}<td>{p.loss:.5f}<td>{p.si_sdr_db:.2f}"
            f"<td>{p.si_sdr_db - mixtures_db:.2f}<td>{p.learning_rate:.2e}</tr>"
            for p in points
        ),
        "</table><h2>Outcome, settings and data</h2><table>",
        *(f"<tr><td class=name>{html.escape(str(n))}<td class=name>{html.escape(shown(v))}</tr>" for n, v in facts.items()),
        "</table>",
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(name)}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{"".join(parts)}</body></html>'


def shown(value: Any) -> str:
    """A fact of a training as a page shows it."""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _chart(points: Sequence[Point], mixtures_db: float) -> str:
    """SI-SDR and loss over steps as an SVG element."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    steps, file = [p.step for p in points], io.StringIO()
    with rc_context(CHART):
        figure = Figure(figsize=(9, 6), layout="constrained")
        speech, loss = figure.subplots(2, 1, sharex=True)
        speech.plot(steps, [p.si_sdr_db for p in points], "o-", color="#228833", markersize=3, gid="speech")
        speech.axhline(mixtures_db, color="#888888", linestyle="--", gid="mixtures")
        speech.set_ylabel("speech, dB SI-SDR")
        loss.plot(steps, [p.loss for p in points], "o-", color="#4477aa", markersize=3, gid="loss")
        loss.set(ylabel="loss", xlabel="step", xlim=(0, 1.02 * steps[-1]))
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    element = file.getvalue().partition("<svg")[2]
    return f'<svg role="img" aria-label="SI-SDR and loss over steps"{element}'.replace(TEXT, "currentColor")
