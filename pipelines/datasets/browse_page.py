"""The page of `dataset browse`, by NiceGUI: a table of clips with AG Grid's filters, and players for the chosen clip."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from fastapi.responses import FileResponse
from nicegui import app, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware

from components.shared.files import atomic_write
from pipelines.datasets.browsing import AFTER, BEFORE, ClipError, Clips, Sounds
from store.interface import StoreError

HOST = "127.0.0.1"
_WIDE = {"text": 360, "title": 200, "source": 220, "events_top": 200, "text_second": 260}
"""Widths of columns in pixels; the others have 130."""
_NAMES = {BEFORE: "as downloaded", AFTER: "in the dataset"}

_CHOOSE_FOCUSED = """e => {
    const row = e.rowIndex === null ? null : e.api.getDisplayedRowAtIndex(e.rowIndex);
    if (row) row.setSelected(true, true);
}"""


@dataclass(frozen=True)
class Shown:
    """What the page shows."""

    title: str
    clips: Clips
    sounds: Sounds
    marks: Path | None
    """File that keeps the ids of marked clips, one a line; None makes the page read-only."""


def serve(shown: Shown, port: int, opened: bool) -> None:
    """Serves the page on the loopback address until the process is interrupted.

    Args:
        shown: What the page shows.
        port: Port to listen on.
        opened: Whether to open the page in the browser.
    """
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])  # a page of a stranger cannot use another name for it

    @app.get("/sound/{which}/{clip}")
    def sound(which: str, clip: str) -> FileResponse:
        try:
            return FileResponse(shown.sounds.file(clip, which), media_type="audio/flac")
        except (ClipError, StoreError) as error:
            raise HTTPException(404, str(error)) from None

    ui.run(
        lambda: _page(shown),
        host=HOST,
        port=port,
        title=shown.title,
        reload=False,
        show=opened,
        show_welcome_message=False,
        uvicorn_logging_level="error",
    )


def _page(shown: Shown) -> None:
    """Builds the page for one visitor."""
    marked = set(read_marks(shown.marks))
    rows = [{**row, "marked": row["clip"] in marked} for row in shown.clips.rows]
    ui.query("body").classes("bg-white")
    with ui.row().classes("items-baseline w-full"):
        ui.label(shown.title).classes("text-h6")
        more = f"; {shown.clips.left_out:,} more are left out (--limit)" if shown.clips.left_out else ""
        count = ui.label(f"{len(rows):,} clips{more}").classes("text-grey-8")
    player = ui.column().classes("w-full gap-1 q-pa-sm bg-grey-2 rounded-borders").style("min-height: 9rem")
    with player:
        ui.label("Choose a clip in the table to hear it. The arrow keys choose the next one.").classes("text-grey-8")
    columns = (["marked"] if shown.marks else []) + [name for name in shown.clips.columns if any(_has(row[name]) for row in rows)]
    options: dict[str, Any] = {
        "columnDefs": [_column(name, rows) for name in columns],
        "rowData": rows,
        "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
        "defaultColDef": {"sortable": True, "resizable": True, "floatingFilter": True, "width": 130},
        "suppressFieldDotNotation": True,
        ":getRowId": "params => params.data.clip",
        ":onCellFocused": _CHOOSE_FOCUSED,
        ":onRowSelected": "e => { if (e.node.isSelected()) emitEvent('chosen', e.data.clip) }",
        ":onFilterChanged": "e => emitEvent('filtered', e.api.getDisplayedRowCount())",
    }
    grid = ui.aggrid(options, auto_size_columns=False).classes("w-full").style("height: calc(100vh - 19rem); min-height: 16rem")
    ui.on("filtered", lambda event: count.set_text(f"{event.args:,} of {len(rows):,} clips{more}"))
    by_clip = {row["clip"]: row for row in rows}

    def choose(event: Any) -> None:
        if row := by_clip.get(event.args):
            player.clear()
            with player:
                _player(row, partial(_mark, shown.marks, grid) if shown.marks else None)

    ui.on("chosen", choose)


def _has(value: Any) -> bool:
    """Returns whether a cell shows anything. Columns in which none does are left out."""
    return value is not None and value != ""


def _column(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the definition of a column, with the filter for the values that it has."""
    kind = _type(next((row[name] for row in rows if row[name] is not None), ""))
    return {
        "headerName": name.replace("_", " "),
        "field": name,
        "filter": "agNumberColumnFilter" if kind == "number" else "agTextColumnFilter",
        "width": _WIDE.get(name, 130),
        "cellDataType": kind,
    }


def _type(value: Any) -> str:
    return "boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"


def _player(row: dict[str, Any], mark: Callable[[dict[str, Any]], None] | None) -> None:
    """Shows one clip: its sound before and after, its text and what was measured."""
    clip = row["clip"]
    ui.label(row["text"] or "no transcript").classes("text-body1")
    said = [
        row["reason"] or "kept",
        row["speaker"],
        row["tone"],
        f"{row['start']:.2f} to {row['end']:.2f} s of {row['title'] or row['source']}",
    ]
    ui.label(", ".join(filter(None, said))).classes("text-grey-8")
    with ui.row().classes("w-full items-center"):
        for which in (AFTER, BEFORE):
            with ui.column().classes("gap-0"):
                ui.label(_NAMES[which]).classes("text-caption text-grey-8")
                autoplay = "autoplay" if which == AFTER else ""
                ui.html(
                    f'<audio controls preload="{"auto" if which == AFTER else "none"}" {autoplay} src="/sound/{which}/{html.escape(clip)}"'
                    " onerror=\"this.replaceWith('not kept any more')\"></audio>",
                    sanitize=False,
                )
        if mark:
            ui.button("unmark" if row["marked"] else "mark for review", on_click=lambda: mark(row)).props("outline")


def _mark(marks: Path, grid: ui.aggrid, row: dict[str, Any]) -> None:
    """Marks or unmarks a clip, in the file and on the page."""
    row["marked"] = not row["marked"]
    write_marks(marks, row["clip"], row["marked"])
    grid.run_row_method(row["clip"], "setDataValue", "marked", row["marked"])
    ui.notify(f"{'marked' if row['marked'] else 'unmarked'}: {row['clip']}")


def read_marks(marks: Path | None) -> list[str]:
    """Returns the clips in a file of marks, in order; none without a file."""
    return marks.read_text(encoding="utf-8").split() if marks and marks.exists() else []


def write_marks(marks: Path, clip: str, marked: bool) -> None:
    """Adds a clip to a file of marks, or takes it out."""
    kept = [name for name in read_marks(marks) if name != clip] + ([clip] if marked else [])
    with atomic_write(marks) as part:
        part.write_text("".join(f"{name}\n" for name in kept), encoding="utf-8")
