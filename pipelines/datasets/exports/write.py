"""Writes the clips of a version as files that people and training tools read.

Clips come one by one, in the order of the version. Each goes into the open file of its split; a complete file is put under its name,
then into the journal. So a killed export loses the open files alone, and the same command writes them again with the same bytes.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from pipelines.datasets.exports.choice import rows
from pipelines.datasets.exports.journal import Journal, Line
from pipelines.datasets.exports.kinds import KINDS
from pipelines.datasets.exports.lines import write_manifest
from pipelines.datasets.exports.shards import Shard
from pipelines.datasets.exports.sound import Sound, converted
from pipelines.datasets.exports.wanted import Wanted
from pipelines.datasets.folders import MANIFEST, Describe, checked, whole
from store.datasets import DatasetStore, Version, audio_key

_HEADERS_BYTES = 2048
"""Room for the headers of a clip in a file of several, and for what fills its blocks."""


@dataclass
class _Open:
    """The open file of a split, and the lines of the clips in it."""

    shard: Shard
    file: str
    lines: list[Line] = field(default_factory=list)


def export(
    dataset: DatasetStore,
    version: Version,
    folder: Path,
    wanted: Wanted,
    clips: pa.Table,
    *,
    done: Callable[[float], None],
    describe: Describe | None = None,
) -> tuple[int, int]:
    """Writes clips of a version and manifest.jsonl, one line per clip, those of a recording together and ordered by start.

    The folder appears when all are written. An export that was interrupted is continued, also by another process.

    Args:
        dataset: The dataset.
        version: The version to export.
        folder: A new or an empty folder.
        wanted: The form.
        clips: The clips: a table with the column `clip`.
        done: Called with the seconds of each clip after it is written.
        describe: Called with the folder that has all files, to add descriptions.

    Returns:
        The number of clips, and of those that an interrupted export had written.

    Raises:
        ExportError: The folder holds other files.
    """
    form = asdict(wanted) | {"splits": repr(wanted.splits), "clips": _sha256(clips["clip"])}
    what = f"{dataset.name} {version.number} {version.timestamp_ms} of {dataset.store.uri} as {json.dumps(form, sort_keys=True)}"
    with whole(folder, what, describe) as files, Journal(files.with_name("journal.jsonl")) as journal:
        found = sum(journal.clips.values())
        _write_clips(dataset, version, files, wanted, clips, journal, done)
        write_manifest(files / MANIFEST, journal.lines(), wanted)
        if beside := KINDS[wanted.kind].beside:
            for split in journal.files:
                place = files / folder_of(wanted, split)
                place.mkdir(parents=True, exist_ok=True)  # a kill may have been while files moved to the export's folder
                beside(place, journal.lines(split), wanted)
        return sum(journal.clips.values()), found


def folder_of(wanted: Wanted, split: str) -> str:
    """The folder of a split inside an export; "." is the export's own."""
    return split if wanted.splits else KINDS[wanted.kind].alone or "."


def _sha256(ids: pa.ChunkedArray) -> str:
    """Hashes ids: an SQL condition may be true for other clips next time."""
    digest = hashlib.sha256()
    for chunk in ids.chunks:
        digest.update("\n".join([*chunk.to_pylist(), ""]).encode())
    return digest.hexdigest()


def _write_clips(
    dataset: DatasetStore,
    version: Version,
    files: Path,
    wanted: Wanted,
    clips: pa.Table,
    journal: Journal,
    done: Callable[[float], None],
) -> None:
    """Writes the files with sound that are not in the journal."""
    kind, before, seen = KINDS[wanted.kind], Counter(journal.clips), Counter[str]()
    opened: dict[str, _Open] = {}

    def close(split: str) -> None:
        own = opened.pop(split)
        own.shard.close()
        journal.append(split, own.lines)

    for row, line in rows(dataset, version, clips, wanted):
        split = line["split"]
        seen[split] += 1
        if seen[split] > before[split]:
            sound = converted(dataset.store.read(audio_key(dataset.name, row.audio_sha256)), wanted.codec, wanted.rate_hz, wanted.channels)
            if split in opened and opened[split].shard.size_bytes + _size_bytes(line, sound) > wanted.shard_bytes:
                close(split)
            if split not in opened:
                opened[split] = _opened(files, wanted, split, journal.files[split], row.clip)
            own = opened[split]
            own.lines.append(_heard(line, own.file, sound.samples, wanted))
            own.shard.add(own.lines[-1], sound.data)
            if not kind.sharded:
                close(split)
        done(row.end - row.start)
    for split in sorted(opened):
        close(split)


def _size_bytes(line: Line, sound: Sound) -> int:
    """The most that a clip takes in a file of several."""
    return len(sound.data) + len(json.dumps(line)) + _HEADERS_BYTES


def _opened(files: Path, wanted: Wanted, split: str, number: int, clip: str) -> _Open:
    kind = KINDS[wanted.kind]
    name = kind.name.format(number=number if kind.sharded else number + 1, clip=checked(clip, "clips"), codec=wanted.codec)
    path = files / folder_of(wanted, split) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return _Open(kind.shard(path, wanted), name)


def _heard(line: Line, file: str, samples: int, wanted: Wanted) -> Line:
    """A line with what is known since the sound was decoded."""
    place = (Path(folder_of(wanted, line["split"])) / file).as_posix()
    length = {"samples": samples, "seconds": samples / wanted.rate_hz, "sample_rate_hz": wanted.rate_hz, "channels": wanted.channels}
    return line | length | {"audio": place, "file": file}
