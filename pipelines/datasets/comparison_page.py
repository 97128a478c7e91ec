"""The page of a comparison: figures side by side, where the seconds went, and clips to listen to."""

from collections.abc import Sequence

from components.report.texts import shortened
from components.shared.rows import DatasetRow
from pipelines.datasets.comparison import FIGURES, Comparison, Variant, label
from pipelines.datasets.diff_text import clock
from pipelines.datasets.markup import Markup, document, element, number, player, table
from store.datasets import DatasetStore

_COLORS = ("#009e73", "#d55e00", "#cc79a7", "#f0e442", "#56b4e9", "#e69f00", "#0072b2", "#999999")
"""Colors that people with color blindness tell apart (Okabe and Ito, 2008), for the parts of a bar."""
_STYLE = """
body { max-width: 80rem } .wide { overflow-x: auto } td.best { font-weight: 700 } .bar { display: flex; height: 1.2rem; margin: .2rem 0 }
.bar div { min-width: 0 } .key { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 1rem }
"""


def page(found: Comparison, clips: Sequence[tuple[DatasetStore, Sequence[DatasetRow]]]) -> str:
    """The page of a comparison. `clips` are clips to listen to, for each variant with its dataset."""
    body = [
        element("h1", f"{found.dataset}: {len(found.variants)} settings compared"),
        *(element("p", note) for note in found.notes),
        element("div", _figures(found), class_="wide"),
        element("h2", "Where the seconds went"),
        *_bars(found.variants),
        element("h2", "Clips to listen to"),
        *(part for v, (dataset, rows) in zip(found.variants, clips, strict=True) for part in _clips(v, dataset, rows)),
    ]
    return document(f"{found.dataset}: settings compared", *body, style=_STYLE)


def shown(value: float | None, form: str) -> str:
    """A figure as a table shows it; – if there is none."""
    return "–" if value is None else format(value, form)


def rows_of(found: Comparison) -> list[tuple[str, list[str], set[int]]]:
    """The lines of the table: name, a text for each variant, and the indices of the best ones. Lines without a value are left out."""
    lines = [(f.name, [v.figures[f.name] for v in found.variants], f.form, f.better) for f in FIGURES]
    rows = [(name, [shown(x, form) for x in values], _best(values, better)) for name, values, form, better in lines if any_of(values)]
    cpu = [v.cpu_seconds for v in found.variants]
    if any_of(cpu):
        rows.append(("CPU seconds", [shown(x, ",.0f") for x in cpu], set()))
    if scores := [v.downstream for v in found.variants if v.downstream]:
        texts = [f"{v.downstream.mean:.3f} ± {v.downstream.margin:.3f}" if v.downstream else "–" for v in found.variants]
        best = min(scores, key=lambda s: s.mean)
        alike = {
            i for i, v in enumerate(found.variants) if v.downstream and v.downstream.mean - v.downstream.margin <= best.mean + best.margin
        }
        rows.append(("prediction error, dB", texts, alike if len(alike) < len(found.variants) else set()))
    return rows


def any_of(values: Sequence[float | None]) -> bool:
    """Whether there is any value."""
    return any(value is not None for value in values)


def _best(values: Sequence[float | None], better: int) -> set[int]:
    known = [value * better for value in values if value is not None]
    if not better or len(set(known)) < 2:
        return set()
    return {i for i, value in enumerate(values) if value is not None and value * better == max(known)}


def _figures(found: Comparison) -> Markup:
    cells = [
        [element("td", name), *(element("td", text, class_=f"number{' best' * (i in best)}") for i, text in enumerate(texts))]
        for name, texts, best in rows_of(found)
    ]
    return table(["", *(label(v.values) for v in found.variants)], cells)


def _bars(variants: Sequence[Variant]) -> list[Markup]:
    """A bar of each variant, whose parts are the seconds by outcome."""
    outcomes = sorted(
        {o for v in variants for o, s in v.seconds.items() if s}, key=lambda o: (o != "kept_seconds", -variants[0].seconds.get(o, 0))
    )
    colors = {outcome: _COLORS[min(i, len(_COLORS) - 1)] for i, outcome in enumerate(outcomes)}
    names = {outcome: outcome.removesuffix("_seconds").replace("_", " ") for outcome in outcomes}
    keys = [Markup(element("span", "", class_="key", style=f"background: {colors[o]}") + element("span", names[o])) for o in outcomes]
    parts = [element("p", *keys)]
    for v in variants:
        whole = sum(v.seconds.values()) or 1.0
        bars = [
            element(
                "div",
                "",
                style=f"background: {colors[o]}; width: {100 * v.seconds[o] / whole:.3f}%",
                title=f"{names[o]} {clock(v.seconds[o])}",
            )
            for o in outcomes
            if v.seconds.get(o)
        ]
        parts += [
            element("p", f"{label(v.values)}: {clock(v.seconds.get('kept_seconds', 0))} of {clock(whole)} kept"),
            element("div", *bars, class_="bar"),
        ]
    seconds = [[element("td", names[o]), *(number(clock(v.seconds.get(o, 0.0))) for v in variants)] for o in outcomes]
    return [*parts, element("div", table(["", *(label(v.values) for v in variants)], seconds), class_="wide")]


def _clips(v: Variant, dataset: DatasetStore, rows: Sequence[DatasetRow]) -> list[Markup]:
    articles = []
    for row in rows:
        facts = f"{clock(row.start)} to {clock(row.end)}, {row.speaker or 'no speaker'}" + (f", “{row.text}”" if row.text else "")
        articles.append(
            element(
                "article", element("p", shortened(f"{row.title or row.source}, {facts}")), player(row, dataset.store.read, dataset.name)
            )
        )
    return [element("h3", label(v.values)), *(articles or [element("p", "It keeps no clip.", class_="muted")])]
