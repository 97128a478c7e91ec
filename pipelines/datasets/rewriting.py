"""Makes every version of a dataset again without what is forgotten: its blocks, decisions, recordings, speakers, lineage and log."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.publish.draft import Sums, with_column
from components.publish.outcomes import seconds_by_outcome
from components.publish.speakers import clips_of, facts, has_vector
from components.shared.rows import SAMPLE_RATE_HZ, Vector
from components.shared.rules import REPEATS
from pipelines.datasets.scrubbing import scrubbed
from store.datasets import LINEAGE_KEY, NAMED, RECORDINGS_KEY, SPEAKERS_KEY, VERSION_KEY, DatasetStore, Version
from store.decisions import File
from store.forgotten import Work
from store.histories import Actions, rewrite_log
from store.interface import Store
from store.version_rows import DatasetSpeaker, Recorded


class Gone:
    """Tells which clips a purge removes."""

    def __init__(self, work: Work) -> None:
        self.recordings, self._clips = (pa.array(sorted(work.get(kind, ())), pa.string()) for kind in ("recording", "clip"))
        self._ids = {key.partition("|")[0] for key in work.get("clip", ())}
        self._of = set(work.get("recording", ()))

    def of(self, rows: pa.Table) -> pa.Array:
        """Which of some clips it removes. `rows` has the columns clip, recording and audio_sha256."""
        of_recording = pc.is_in(rows["recording"], value_set=self.recordings).combine_chunks()
        return pc.or_(of_recording, pc.is_in(clip_keys(rows), value_set=self._clips))

    def names(self, clip: str) -> bool:
        """Whether the id of a clip is that of one that it removes."""
        return clip in self._ids or clip.rpartition("-")[0] in self._of


def clip_keys(rows: pa.Table) -> pa.Array:
    """What tells a clip from one of another file with the same id: its id and its sound."""
    return pc.binary_join_element_wise(rows["clip"], rows["audio_sha256"], "|").combine_chunks()


@dataclass
class _Lost:
    """What a file of decisions loses."""

    samples: Counter[str] = field(default_factory=Counter)
    """Samples by recording."""
    clips: int = 0
    voices: dict[str, tuple[NDArray[np.float64], float]] = field(default_factory=dict)
    """Sum of the vectors times seconds, and the seconds, by voice."""


class Rewriting:
    """The versions of a dataset without what `work` lists. Every step can be repeated, and leaves all versions readable."""

    def __init__(self, store: Store, name: str, work: Work, when: str) -> None:
        self._store, self._dataset, self._work, self._when = store, DatasetStore(store, name), work, when
        self._folder, self._gone = f"datasets/{name}", Gone(work)
        self._blocks: dict[str, str] = {}
        self._files: dict[str, File | None] = {}
        self._lost: dict[str, _Lost] = {}
        self._sums: dict[str, Sums] = {}

    def all(self) -> None:
        """Rewrites all versions, newest first in the log, and removes the files that no version names then."""
        versions = {v.commit: v for v in self._dataset.versions()}
        metadata = {commit: self._version(v) for commit, v in versions.items()}
        rewrite_log(self._store, f"{self._folder}/decisions", lambda number, actions: self._actions(actions, metadata.get(number, {})))
        self._remove_unnamed()

    def _version(self, version: Version) -> dict[str, str]:
        """Writes the files of a version that change, and returns the metadata of its commit that changes."""
        files = self._dataset.files(version)
        for file in files.values():
            if file.name not in self._files:
                self._rewrite(file)
        sums, lost = Sums(), [self._lost[f.name] for f in files.values()]
        for file in files.values():
            sums.include(self._sums[file.name])
        recordings = self._recordings(version, sums, lost)
        speakers = self._speakers(version, sums, lost)
        seconds = seconds_by_outcome(sums.outcomes, recordings)
        metadata = {
            RECORDINGS_KEY: self._dataset.blocks.write_rows(Recorded, recordings),
            SPEAKERS_KEY: self._dataset.blocks.write_rows(DatasetSpeaker, speakers),
        }
        clips = sum(x.clips for x in lost)
        there = {r.recording for r in self._dataset.recordings(version)}
        removed = len(there & self._work.get("recording", set()))
        lineage = self._lineage(version.lineage)
        if clips or removed or lineage != version.lineage:
            lineage |= {"seconds": seconds, "clips": {"all": sum(sums.clips.values()), "kept": sums.kept_clips}}
            if "speakers" in lineage:
                given = int(lineage["speakers"].get("given", 0))
                lineage["speakers"] = {**lineage["speakers"], **facts(sums.spoken, sums.clips, given)}
            notes = lineage.get("purged", [])
            if not any(n["at"] == self._when for n in notes):
                notes = [*notes, {"at": self._when, "recordings": removed, "clips": clips}]
            metadata[LINEAGE_KEY] = json.dumps(lineage | {"purged": notes}, sort_keys=True)
        return metadata

    def _rewrite(self, file: File) -> None:
        """Writes a file of decisions without the forgotten clips, and its block."""
        decisions = self._dataset.table.read(file)
        columns = ["clip", "recording", "audio_sha256", "samples", "vector"]
        rows = self._dataset.measures(file.block, decisions["clip"], columns)
        gone = self._gone.of(rows)
        block = self._block(file.block)
        lost, left = _lost(decisions.filter(gone), rows.filter(gone)), decisions.filter(pc.invert(gone))
        if left.num_rows:
            left = with_column(left, "block", pa.repeat(block, left.num_rows))
            left = with_column(left, "reason", _without_clips(left["reason"], self._gone))
            for column in ("voice", "speaker"):  # of clips that a later version took away from the speaker
                was = pc.is_in(left[column], value_set=pa.array(sorted(self._work.get("speaker", ())), pa.string()))
                left = with_column(left, column, pc.if_else(was, "", left[column]))
        new = None if not left.num_rows else file if left.equals(decisions) else self._dataset.table.write(block, left)
        sums = Sums()
        sums.add(left)
        for known in {file.name, *([new.name] if new else [])}:
            self._sums[known] = sums
        self._files[file.name], self._lost[file.name] = new, lost
        if new and new.name != file.name:
            self._files[new.name], self._lost[new.name] = new, _Lost()

    def _block(self, block: str) -> str:
        """Writes a block without the forgotten clips; returns its name, "" if it has no clips."""
        if block not in self._blocks:
            rows = self._dataset.blocks.read(block)
            left = rows.filter(pc.invert(self._gone.of(rows)))
            gone = pc.is_in(left["reference"], value_set=pa.array(sorted(self._work.get("reference", ())), pa.string()))
            left = with_column(left, "reference", pc.if_else(gone, "", left["reference"]))
            name = block if left.equals(rows) else self._dataset.blocks.write(left.combine_chunks()) if left.num_rows else ""
            self._blocks |= {block: name, **({name: name} if name else {})}
        return self._blocks[block]

    def _recordings(self, version: Version, sums: Sums, lost: list[_Lost]) -> list[Recorded]:
        taken: Counter[str] = Counter()
        for own in lost:
            taken.update(own.samples)
        gone, found = self._work.get("recording", set()), []
        for r in self._dataset.recordings(version):
            if r.recording in gone:
                continue
            kept, rejected = sums.recordings.get(r.recording, (0, 0))
            block = self._blocks.get(r.block, r.block) if r.recording in sums.recordings else ""
            now = replace(r, block=block, duplicate_of="" if r.duplicate_of in gone else r.duplicate_of)
            now = replace(now, kept_samples=kept, rejected_samples=rejected)
            found.append(replace(now, forgotten_samples=r.forgotten_samples + taken[r.recording]))
        return found

    def _speakers(self, version: Version, sums: Sums, lost: list[_Lost]) -> list[DatasetSpeaker]:
        gone, touched = self._work.get("speaker", set()), self._work.get("voice", set())
        total = sum(n for s, n in sums.spoken.items() if s) or 1
        found = []
        for s in self._dataset.speakers(version):
            parts = [own.voices[s.speaker] for own in lost if s.speaker in own.voices]
            left = s.voice_seconds - sum(seconds for _, seconds in parts)
            if s.speaker in gone or (s.speaker in touched and left < 1 / SAMPLE_RATE_HZ):
                continue
            centroid = s.centroid
            if parts:
                mean = np.frombuffer(s.centroid, "<f4").astype(np.float64) * s.voice_seconds - sum(vector for vector, _ in parts)
                centroid = Vector((mean / left).astype("<f4").tobytes())
            spoken = sums.spoken.get(s.speaker, 0)
            now = replace(s, centroid=centroid, voice_seconds=left, clips=sums.clips.get(s.speaker, 0))
            found.append(replace(now, speech_seconds=spoken / SAMPLE_RATE_HZ, share=spoken / total))
        return found

    def _lineage(self, lineage: dict[str, Any]) -> dict[str, Any]:
        names = {s: name for s, _, name in (entry.partition("=") for entry in self._work.get("name", ()))}
        clean = dict(scrubbed(lineage, names, self._work.get("recording", ())))
        gone = self._work.get("speaker", set())
        if "speakers" in clean and gone:
            own = clean["speakers"]
            own |= {k: {s: v for s, v in own[k].items() if s not in gone and v not in gone} for k in ("names", "merged") if k in own}
            own |= {"unnamed": [s for s in own["unnamed"] if s not in gone]} if "unnamed" in own else {}
            clean["speakers"] = own
        return clean

    def _actions(self, actions: Actions, metadata: Mapping[str, str]) -> Actions:
        """The actions of a commit with the new files. It removes both the old and the new ones that later commits replace."""
        added, removed, others = dict[str, dict[str, Any]](), dict[str, dict[str, Any]](), Actions()
        for action in actions:
            if "add" in action:
                add = action["add"]
                if new := self._new(add["path"]):
                    stats = json.dumps({"numRecords": new.clips})
                    added[new.name] = add if new.name == add["path"] else add | {"path": new.name, "size": new.size_bytes, "stats": stats}
            elif "remove" in action:
                remove = action["remove"]
                removed[remove["path"]] = remove
                if (new := self._new(remove["path"])) and new.name != remove["path"]:
                    removed[new.name] = remove | {"path": new.name, "size": new.size_bytes}
            elif "commitInfo" in action and VERSION_KEY in action["commitInfo"]:
                others.append({"commitInfo": action["commitInfo"] | metadata})
            else:
                others.append(action)
        return [*others, *({"add": a} for a in added.values()), *({"remove": r} for p, r in removed.items() if p not in added)]

    def _new(self, path: str) -> File | None:
        return self._files[path] if path in self._files else File(path, 0, 0)

    def _remove_unnamed(self) -> None:
        """Deletes the blocks, decisions, recordings and speakers that no version names."""
        named = {key for version in self._dataset.versions() for key in self._dataset.named(version)}
        for folder in NAMED:
            for key in list(self._store.keys(f"{self._folder}/{folder}/")):
                if key not in named and not key.startswith(f"{self._folder}/decisions/_delta_log/"):
                    self._store.delete(key)


def _lost(decisions: pa.Table, rows: pa.Table) -> _Lost:
    """What the forgotten clips of a file add up to."""
    lost = _Lost(clips=decisions.num_rows)
    for recording, samples in zip(decisions["recording"].to_pylist(), decisions["samples"].to_pylist(), strict=True):
        lost.samples[recording] += samples
    heard = has_vector(rows)
    clips, ids = clips_of(rows.filter(heard)), decisions["voice"].filter(heard).to_pylist()
    for voice in set(ids):
        own = clips.of([i for i, v in enumerate(ids) if v == voice])
        lost.voices[voice] = own.totals.sum(axis=0), float(own.seconds.sum())
    return lost


def _without_clips(reason: pa.ChunkedArray, gone: Gone) -> pa.ChunkedArray:
    """The reasons without forgotten clips as places where something was heard before."""
    known = pc.unique(reason).to_pylist()
    named = [r for r in known if r.startswith(f"{REPEATS}:") and gone.names(r.partition(":")[2])]
    return pc.if_else(pc.is_in(reason, value_set=pa.array(named, pa.string())), REPEATS, reason)
