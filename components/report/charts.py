"""Draws charts as SVG. Text stays text, and colors follow the page's light or dark scheme."""

import io
import re
from typing import Any

from components.report.scores import Measured

WIDTH, HEIGHT = 340, 290
"""Size of a chart in the page's pixels."""

# matplotlib needs fixed colors: each placeholder is replaced by a variable of the page's style sheet.
_TEXT, _GRID, _KEPT, _REJECTED, _MARK = "#01fe01", "#01fe02", "#01fe03", "#01fe04", "#01fe05"
_VARIABLES = {_TEXT: "--muted", _GRID: "--line", _KEPT: "--kept", _REJECTED: "--rejected", _MARK: "--text"}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "speechmill",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _TEXT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "xtick.color": _GRID,
    "ytick.color": _GRID,
    "xtick.labelcolor": _TEXT,
    "ytick.labelcolor": _TEXT,
    "text.color": _TEXT,
}


def chart(found: Measured) -> str:
    """A chart as SVG: the distribution of a score above, the share that each threshold would keep below."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), layout="constrained")
        bars, curve = figure.subplots(2, 1, sharex=True, height_ratios=(5, 4))
        _bars(bars, found)
        _curve(curve, found)
        curve.set_xlabel(found.rule.unit)
        curve.set_xlim(found.edges[0], found.edges[-1])
        if found.threshold is not None:
            for axes in (bars, curve):
                axes.axvline(found.threshold, color=_MARK, linewidth=1.4, linestyle=(0, (4, 2)))
        return _inline(figure)


def _bars(axes: Any, found: Measured) -> None:
    unit, name = time_unit(float(found.kept.sum() + found.rejected.sum()))
    widths = found.edges[1:] - found.edges[:-1]
    options = {"width": widths, "align": "edge", "linewidth": 0}
    axes.bar(found.edges[:-1], found.kept / unit, color=_KEPT, **options)
    axes.bar(found.edges[:-1], found.rejected / unit, bottom=found.kept / unit, color=_REJECTED, **options)
    axes.set_ylabel(f"{name} of clips")
    axes.grid(visible=False, axis="x")


def _curve(axes: Any, found: Measured) -> None:
    share = 100 * found.kept_share
    known = found.exact
    axes.plot(found.thresholds, share, color=_KEPT, linewidth=1.4, linestyle=(0, (1, 1.5)))
    axes.plot(found.thresholds[known], share[known], color=_KEPT, linewidth=2.2)
    axes.set_ylabel("kept, %")
    axes.set_ylim(0, 105)
    axes.set_yticks([0, 50, 100])
    axes.locator_params(axis="x", nbins=6)


def time_unit(seconds: float) -> tuple[float, str]:
    """The unit that suits a duration: its length in seconds, and its name."""
    if seconds >= 2 * 3600:
        return 3600.0, "hours"
    return (60.0, "minutes") if seconds >= 120 else (1.0, "seconds")


def _inline(figure: Any) -> str:
    """A figure as an SVG element for a page, without what only a separate file needs."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1)
    text = re.sub(r' id="[a-zA-Z]+(2d)?_\d+"', "", text)  # they are the same in every figure of the page
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    return text.replace("\n", " ")
