"""The files with sound that an export is made of: one clip each, or many in a tar archive or a Parquet table.

A file is under its name when it is complete. The same clips give the same bytes.
"""

import json
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.rows import DatasetRow
from components.shared.table import schema
from pipelines.datasets.exports.journal import Line
from pipelines.datasets.exports.lhotse import recording
from pipelines.datasets.exports.wanted import Wanted

_ROW_GROUP_CLIPS, _ROW_GROUP_BYTES = 100, 32_000_000
"""A row group ends at either; it is in memory while it is written, and again while it is read."""
_TAR_END_BYTES = tarfile.RECORDSIZE
_OTHER_TYPES: dict[str, pa.DataType] = {
    "word_times": pa.list_(pa.list_(pa.float64())),
    "events_top_probabilities": pa.list_(pa.float64()),
    "seconds": pa.float64(),
    "sample_rate_hz": pa.int64(),
    "channels": pa.int64(),
    "version": pa.int64(),
}
"""Types of what a line has in another form than DatasetRow, or what that lacks; all else is text."""
_SOUND = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
"""A column `Audio` of the library datasets."""


class Shard(Protocol):
    """A file that takes clips one by one."""

    size_bytes: int
    """Size of the file, at least that of the clips in it."""

    def add(self, line: Line, data: bytes) -> None:
        """Adds a clip: its line and its sound, a file in memory."""

    def close(self) -> None:
        """Completes the file and puts it under its name."""


class OneClip:
    """A file that is the sound of one clip."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path, self.size_bytes = path, 0

    def add(self, line: Line, data: bytes) -> None:
        _part(self._path).write_bytes(data)
        self.size_bytes = len(data)

    def close(self) -> None:
        _part(self._path).replace(self._path)


class Tar:
    """A tar archive for WebDataset: of each clip <clip>.<codec>, the sound, and <clip>.json, its line."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path, self._wanted = path, wanted
        self._tar = tarfile.open(_part(path), "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  # `close` closes it
        self.size_bytes = _TAR_END_BYTES

    def add(self, line: Line, data: bytes) -> None:
        for suffix, contents in ((self._wanted.codec, data), ("json", json.dumps(self._said(line), ensure_ascii=False).encode())):
            member = tarfile.TarInfo(f"{line['clip']}.{suffix}")  # without time, owner and group
            member.size = len(contents)
            self._tar.addfile(member, BytesIO(contents))
        self.size_bytes = self._tar.offset + _TAR_END_BYTES

    def close(self) -> None:
        self._tar.close()
        _part(self._path).replace(self._path)

    def _said(self, line: Line) -> dict[str, Any]:
        return {name: line[name] for name in self._wanted.carried if name != "audio"}


class SharTar(Tar):
    """A tar archive of recordings for Lhotse Shar: of each clip the sound and its recording."""

    def _said(self, line: Line) -> dict[str, Any]:
        return recording(line, {"type": "shar", "source": ""})


class Parquet:
    """A Parquet table for the library datasets: a column `audio` with the sounds, and one for each name of a line."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path, self._codec, self._schema = path, wanted.codec, parquet_schema(wanted)
        self._writer = pq.ParquetWriter(_part(path), self._schema)
        self._rows: list[dict[str, Any]] = []
        self._bytes = self.size_bytes = 0

    def add(self, line: Line, data: bytes) -> None:
        said = {name: line[name] for name in self._schema.names if name != "audio"}
        self._rows.append({"audio": {"bytes": data, "path": f"{line['clip']}.{self._codec}"}} | said)
        self.size_bytes += len(data) + len(json.dumps(said))
        self._bytes += len(data)
        if len(self._rows) == _ROW_GROUP_CLIPS or self._bytes >= _ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()
        _part(self._path).replace(self._path)

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._bytes = [], 0


def _part(path: Path) -> Path:
    """Where a file is until it is complete. The next attempt writes over it."""
    return path.with_name(f".{path.name}.part")


def parquet_schema(wanted: Wanted) -> pa.Schema:
    """The columns of a table, with what the library datasets calls their features."""
    known = {f.name: f.type for f in schema(DatasetRow)} | _OTHER_TYPES
    fields = [pa.field("audio", _SOUND), *(pa.field(n, known.get(n, pa.string())) for n in wanted.carried if n != "audio")]
    features = {f.name: _feature(f.type) for f in fields} | {"audio": {"_type": "Audio", "sampling_rate": wanted.rate_hz}}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _feature(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return {"_type": "List", "feature": _feature(kind.value_type)}
    return {"_type": "Value", "dtype": {"double": "float64"}.get(str(kind), str(kind))}
