"""The page of a difference: one HTML file with its sounds, which loads nothing."""

from collections.abc import Callable

from components.report.texts import shortened
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from pipelines.datasets.clip_rows import clip_rows
from pipelines.datasets.diff import HOURS_BY, Diff
from pipelines.datasets.diff_text import NAMES, by_value, causes, clock
from pipelines.datasets.markup import Markup, document, element, number, player, table
from store.datasets import DatasetStore, speaker_names

_MOST_VALUES = 50


def page(dataset: DatasetStore, found: Diff) -> str:
    """The page of a difference, with the example clips that it holds."""
    numbers = f"version {found.before.number} → version {found.after.number}"
    lines = [element("li", line) for line in causes(found)]
    body = [
        element("h1", f"{dataset.name}: {numbers}"),
        _clips_table(found),
        element("h2", "Why"),
        element("ul", *lines) if lines else element("p", "Nothing explains it in the lineage of the versions."),
        *(_hours(found, column) for column in HOURS_BY),
        *_examples(dataset, found),
    ]
    return document(f"{dataset.name}, {numbers}", *body)


def _clips_table(found: Diff) -> Markup:
    clips = found.clips
    rows = [(words, clips.clips[kind], clock(clips.samples[kind] / SAMPLE_RATE_HZ)) for kind, words in NAMES.items() if clips.clips[kind]]
    rows.append(("no change", clips.clips["same"], ""))
    cells = [(element("td", words), number(f"{count:,}"), number(seconds)) for words, count, seconds in rows]
    return table(("clips", "", "time"), cells)


def _hours(found: Diff, column: str) -> Markup:
    names, rows = speaker_names(found.before.lineage) | speaker_names(found.after.lineage), []
    for value, old, new in by_value(found, column)[:_MOST_VALUES]:
        shown = f"{value} ({names[value]})" if column == "speaker" and value in names else value or "unknown"
        change = element("td", clock(new - old), class_=f"number {'more' if new > old else 'less' if new < old else ''}")
        rows.append((element("td", shown), number(clock(old)), number(clock(new)), change))
    if not rows:
        return Markup()
    return Markup(element("h2", f"Kept by {column}, where it differs") + table((column, "before", "after", "change"), rows))


def _examples(dataset: DatasetStore, found: Diff) -> list[Markup]:
    wanted = {example for kind in NAMES for example in found.clips.examples[kind]}
    old, new = (clip_rows(dataset, v, wanted) for v in (found.before, found.after))
    parts = []
    for kind, words in NAMES.items():
        if chosen := found.clips.examples[kind]:
            heading = f"Clips: {words}, {len(chosen)} of {found.clips.clips[kind]:,}"
            parts += [
                element("h2", heading),
                *(_clip(old.get(clip), new.get(clip), dataset.store.read, dataset.name) for clip, _ in chosen),
            ]
    return parts


def _clip(old: DatasetRow | None, new: DatasetRow | None, read: Callable[[str], bytes], dataset: str) -> Markup:
    row = new or old
    assert row
    where = f"{row.title or row.source}, {clock(row.start)} to {clock(row.end)}"
    parts = [element("h3", shortened(where)), element("p", row.clip, class_="muted")]
    parts += [element("p", f"{name}: {shortened(_state(r))}") for name, r in (("before", old), ("after", new)) if r]
    return element("article", *parts, player(row, read, dataset))


def _state(row: DatasetRow) -> str:
    said = ["kept" if row.kept else f"rejected: {row.reason.replace('_', ' ')}", row.speaker, row.tone, row.text and f"“{row.text}”"]
    return ", ".join(part for part in said if part)
