"""Reads the numbers of a report from its HTML."""

from collections import Counter
from html.parser import HTMLParser


class Parsed(HTMLParser):
    """A page's bars, tables and timeline."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.bars: dict[str, list[tuple[str, list[float]]]] = {}
        """Name and exact seconds of each bar, by the list that it is in: "funnel" or a column."""
        self.tables: dict[str, list[list[str]]] = {}
        """Texts of the cells of every table's body, by the section's id."""
        self.drawn: Counter[str] = Counter()
        """Numbers of rectangles in the timeline, by CSS class."""
        self.tags: Counter[str] = Counter()
        self._list, self._section, self._in_name, self._in_cell = "", "", False, False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags[tag] += 1
        if tag == "section":
            self._section = given.get("id") or ""
        elif tag in ("ol", "ul"):
            self._list = given.get("data-column") or "funnel"
            self.bars[self._list] = []
        elif tag == "li":
            self.bars[self._list].append(("", []))
        elif tag == "data" and self._list:
            self.bars[self._list][-1][1].append(float(given["value"] or ""))
        elif tag == "tbody":
            self.tables[self._section] = []
        elif tag == "tr" and self._section in self.tables:
            self.tables[self._section].append([])
        elif tag in ("th", "td") and self._section in self.tables:
            self.tables[self._section][-1].append("")
        elif tag == "i" and "title" in given:
            self.drawn[given["class"] or ""] += 1
        self._in_name = tag == "span" and given.get("class") == "name"
        self._in_cell = self._in_cell or tag in ("th", "td")

    def handle_endtag(self, tag: str) -> None:
        self._in_name = False
        self._in_cell = self._in_cell and tag not in ("th", "td")
        if tag in ("ol", "ul"):
            self._list = ""

    def handle_data(self, data: str) -> None:
        if self._in_name and data.strip():
            self.bars[self._list][-1] = (data.strip(), self.bars[self._list][-1][1])
        if self._in_cell and self.tables.get(self._section):
            self.tables[self._section][-1][-1] += data
