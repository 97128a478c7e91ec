"""Writes the tables and the plot of a measurement."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pipelines.datasets.calibration import Curve, curve, equal_error, plot_det
from recipes.speakers.mixtures import CONDITIONS
from recipes.speakers.trials import BANDS_SECONDS, REFERENCE_UTTERANCES, USUAL_UTTERANCES, Trials

ROUNDS = 300
THRESHOLDS = (0.40, 0.50, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95)
FALSE_ACCEPT_RATE = 0.01
LANGUAGES = {"ko": "Korean", "en": "English", "de": "German"}


def write_report(measured: Trials, shows: Trials, out: Path) -> None:
    """Writes tables.md, det.svg and measurement.json."""
    hard = _hard(measured)
    plain = hard.where(separated=False, utterances=USUAL_UTTERANCES)
    parts = [
        ("By language and gender, against others of that gender", by_voice(plain)),
        ("Against whom", by_others(measured.where(separated=False, utterances=USUAL_UTTERANCES))),
        ("By length of the clip", by_length(plain)),
        ("By utterances in the reference, clean", by_reference(hard.where(separated=False, condition="clean"))),
        ("Before and after `separate`", by_separation(hard.where(utterances=USUAL_UTTERANCES))),
        ("What a threshold costs, by time", by_threshold(plain)),
        ("In programmes, by time, against others of that gender", by_threshold(_hard(shows.where(separated=False)))),
        ("In programmes after `separate`", by_threshold(_hard(shows.where(separated=True)))),
    ]
    (out / "tables.md").write_text("\n".join(f"## {title}\n\n{text}\n" for title, text in parts), encoding="utf-8")
    found = {LANGUAGES.get(name, name): curve_of(plain.where(language=name)) for name in languages(plain)}
    plot_det({f"{name}, EER {equal_error(c)[0]:.1%}": c for name, c in found.items()}, out / "det.svg")
    summary = {
        name: {"equal_error": equal_error(c), "by_time": threshold_by_time(plain.where(language=name))}
        for name, c in zip(languages(plain), found.values(), strict=True)
    }
    summary["all"] = {"equal_error": equal_error(curve_of(plain)), "by_time": threshold_by_time(plain)}
    (out / "measurement.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def _hard(given: Trials) -> Trials:
    """Only the trials in which the other speaker has the same gender."""
    return given[given.columns["same"].astype(bool) | given.columns["same_gender"].astype(bool)]


def by_voice(given: Trials) -> str:
    lines = []
    for language in languages(given):
        of_language = given.where(language=language)
        for gender in ("female", "male", ""):
            own = of_language[np.isin(of_language.columns["target"], _targets(of_language, gender))]
            if not len(own):  # no voices of this gender
                continue
            clean = own.where(condition="clean")
            low, high = interval(clean)
            worst, name = max((_eer(clean.where(target=t)), str(t)) for t in np.unique(clean.columns["target"]))
            lines.append(
                [
                    LANGUAGES.get(language, language),
                    gender or "both",
                    str(len(np.unique(own.columns["target"]))),
                    *(_percent(_eer(own.where(condition=c))) for c in CONDITIONS),
                    f"{_percent(low)} to {_percent(high)}",
                    f"{_percent(worst)} ({name})",
                ]
            )
    return table(["language", "gender", "voices", *CONDITIONS, "clean, 95 %", "worst voice, clean"], lines)


def by_others(given: Trials) -> str:
    columns = given.columns
    groups: dict[str, Callable[[Trials], Trials]] = {
        "same gender": lambda t: t[t.columns["same_gender"].astype(bool)],
        "other gender": lambda t: t[t.columns["same"].astype(bool) | ~t.columns["same_gender"].astype(bool)],
        "all": lambda t: t,
    }
    names = [str(x) for x in np.unique(columns["language"])]
    lines = [[name, *(_percent(_eer(group(given.where(language=n)))) for n in names)] for name, group in groups.items()]
    return table(["others", *(LANGUAGES.get(n, n) for n in names)], lines)


def by_length(given: Trials) -> str:
    names = languages(given)
    lines = [
        [
            band,
            *(_percent(_eer(given.where(language=n, band=band))) for n in names),
            *(_percent(_eer(given.where(condition=c, band=band))) for c in CONDITIONS),
        ]
        for band in BANDS_SECONDS
    ]
    return table(["clip", *(LANGUAGES.get(n, n) for n in names), *(f"all, {c}" for c in CONDITIONS)], lines)


def by_reference(given: Trials) -> str:
    names = languages(given)
    lines = []
    for count in REFERENCE_UTTERANCES:
        of_size = given.where(utterances=count)
        seconds = [_percent(_eer(of_size.where(language=n))) for n in names]
        lines.append([str(count), *seconds, f"{equal_error(curve_of(of_size))[1]:.3f}"])
    return table(["utterances", *(LANGUAGES.get(n, n) for n in names), "threshold at EER, all"], lines)


def by_separation(given: Trials) -> str:
    after = given.where(separated=True)
    before = given.where(separated=False)
    before = before[np.isin(before.columns["language"], np.unique(after.columns["language"]))]
    lines = []
    for condition in (c for c in CONDITIONS if len(after.where(condition=c))):
        cells = []
        for variant in (before, after):
            own = variant.where(condition=condition)
            threshold, misses = threshold_by_time(own)
            cells += [_percent(_eer(own)), f"{threshold:.3f}", _percent(misses)]
        lines.append([condition, *cells])
    heads = [f"{what}, {when}" for when in ("before", "after") for what in ("EER", "threshold", "miss")]
    return table(["condition", *heads], lines)


def by_threshold(given: Trials) -> str:
    names = languages(given)
    lines = []
    for threshold in THRESHOLDS:
        cells = []
        for own in (*(given.where(language=n) for n in names), given):
            misses, accepts = _rates_by_time(own, "similarity", threshold)
            cells.append(f"{_percent(accepts)} / {_percent(misses)}")
        lines.append([f"{threshold:.3f}", *cells])
    ends = [threshold_by_time(own) for own in (*(given.where(language=n) for n in names), given)]
    lines.append([f"false accepts {FALSE_ACCEPT_RATE:.0%}", *(f"{t:.3f}: {_percent(m)}" for t, m in ends)])
    return table(["threshold", *(LANGUAGES.get(n, n) for n in names), "all"], lines)


def curve_of(given: Trials, weights: Sequence[float] | None = None) -> Curve:
    """Error rates of trials, each with weight 1 or with its own weight."""
    same = given.columns["same"].astype(bool)
    similarities = given.columns["similarity"]
    parts = (None, None) if weights is None else (np.asarray(weights)[same], np.asarray(weights)[~same])
    return curve(similarities[same], similarities[~same], *parts)


def threshold_by_time(given: Trials) -> tuple[float, float]:
    """The lowest threshold with at most FALSE_ACCEPT_RATE by time, and the share of the voice's own time that it misses."""
    found = curve_of(given, given.columns["seconds"])  # type: ignore[arg-type]
    index = int(np.argmax(found.false_accepts <= FALSE_ACCEPT_RATE))
    return float(found.thresholds[index]), float(found.misses[index])


