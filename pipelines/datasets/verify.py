"""Checks that the versions of a dataset are whole: that each object is there and holds what its name says, and that all sums agree."""

import hashlib
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.publish.draft import Sums
from components.publish.outcomes import outside, seconds_by_outcome
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import SchemaError, from_table, schema
from components.shared.task import one_line
from store.blocks import FOLDERS, MEASURED
from store.datasets import DatasetStore, Version, speaker_names
from store.decisions import File
from store.interface import Store, StoreError
from store.inventory import Inventory, inventory
from store.ledger import DERIVED, PENDING, PUBLISHED, Ledger
from store.parquet import conformed, read_columns
from store.version_rows import DatasetSpeaker, Decision, Recorded

AUDIO, TIMELINES = ("audio_sha256", "before_sha256"), ("timeline_sha256",)
_HASHED = (*AUDIO, *TIMELINES)
_CLOSE = 1.5 / SAMPLE_RATE_HZ
"""Seconds that are the same but for rounding."""
_READERS, _AT_ONCE = 8, 64
"""Number of objects to read at the same time, and between two looks at the progress."""


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong with a dataset."""

    kind: str
    """audio, timeline, measures, decisions, recordings, speakers, seconds or ledger."""
    what: str
    """What was expected and what was found, on one line."""
    key: str = ""
    """Key of the object."""
    version: int = 0
    """The newest of the checked versions that has it; 0 if it is of no version."""
    clip: str = ""
    recording: str = ""


@dataclass
class Checked:
    """What was checked and what was found."""

    versions: list[int] = field(default_factory=list)
    clips: int = 0
    """Number of different rows of clips."""
    objects: int = 0
    """Number of different objects that were looked for."""
    decoded: int = 0
    """Number of audio files that were decoded."""
    damage: list[Damage] = field(default_factory=list)


@dataclass
class _Objects:
    """The content-addressed objects of one kind, and which of them clips refer to."""

    there: Inventory
    wanted: Any
    """Which objects clips refer to, shaped (objects,)."""
    broken: dict[int, str] = field(default_factory=dict)
    """What is wrong with an object, by its place."""


class Verification:
    """Checks some versions of a dataset, block by block. A file that several versions share is read once, for the newest of them."""

    def __init__(self, store: Store, name: str, say: Callable[[str], None] = lambda _: None) -> None:
        self._store, self._dataset, self._say = store, DatasetStore(store, name), say
        self._folder = f"datasets/{name}"
        self._found, self._seen = Checked(), dict[str, Sums]()

    def check(self, versions: Sequence[Version], audio: Callable[[int, int], None] | None = None) -> Checked:
        """Checks these versions, and the ledger if the newest one is among them.

        `audio` makes it decode each audio file and hash each timeline; it is called with the bytes that are done, and with those of
        all.
        """
        self._say("listing audio and timelines")
        objects = {
            "audio": self._objects("audio", ".flac"),
            "timelines": self._objects("timelines", ".parquet"),
        }
        newest_first = sorted(versions, key=lambda v: -v.number)
        blocks: dict[str, tuple[File, int]] = {}
        for version in newest_first:
            self._say(f"checking version {version.number}")
            self._version(version, objects, blocks)
            self._found.versions.append(version.number)
        if audio:
            self._content(objects, audio)
            self._name_broken(objects, blocks.values())
        if newest_first and newest_first[0].number == self._dataset.versions()[-1].number:
            self._ledger(newest_first[0])
        self._found.objects += sum(int(o.wanted.sum()) for o in objects.values())
        return self._found

    def _objects(self, folder: str, suffix: str) -> _Objects:
        there = inventory(self._store, f"{self._folder}/{folder}/", suffix)
        return _Objects(there, np.zeros(len(there.hashes), bool))

    def _version(self, version: Version, objects: dict[str, _Objects], blocks: dict[str, tuple[File, int]]) -> None:
        files, sums, readable = self._dataset.files(version), Sums(), True
        where: dict[str, str] = {}
        for block, file in files.items():
            if file.name not in self._seen:
                self._seen[file.name] = self._block(version, block, file, objects)
                blocks[file.name] = file, version.number
            own = self._seen[file.name]
            readable &= bool(own.clips) or not file.clips
            where |= dict.fromkeys(own.recordings, block)
            sums.include(own)
        recordings = self._rows(version, Recorded, version.recordings)
        speakers = self._rows(version, DatasetSpeaker, version.speakers)
        if recordings is not None and readable:
            self._check_recordings(version, recordings, sums, where)
        if speakers is not None and readable:
            self._check_speakers(version, speakers, sums)

    def _block(self, version: Version, block: str, file: File, objects: dict[str, _Objects]) -> Sums:
        """Checks a file of decisions and the measurements of its block. Returns what its decisions add up to."""
        sums, number = Sums(), version.number
        decisions = self._parquet(Decision, f"{self._folder}/decisions/{file.name}", "decisions", number, schema(Decision).names)
        if decisions is None:
            return sums
        sums.add(decisions)
        self._found.clips += decisions.num_rows
        key = f"{self._folder}/measures/{block}.parquet"
        if decisions.num_rows != file.clips:
            self._damage("decisions", f"expected {file.clips} clips, found {decisions.num_rows}", file.name, number)
        for name, wrong in _wrong_decisions(decisions, block):
            self._clips("decisions", f"expected {name}, found another", file.name, number, decisions.filter(wrong))
        measures = self._parquet(DatasetRow, key, "measures", number, MEASURED)
        if measures is None:
            self._clips("measures", "its measurements cannot be read", key, number, decisions)
            return sums
        at = pc.index_in(decisions["clip"], value_set=measures["clip"])
        missing = decisions.filter(pc.is_null(at))
        self._clips("measures", f"expected measurements in block {block}, found none", key, number, missing)
        there = decisions.filter(pc.is_valid(at))
        own = measures.take(pc.drop_null(at))
        for column in ("recording", "samples"):
            other = there.filter(pc.not_equal(own[column], there[column]))
            self._clips("measures", f"expected {column} as measured, found another", key, number, other)
        self._refer(own, number, objects)
        return sums

    def _refer(self, rows: pa.Table, number: int, objects: dict[str, _Objects]) -> None:
        """Marks the objects of some clips as wanted, and names the clips whose objects are missing."""
        for column in _HASHED:
            kind = objects["audio" if column in AUDIO else "timelines"]
            places = kind.there.places(rows[column])
            kind.wanted[places[places >= 0]] = True
            missing = places < 0 if column == "audio_sha256" else places == -1
            empty = places >= 0
            empty[empty] = kind.there.sizes[places[empty]] == 0
            for what, which in (("found none", missing), ("found an empty one", empty)):
                bad = rows.filter(pa.array(which))
                for clip, recording, sha256 in zip(*(bad[c].to_pylist() for c in ("clip", "recording", column)), strict=True):
                    folder = "audio" if column in AUDIO else "timeline"
                    key = f"{kind.there.prefix}{sha256[:2]}/{sha256}{kind.there.suffix}"
                    self._damage(folder, f"expected its {_object_of(column)}, {what}", key, number, clip, recording)

    def _content(self, objects: dict[str, _Objects], done: Callable[[int, int], None]) -> None:
        """Reads each object that clips refer to, and compares it with its name."""
        total = sum(int(o.there.sizes[o.wanted].sum()) for o in objects.values())
        ready = 0
        with ThreadPoolExecutor(_READERS) as pool:
            for folder, kind in objects.items():

                def read(place: int, kind: _Objects = kind, is_audio: bool = folder == "audio") -> str:
                    return _wrong_content(self._store, kind.there.key(place), kind.there.sha256(place), is_audio)

                wanted = np.flatnonzero(kind.wanted)
                for first in range(0, len(wanted), _AT_ONCE):
                    places = wanted[first : first + _AT_ONCE]
                    kind.broken |= {p: wrong for p, wrong in zip(places.tolist(), pool.map(read, places.tolist()), strict=True) if wrong}
                    self._found.decoded += len(places) if folder == "audio" else 0
                    ready += int(kind.there.sizes[places].sum())
                    done(ready, total)

    def _name_broken(self, objects: dict[str, _Objects], blocks: Iterable[tuple[File, int]]) -> None:
        """Names the clips of the objects that do not hold what they should."""
        if not any(kind.broken for kind in objects.values()):
            return
        for file, number in blocks:
            rows = self._quietly(DatasetRow, f"{self._folder}/measures/{file.block}.parquet", ["clip", "recording", *_HASHED])
            decisions = self._quietly(Decision, f"{self._folder}/decisions/{file.name}", ["clip"])
            if rows is None or decisions is None:
                continue
            rows = rows.filter(pc.is_in(rows["clip"], value_set=decisions["clip"]))
            for column in _HASHED:
                kind = objects["audio" if column in AUDIO else "timelines"]
                places = kind.there.places(rows[column])
                which = np.isin(places, list(kind.broken))
                bad = rows.filter(pa.array(which))
                for clip, recording, place in zip(
                    bad["clip"].to_pylist(), bad["recording"].to_pylist(), places[which].tolist(), strict=True
                ):
                    folder = "audio" if column in AUDIO else "timeline"
                    what = f"its {_object_of(column)}: {kind.broken[place]}"
                    self._damage(folder, what, kind.there.key(place), number, clip, recording)

    def _check_recordings(self, version: Version, recordings: Sequence[Recorded], sums: Sums, where: dict[str, str]) -> None:
        number, key = version.number, f"{self._folder}/recordings/{version.recordings}.parquet"
        for name in sorted(sums.recordings.keys() - {r.recording for r in recordings}):
            self._damage("recordings", "expected an account of the recording, which has clips, found none", key, number, "", name)
        for r in recordings:
            kept, rejected = sums.recordings.get(r.recording, (0, 0))
            found = outside(r) + r.kept_samples + r.rejected_samples
            if (r.kept_samples, r.rejected_samples) != (kept, rejected):
                said = f"expected {kept} kept and {rejected} rejected samples as decided, found {r.kept_samples} and {r.rejected_samples}"
                self._damage("recordings", said, key, number, "", r.recording)
            if found != r.samples:
                self._damage("recordings", f"expected {r.samples} samples in its account, found {found}", key, number, "", r.recording)
            if where.get(r.recording, r.block) != r.block:
                said = f"expected its clips in block {where[r.recording]}, found {r.block or 'none'}"
                self._damage("recordings", said, key, number, "", r.recording)
        self._check_lineage(version, recordings, sums)

    def _check_lineage(self, version: Version, recordings: Sequence[Recorded], sums: Sums) -> None:
        stated, found = version.lineage["seconds"], seconds_by_outcome(sums.outcomes, recordings)
        for name in sorted({*stated, *found}):
            if abs(stated.get(name, 0) - found.get(name, 0)) > _CLOSE:
                said = f"expected {name} {found.get(name, 0):.3f} as the clips and recordings say, found {stated.get(name, 0):.3f}"
                self._damage("seconds", said, "", version.number)
        clips = {"all": sum(sums.clips.values()), "kept": sums.kept_clips}
        if version.lineage.get("clips", clips) != clips:
            said = f"expected {clips['all']} clips, {clips['kept']} kept, found {version.lineage['clips']} in the lineage"
            self._damage("seconds", said, "", version.number)

    def _check_speakers(self, version: Version, speakers: Sequence[DatasetSpeaker], sums: Sums) -> None:
        number, key = version.number, f"{self._folder}/speakers/{version.speakers}.parquet"
        rows, names = {s.speaker: s for s in speakers}, speaker_names(version.lineage)
        for name in sorted(s for s, count in sums.clips.items() if s and count and s not in rows):
            self._damage("speakers", f"expected the speaker {name}, who has clips, found none", key, number)
        for name, s in rows.items():
            clips, seconds = sums.clips.get(name, 0), sums.spoken.get(name, 0) / SAMPLE_RATE_HZ
            if s.clips != clips or abs(s.speech_seconds - seconds) > _CLOSE:
                said = f"expected {clips} clips and {seconds:.3f} s of {name}, found {s.clips} clips and {s.speech_seconds:.3f} s"
                self._damage("speakers", said, key, number)
            if clips and s.name != names.get(name, ""):
                said = f"expected the name of {name} as in the lineage, found another"
                self._damage("speakers", said, key, number)

    def _ledger(self, newest: Version) -> None:
        """Compares the ledger with the newest version."""
        recordings = self._rows(newest, Recorded, newest.recordings, quiet=True) or []
        try:
            rows = Ledger(self._store, self._dataset.name).rows()
        except (StoreError, SchemaError, OSError, pa.ArrowException) as error:
            self._damage("ledger", f"it cannot be read: {one_line(error)}", f"{self._folder}/ledger")
            return
        known = {r.recording for r in recordings}
        for r in recordings:
            row = rows.get(r.recording)
            wrong = [] if row is None else [n for n in DERIVED if getattr(row, n) != getattr(r, n)]
            if row is None:
                self._damage("ledger", "expected a row of the recording, found none", "", newest.number, "", r.recording)
            elif row.outcome not in (PUBLISHED, PENDING):
                said = f"expected it as published, found {row.outcome}"
                self._damage("ledger", said, "", newest.number, "", r.recording)
            elif wrong:
                self._damage("ledger", f"expected {', '.join(wrong)} as in the version, found others", "", newest.number, "", r.recording)
        for row in rows.values():
            if row.outcome == PUBLISHED and row.samples and row.recording not in known:
                said = "expected it in the newest version, since the ledger has it as published, found it in none"
                self._damage("ledger", said, "", newest.number, "", row.recording)

    def _rows(self, version: Version, kind: type[Any], name: str, quiet: bool = False) -> list[Any] | None:
        key = f"{self._folder}/{FOLDERS[kind]}/{name}.parquet"
        if quiet:
            table = self._quietly(kind, key, schema(kind).names)
        else:
            table = self._parquet(kind, key, FOLDERS[kind], version.number, schema(kind).names)
        return None if table is None else from_table(kind, table)

    def _parquet(self, kind: type, key: str, what: str, number: int, names: Collection[str]) -> pa.Table | None:
        """The rows of a file whose name ends in a hash of its bytes. None, and damage, if it is missing or holds anything else."""
        self._found.objects += 1
        try:
            data = self._store.read(key)
            wanted = key.rpartition("/")[2].removesuffix(".parquet").rpartition("-")[2]
            if not hashlib.sha256(data).hexdigest().startswith(wanted):
                raise SchemaError(f"expected bytes with the hash {wanted}, found {len(data)} other bytes")
            return conformed(kind, read_columns(pa.BufferReader(data), names), key, names)
        except (StoreError, SchemaError, OSError, pa.ArrowException) as error:
            self._damage(what, one_line(error), key, number)
            return None

    def _quietly(self, kind: type, key: str, names: Collection[str]) -> pa.Table | None:
        try:
            return conformed(kind, read_columns(pa.BufferReader(self._store.read(key)), names), key, names)
        except (StoreError, SchemaError, OSError, pa.ArrowException):
            return None

    def _clips(self, kind: str, what: str, key: str, number: int, rows: pa.Table) -> None:
        for clip, recording in zip(rows["clip"].to_pylist(), rows["recording"].to_pylist(), strict=True):
            self._damage(kind, what, key, number, clip, recording)

    def _damage(self, kind: str, what: str, key: str, version: int = 0, clip: str = "", recording: str = "") -> None:
        self._found.damage.append(Damage(kind, what, key, version, clip, recording))


def _wrong_decisions(decisions: pa.Table, block: str) -> Iterator[tuple[str, Any]]:
    """What is wrong with decisions by themselves, each with the clips that have it."""
    clips = decisions["clip"].combine_chunks()
    yield "its own block", pc.not_equal(decisions["block"], block)
    yield "kept or a reason", pc.equal(decisions["kept"], pc.not_equal(decisions["reason"], ""))
    if len(clips) > 1:
        yield "clips in order, each once", pa.concat_arrays([pa.array([False]), pc.less_equal(clips[1:], clips[:-1])])


def _object_of(column: str) -> str:
    return {"audio_sha256": "audio", "before_sha256": "original audio", "timeline_sha256": "timeline"}[column]


def _wrong_content(store: Store, key: str, sha256: str, is_audio: bool) -> str:
    """What is wrong with an object that has this hash in its name; "" if nothing is."""
    from components.shared.audio import pcm_sha256

    try:
        data = store.read(key)
        if not is_audio:
            return "" if hashlib.sha256(data).hexdigest() == sha256 else "expected bytes with the hash in its name, found others"
        import soundfile

        pcm, rate_hz = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
        if rate_hz != SAMPLE_RATE_HZ or pcm.shape[1] != 1:
            return f"expected mono at {SAMPLE_RATE_HZ} Hz, found {pcm.shape[1]} channels at {rate_hz} Hz"
        return "" if pcm_sha256(pcm[:, 0]) == sha256 else "expected the samples whose hash is its name, found others"
    except (StoreError, OSError, RuntimeError) as error:
        return f"it cannot be read: {one_line(error)}"
