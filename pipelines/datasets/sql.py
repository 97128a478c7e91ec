"""SQL on a version of a dataset, by DuckDB on Arrow datasets of the version's files.

DuckDB gets views and nothing else: it may open no file and no address, load no extension and see no variable of Python. Arrow reads
the files, and only the columns and row groups that a query needs.
"""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

from components.shared.rows import DatasetRow
from components.shared.table import schema
from components.shared.task import StageError, one_line
from store.blocks import DECIDED, FOLDERS, MEASURED
from store.datasets import DatasetStore, Version
from store.tags import TagStore, tags_of
from store.version_rows import DatasetSpeaker, Decision, Recorded

VIEWS = ("clips", "recordings", "speakers", "versions")
_BLOCK = "block_number"
_LIMITS = {
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "enable_progress_bar": "false",
    "memory_limit": "'2GB'",
    "enable_external_access": "false",
    "lock_configuration": "true",
}
"""Settings of DuckDB after the views are made; the last ones forbid everything else."""


class QueryError(StageError):
    """A query cannot be run. The message says why, on one line."""


@contextlib.contextmanager
def answer(dataset: DatasetStore, version: Version, query: str, batch_rows: int = 65_536) -> Iterator[pa.RecordBatchReader]:
    """Runs one query that only reads. Yields the rows as batches, which are computed as they are read.

    The views are `clips` (the columns of DatasetRow, kept and rejected), `recordings` and `speakers` of the version, and `versions` of
    the dataset. Raises QueryError if the query is no single SELECT, cannot be run, or reads anything else.
    """
    with tempfile.TemporaryDirectory(prefix="speechmill-") as spill, _explained():
        connection = duckdb.connect(config={"temp_directory": spill})
        try:
            _make_views(connection, dataset, version)
            for name, value in _LIMITS.items():
                connection.execute(f"SET {name} = {value}")
            statements = connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                kinds = ", ".join(s.type.name for s in statements) or "nothing"
                raise QueryError(f"expected one query that only reads, such as SELECT … FROM clips, found {kinds}")
            yield connection.sql(statements[0]).to_arrow_reader(batch_rows)
        finally:
            connection.close()


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turns errors of DuckDB, and those that it passes on from Arrow, into QueryErrors."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise QueryError(f"the query failed: {one_line(error)}") from None


def _make_views(connection: duckdb.DuckDBPyConnection, dataset: DatasetStore, version: Version) -> None:
    files = dataset.files(version)
    folder = f"datasets/{dataset.name}"
    measures = {block: f"{folder}/measures/{block}.parquet" for block in files}
    decisions = {block: f"{folder}/decisions/{file.name}" for block, file in files.items()}
    connection.register("_measures", _files(dataset, measures, [schema(DatasetRow).field(n) for n in MEASURED]))
    connection.register("_decisions", _files(dataset, decisions, [schema(Decision).field(n) for n in ("clip", *DECIDED)]))
    columns = ", ".join(f"{'d' if n in DECIDED else 'm'}.{n}" for n in schema(DatasetRow).names)
    joined = f"_measures m JOIN _decisions d ON m.{_BLOCK} = d.{_BLOCK} AND m.clip = d.clip"
    connection.execute(f"CREATE VIEW clips AS SELECT {columns} FROM {joined}")
    for kind, name in ((Recorded, version.recordings), (DatasetSpeaker, version.speakers)):
        view = FOLDERS[kind]
        connection.register(f"_{view}", dataset.blocks.read_table(kind, name, schema(kind).names))
        connection.execute(f"CREATE VIEW {view} AS SELECT * FROM _{view}")
    connection.register("_versions", _versions(dataset))
    connection.execute("CREATE VIEW versions AS SELECT * FROM _versions")


def _files(dataset: DatasetStore, keys: Mapping[str, str], columns: list[pa.Field]) -> pads.Dataset:
    """Files by block as one dataset, with the number of the block as a column: a clip id alone may be in several blocks."""
    system, root = dataset.store.filesystem()
    parquet = pads.ParquetFileFormat()
    fragments = [
        parquet.make_fragment(f"{root}/{key}", system, partition_expression=pads.field(_BLOCK) == number)
        for number, key in enumerate(keys.values())
    ]
    return pads.FileSystemDataset(fragments, pa.schema([pa.field(_BLOCK, pa.int32()), *columns]), parquet, system)


def _versions(dataset: DatasetStore) -> pa.Table:
    tags, versions = TagStore(dataset.store, dataset.name).tags(), dataset.versions()
    return pa.table(
        {
            "version": [v.number for v in versions],
            "made": pa.array(
                [datetime.fromtimestamp(v.timestamp_ms / 1000, UTC).replace(tzinfo=None) for v in versions], pa.timestamp("ms")
            ),
            "run": [v.run for v in versions],
            "tags": pa.array([tags_of(tags, v.number) for v in versions], pa.list_(pa.string())),
            "clips": [v.lineage["clips"]["all"] for v in versions],
            "kept_clips": [v.lineage["clips"]["kept"] for v in versions],
            "kept_seconds": [v.lineage["seconds"]["kept_seconds"] for v in versions],
            "lineage": [json.dumps(v.lineage, sort_keys=True) for v in versions],
        }
    )