def interval(given: Trials) -> tuple[float, float]:
    """95 % interval of the equal error rate. The bootstrap draws voices, since trials of one voice are not independent."""
    voices, which = np.unique(given.columns["target"], return_inverse=True)
    rng, rates = np.random.default_rng(0), []
    for _ in range(ROUNDS):
        counts = np.bincount(rng.integers(len(voices), size=len(voices)), minlength=len(voices))
        rates.append(equal_error(curve_of(given, counts[which]))[0])
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def languages(given: Trials) -> list[str]:
    """The languages of the trials: those of LANGUAGES first, in its order."""
    found = {str(x) for x in np.unique(given.columns["language"])}
    return [*(n for n in LANGUAGES if n in found), *sorted(found - LANGUAGES.keys())]


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Formats a Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, ["---"] * len(heads), *lines])


def _targets(given: Trials, gender: str) -> list[str]:
    own = given[given.columns["same"].astype(bool)]
    return [str(t) for t in np.unique((own.where(gender=gender) if gender else own).columns["target"])]


def _eer(given: Trials) -> float:
    same = given.columns["same"].astype(bool)
    return equal_error(curve_of(given))[0] if same.any() and not same.all() else float("nan")


def _rates_by_time(given: Trials, column: str, threshold: float) -> tuple[float, float]:
    same, seconds, taken = given.columns["same"].astype(bool), given.columns["seconds"].astype(float), given.columns[column] >= threshold
    return float(seconds[same & ~taken].sum() / seconds[same].sum()), float(seconds[~same & taken].sum() / seconds[~same].sum())


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f} %"
