"""The page of a difference: one HTML file with its sounds, which loads nothing.

Titles, texts and names come from strangers. Every text goes through `element`, which escapes it, and the page's policy allows no
script and no request.
"""

import base64
import html
import io
from collections.abc import Callable, Sequence

import soundfile

from components.report.listening import MOST_SECONDS, mp3
from components.report.texts import shortened
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, to_samples
from pipelines.datasets.clip_rows import clip_rows
from pipelines.datasets.diff import HOURS_BY, Diff
from pipelines.datasets.diff_text import NAMES, by_value, causes, clock
from store.datasets import DatasetStore, audio_key, speaker_names
from store.interface import StoreError

_MOST_VALUES = 50
_STYLE = """
:root { color-scheme: light dark; --page: #f7f7f4; --text: #1d2226; --muted: #5b646b; --line: #dcdfe0; --more: #0072b2; --less: #c25400 }
@media (prefers-color-scheme: dark) {
  :root { --page: #14181b; --text: #e8ebec; --muted: #9ba6ad; --line: #343c41; --more: #56b4e9; --less: #e8853d } }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--page); color: var(--text);
  font: 15px/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK KR", sans-serif; overflow-wrap: anywhere }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } th, td { padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top } td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.more { color: var(--more) } td.less { color: var(--less) }
article { border-top: 1px solid var(--line); padding: .8rem 0 } article p { margin: .2rem 0 } .muted { color: var(--muted) }
audio { width: 100%; max-width: 30rem }
"""
_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


class Markup(str):
    """HTML, which is not escaped again."""


def element(name: str, *contents: str, **attributes: str) -> Markup:
    """An element; contents are escaped unless they are Markup, and attributes always. A trailing _ of an attribute's name is cut off."""
    inside = "".join(c if isinstance(c, Markup) else html.escape(c) for c in contents)
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{given}>{inside}</{name}>")


def page(dataset: DatasetStore, found: Diff) -> str:
    """The page of a difference, with the example clips that it holds."""
    numbers = f"version {found.before.number} → version {found.after.number}"
    head = Markup(
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style>"
    )
    lines = [element("li", line) for line in causes(found)]
    body = [
        element("h1", f"{dataset.name}: {numbers}"),
        _clips_table(found),
        element("h2", "Why"),
        element("ul", *lines) if lines else element("p", "Nothing explains it in the lineage of the versions."),
        *(_hours(found, column) for column in HOURS_BY),
        *_examples(dataset, found),
    ]
    whole = element("html", element("head", head, element("title", f"{dataset.name}, {numbers}")), element("body", *body), lang="en")
    return f"<!doctype html>\n{whole}\n"


def _clips_table(found: Diff) -> Markup:
    clips = found.clips
    rows = [(words, clips.clips[kind], clock(clips.samples[kind] / SAMPLE_RATE_HZ)) for kind, words in NAMES.items() if clips.clips[kind]]
    rows.append(("no change", clips.clips["same"], ""))
    cells = [(element("td", words), _number(f"{count:,}"), _number(seconds)) for words, count, seconds in rows]
    return _table(("clips", "", "time"), cells)


def _hours(found: Diff, column: str) -> Markup:
    names, rows = speaker_names(found.before.lineage) | speaker_names(found.after.lineage), []
    for value, old, new in by_value(found, column)[:_MOST_VALUES]:
        shown = f"{value} ({names[value]})" if column == "speaker" and value in names else value or "unknown"
        change = element("td", clock(new - old), class_=f"number {'more' if new > old else 'less' if new < old else ''}")
        rows.append((element("td", shown), _number(clock(old)), _number(clock(new)), change))
    if not rows:
        return Markup()
    return Markup(element("h2", f"Kept by {column}, where it differs") + _table((column, "before", "after", "change"), rows))


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
    return element("article", *parts, _player(row, read, dataset))


def _state(row: DatasetRow) -> str:
    said = ["kept" if row.kept else f"rejected: {row.reason.replace('_', ' ')}", row.speaker, row.tone, row.text and f"“{row.text}”"]
    return ", ".join(part for part in said if part)


def _player(row: DatasetRow, read: Callable[[str], bytes], dataset: str) -> Markup:
    try:
        pcm, _ = soundfile.read(io.BytesIO(read(audio_key(dataset, row.audio_sha256))), dtype="int16")
    except (StoreError, soundfile.LibsndfileError):
        return element("p", "The store does not have its sound.", class_="muted")
    data = base64.b64encode(mp3(pcm[: to_samples(MOST_SECONDS)])).decode()
    return Markup(f'<audio controls preload="none" src="data:audio/mpeg;base64,{data}"></audio>')


def _table(head: Sequence[str], rows: Sequence[Sequence[Markup]]) -> Markup:
    return element("table", element("tr", *(element("th", cell) for cell in head)), *(element("tr", *cells) for cells in rows))


def _number(text: str) -> Markup:
    return element("td", text, class_="number")
