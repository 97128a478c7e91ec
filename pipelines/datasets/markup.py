"""HTML pages of this machine: one file, which loads nothing.

Titles, texts and names come from strangers. Every text goes through `element`, which escapes it, and the policy of a page allows no
script and no request.
"""

import base64
import html
import io
from collections.abc import Callable, Sequence

import soundfile

from components.report.listening import MOST_SECONDS, mp3
from components.shared.rows import DatasetRow, to_samples
from store.datasets import audio_key
from store.interface import StoreError

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


def document(title: str, *body: Markup, style: str = "") -> str:
    """A whole page. `style` is CSS beside that of all pages."""
    head = Markup(
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}{style}</style>"
    )
    whole = element("html", element("head", head, element("title", title)), element("body", *body), lang="en")
    return f"<!doctype html>\n{whole}\n"


def table(head: Sequence[str], rows: Sequence[Sequence[Markup]]) -> Markup:
    """A table; the rows are made of cells."""
    return element("table", element("tr", *(element("th", cell) for cell in head)), *(element("tr", *cells) for cells in rows))


def number(text: str) -> Markup:
    """A cell of a table with a number."""
    return element("td", text, class_="number")


def player(row: DatasetRow, read: Callable[[str], bytes], dataset: str) -> Markup:
    """A player with the beginning of a clip, or a sentence if the store does not have its sound."""
    try:
        pcm, _ = soundfile.read(io.BytesIO(read(audio_key(dataset, row.audio_sha256))), dtype="int16")
    except (StoreError, soundfile.LibsndfileError):
        return element("p", "The store does not have its sound.", class_="muted")
    data = base64.b64encode(mp3(pcm[: to_samples(MOST_SECONDS)])).decode()
    return Markup(f'<audio controls preload="none" src="data:audio/mpeg;base64,{data}"></audio>')
