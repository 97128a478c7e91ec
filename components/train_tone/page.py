"""What a training reached, as one self-contained HTML page: confusion and calibration as pictures, and tables."""

import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.training_page import CHART, TEXT, shown
from components.train_tone.scores import Scores

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem }
table { border-collapse: collapse }
th, td { padding: .1rem 1.5rem .1rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere }
svg { width: 100%; height: auto }
"""


def page(
    name: str,
    scores: Scores,
    classifiers: Mapping[str, Scores],
    chosen: str,
    selftraining: str,
    unused: Mapping[str, int],
    facts: Mapping[str, Any],
) -> str:
    """Renders the page of a model's training as HTML.

    Args:
        name: Name of the model.
        scores: Scores of the model, by classifiers that were chosen without the speakers that they are measured on.
        classifiers: Scores of each classifier that was tried.
        chosen: The classifier of the model.
        selftraining: What self-training changed, as a sentence; empty if there was none.
        unused: Numbers of clips that are not in the training, by reason.
        facts: Outcome, settings and data, by name.
    """
    parts = [
        f"<h1>Training of {html.escape(name)}</h1>",
        "<p>All figures are of speakers that were left out of the training. Brackets hold 95 of 100 draws of as many speakers. "
        "Recall is the mean over tones of the share of their clips that is right.</p>",
        f"<p>Accuracy {scores.accuracy}, recall {scores.recall}, calibration error {scores.calibration_error:.3f}.</p>",
        _chart(scores),
        "<h2>Classifiers</h2>",
        _table(
            ("classifier", "accuracy", "recall", "calibration error"),
            [
                (f"{n} (chosen)" if n == chosen else n, str(s.accuracy), str(s.recall), f"{s.calibration_error:.3f}")
                for n, s in classifiers.items()
            ],
        ),
        "<p>The best of several is better here than on other speakers, since it was chosen by these figures. The figures above the "
        "table choose for every part of the speakers on the others.</p>",
    ]
    if selftraining:
        parts += ["<h2>Self-training</h2>", f"<p>{html.escape(selftraining)}</p>"]
    if unused:
        parts += ["<h2>Not in the training</h2>", _table(("reason", "clips"), [(r, str(n)) for r, n in sorted(unused.items())])]
    parts += ["<h2>Outcome, settings and data</h2>", _table((), [(n, shown(v)) for n, v in facts.items()])]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(name)}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{"".join(parts)}</body></html>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"<tr>{''.join(f'<th>{html.escape(cell)}' for cell in head)}</tr>"] if head else []
    lines += [f"<tr>{''.join(f'<td>{html.escape(cell)}' for cell in row)}</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>"


def _chart(scores: Scores) -> str:
    """The confusion matrix and the calibration as an SVG element."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    file, places = io.StringIO(), range(len(scores.tones))
    with rc_context(CHART):
        figure = Figure(figsize=(11, 5), layout="constrained")
        confusion, calibration = figure.subplots(1, 2)
        shares = scores.confusion / scores.confusion.sum(axis=1, keepdims=True)
        confusion.imshow(shares, cmap="Blues", vmin=0, vmax=1, gid="confusion")
        for true in places:
            for given in places:
                color = "white" if shares[true, given] > 0.5 else "black"
                confusion.text(given, true, str(scores.confusion[true, given]), ha="center", va="center", color=color)
        confusion.set_xticks(places, [_plain(t) for t in scores.tones], rotation=45, ha="right")
        confusion.set_yticks(places, [_plain(t) for t in scores.tones])
        confusion.set(xlabel="given tone", ylabel="true tone, clips")
        calibration.plot([0, 1], [0, 1], "--", color="#888888")
        means, rights, counts = zip(*scores.bins, strict=True)
        calibration.plot(means, rights, "o-", color="#4477aa", gid="calibration")
        for mean, right, count in zip(means, rights, counts, strict=True):
            calibration.annotate(str(count), (mean, right), textcoords="offset points", xytext=(5, -12))
        calibration.set(xlabel="probability that the model gives", ylabel="share of clips that is right", xlim=(0, 1), ylim=(0, 1.02))
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    element = file.getvalue().partition("<svg")[2]
    return f'<svg role="img" aria-label="Confusion matrix and calibration"{element}'.replace(TEXT, "currentColor")


def _plain(name: str) -> str:
    """A name in which Matplotlib sees no formula."""
    return name.replace("$", r"\$")
