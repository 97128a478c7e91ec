"""`speechmill dataset sql`: SQL on a version of a dataset."""

import csv
import json
import math
import sys
from collections.abc import Iterator
from typing import Any

import click
import pyarrow as pa
from rich.table import Table

from components.shared.task import one_line
from pipelines.commands.shared import print_out, store_option
from pipelines.commands.versions import version_option
from store.datasets import DatasetStore
from store.objects import open_store

MOST_ROWS = 100
"""Rows that a table shows. The other formats have all."""


@click.command("sql")
@click.argument("name")
@click.argument("query")
@version_option
@click.option("--json", "as_json", is_flag=True, help="Print all rows as one JSON array, a row a line.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all rows as CSV.")
@click.option("--vectors", is_flag=True, help="Show vectors in the table, too.")
@store_option
def query_dataset(name: str, query: str, number: int | str | None, as_json: bool, as_csv: bool, vectors: bool, store_uri: str) -> None:
    """Answer an SQL query on a version of dataset NAME.

    QUERY is one SELECT of DuckDB on the views clips (all clips, kept and rejected), recordings, speakers and versions, such as "select
    speaker, sum(samples) / 44100 / 3600 as hours from clips where kept group by speaker". It changes nothing and reads no other files.
    """
    from pipelines.datasets.sql import answer

    if as_json and as_csv:
        raise click.UsageError("expected one of --json and --csv, found both")
    dataset = DatasetStore(open_store(store_uri), name)
    with answer(dataset, dataset.version(number), query) as batches:
        if as_json:
            _print_json(batches)
        elif as_csv:
            _print_csv(batches)
        else:
            _print_table(batches, vectors)


def _rows(batches: pa.RecordBatchReader) -> Iterator[list[Any]]:
    for batch in batches:
        yield from (list(row) for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _print_json(batches: pa.RecordBatchReader) -> None:
    names, before = batches.schema.names, "[\n"
    for row in _rows(batches):
        values = {name: _finite(value) for name, value in zip(names, row, strict=True)}
        sys.stdout.write(before + json.dumps(values, ensure_ascii=False, default=str))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def _finite(value: Any) -> Any:
    """The value as JSON can have it: no NaN and no infinity."""
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_csv(batches: pa.RecordBatchReader) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(batches.schema.names)
    for row in _rows(batches):
        out.writerow(["" if v is None else json.dumps(v, ensure_ascii=False) if isinstance(v, list) else v for v in row])


def _print_table(batches: pa.RecordBatchReader, vectors: bool) -> None:
    table = Table(*batches.schema.names, box=None)
    hidden = [not vectors and pa.types.is_list(f.type) and pa.types.is_floating(f.type.value_type) for f in batches.schema]
    for number, row in enumerate(_rows(batches)):
        if number == MOST_ROWS:
            print_out(table)
            print_out(f"these are the first {MOST_ROWS} rows: --json and --csv print all")
            return
        table.add_row(*(_cell(value, hides) for value, hides in zip(row, hidden, strict=True)))
    print_out(table if table.rows else "no rows")


def _cell(value: Any, hides: bool) -> str:
    if value is None:
        return ""
    if hides and isinstance(value, list):
        return f"({len(value)} numbers)"
    return one_line(f"{value:.10g}" if isinstance(value, float) else value)
