"""Removes what was forgotten from every version of a dataset and from the store, so that no object holds it any more.

Everything that it needs is written down before it removes anything. So a purge that was interrupted goes on where it stopped.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import Item, Recording
from components.shared.task import StageError
from pipelines.datasets.rewriting import Gone, Rewriting, clip_keys
from store.datasets import DatasetStore, audio_key, speaker_names, timeline_key
from store.decisions import File
from store.fingerprints import FingerprintStore
from store.forgotten import DONE, RECORDING, SPEAKER, STARTED, Forgotten, Tombstone, Work
from store.histories import drop_history
from store.interface import Store
from store.ledger import Ledger
from store.models import REFERENCES, ModelStore, place
from store.parquet import read_columns, read_object, to_bytes
from store.repeats import RepeatStore
from store.reviews import ReviewStore
from store.truth import read_truth, write_truth
from store.upgrade import old_versions
from store.voices import TABLE, NamedVoice

Say = Callable[[str], None]


@dataclass
class Purged:
    """What a purge removed."""

    subjects: list[str] = field(default_factory=list)
    """Tombstones whose purge is done now."""
    audio: int = 0
    """Number of audio files."""
    shared: int = 0
    """Number of audio files that stay, because clips of others have the same samples."""
    references: list[str] = field(default_factory=list)
    """References that held a forgotten voice or clip, as `<name>/<version>`."""


def purge(store: Store, name: str, say: Say) -> Purged:
    """Does all purges that have started. The caller holds the dataset's lease.

    Raises StageError if versions in the form of an earlier release are not upgraded.
    """
    done, forgotten = Purged(), Forgotten(store, name)
    while started := [t for t in forgotten.rows() if t.purge == STARTED]:
        work = forgotten.work()
        if not work:
            say("listing what has to be removed")
            work = planned(store, name, started)
            forgotten.begin(work)
        _remove(store, name, work, done, say)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        ready = work["subject"]
        forgotten.write(lambda rows: [replace(t, purge=DONE, purged=now) for t in rows.values() if t.subject in ready])  # noqa: B023
        forgotten.end()
        done.subjects += sorted(ready)
    if forgotten.work():  # of a purge that broke off after its last step but this one
        forgotten.end()
    return done


def planned(store: Store, name: str, started: Sequence[Tombstone]) -> Work:
    """What has to be removed for some tombstones: texts by kind."""
    work: dict[str, set[str]] = defaultdict(set)
    work["when"] = {datetime.now(UTC).isoformat(timespec="seconds")}
    work["subject"] = {t.subject for t in started}
    work["recording"] = {t.id for t in started if t.kind == RECORDING}
    work["speaker"] = {t.id for t in started if t.kind == SPEAKER}
    datasets = DatasetStore(store, name)
    work["clip"] = _clips(datasets, work["speaker"])
    _collect(datasets, work)
    for version in datasets.versions():
        names = speaker_names(version.lineage)
        others = {n for s, n in names.items() if s not in work["speaker"]}
        work["name"] |= {f"{s}={n}" for s, n in names.items() if s in work["speaker"] and n not in others}
        work["url"] |= {r.url for r in datasets.recordings(version) if r.recording in work["recording"]}
    work["url"] |= {r.url for r in Ledger(store, name).rows().values() if r.recording in work["recording"]}
    work["reference"] = set(references_of(store, name, work))
    return work


def references_of(store: Store, name: str, work: Work) -> Iterator[str]:
    """The references with a voice of a forgotten speaker or with a forgotten clip, as `<name>/<version>`."""
    gone, speakers, models = Gone(work), work.get("speaker", set()), ModelStore(store, REFERENCES)
    for reference in models.names():
        for model in models.versions(reference):
            folder = place(reference, model.version, REFERENCES)
            titles = [r.title for r in read_object(store, f"{folder}/rows.parquet", Recording)] if "rows.parquet" in model.files else []
            voices = read_object(store, f"{folder}/{TABLE}.parquet", NamedVoice) if f"{TABLE}.parquet" in model.files else []
            of_speaker = any(v.dataset == name and v.speaker in speakers for v in voices)
            if of_speaker or any(gone.names(title.rpartition(".")[0]) for title in titles):
                yield f"{reference}/{model.version}"


def _files(datasets: DatasetStore) -> Iterator[File]:
    """The files of decisions of all versions, each once, those of newer versions first."""
    seen: set[str] = set()
    for version in reversed(datasets.versions()):
        for file in datasets.files(version).values():
            if file.name not in seen:
                seen.add(file.name)
                yield file


def _rows(datasets: DatasetStore, file: File, columns: Sequence[str]) -> pa.Table:
    """The clips of a file with their speakers, voices and some measurements."""
    decisions = datasets.table.read(file, ["clip", "recording", "speaker", "voice"])
    found = datasets.measures(file.block, decisions["clip"], columns)
    for column in ("speaker", "voice"):
        found = found.append_column(column, decisions[column])
    return found


def _clips(datasets: DatasetStore, speakers: set[str]) -> set[str]:
    """The keys of the clips of some speakers, in any version. The newest version that has a clip says whose it is."""
    if not speakers:
        return set()
    wanted, columns = pa.array(sorted(speakers)), ["clip", "audio_sha256"]
    candidates = pa.array([], pa.string())
    for file in _files(datasets):
        rows = _rows(datasets, file, columns)
        own = clip_keys(rows.filter(pc.is_in(rows["speaker"], value_set=wanted)))
        candidates = pc.unique(pa.concat_arrays([candidates, own]))
    decided, chosen = set[str](), set[str]()
    for file in _files(datasets):
        rows = _rows(datasets, file, columns)
        keys = clip_keys(rows)
        known = pc.is_in(keys, value_set=candidates)
        of_speaker = pc.is_in(rows["speaker"], value_set=wanted).combine_chunks().filter(known)
        for key, is_of in zip(keys.filter(known).to_pylist(), of_speaker.to_pylist(), strict=True):
            if key not in decided:
                decided.add(key)
                chosen |= {key} if is_of else set()
    return chosen


def _collect(datasets: DatasetStore, work: dict[str, set[str]]) -> None:
    """Adds the sounds and timelines of the forgotten clips, and the voices that they are part of."""
    gone = Gone(work)
    columns = ["clip", "recording", "audio_sha256", "before_sha256", "timeline_sha256"]
    for file in _files(datasets):
        rows = _rows(datasets, file, columns)
        rows = rows.filter(gone.of(rows))
        work["voice"] |= set(pc.unique(rows["voice"]).to_pylist()) - {""}
    for block in sorted({f.block for f in _files(datasets)}):  # clips that no version has any more, too
        rows = datasets.blocks.read(block, columns)
        rows = rows.filter(gone.of(rows))
        for column in ("audio_sha256", "before_sha256"):
            work["audio"] |= set(pc.unique(rows[column]).to_pylist()) - {""}
        whole = rows.filter(pc.is_in(rows["recording"], value_set=gone.recordings))
        work["timeline"] |= set(pc.unique(whole["timeline_sha256"]).to_pylist()) - {""}


def _remove(store: Store, name: str, work: Work, done: Purged, say: Say) -> None:
    """Removes everything that `work` lists. It can be repeated."""
    datasets, recordings = DatasetStore(store, name), work.get("recording", set())
    _check_old(store, name, len(datasets.versions()))
    say("removing audio and timelines")
    kept = _used(datasets, work)
    for kind, key_of in (("audio", audio_key), ("timeline", timeline_key)):
        for sha256 in sorted(work.get(kind, set()) - kept):
            store.delete(key_of(name, sha256))
    done.audio += len(work.get("audio", set()) - kept)
    done.shared += len(work.get("audio", set()) & kept)
    for reference in sorted(work.get("reference", ())):
        _remove_reference(store, reference)
        done.references.append(reference)
    if recordings:
        say("removing recordings from the ledger, repeats, fingerprints, plans and truth")
        FingerprintStore(store, name).remove(recordings)
        Ledger(store, name).remove(recordings)
        RepeatStore(store, name).remove(recordings)
        for table in ("ledger", "repeats"):
            drop_history(store, f"datasets/{name}/{table}", recordings)
        _remove_from_plans(store, recordings)
        _remove_truth(store, name, work)
    ReviewStore(store, name).remove(recordings, {key.partition("|")[0] for key in work.get("clip", ())})
    say("rewriting all versions")
    (when,) = work["when"]
    Rewriting(store, name, work, when).all()
    for key in list(store.keys(f"datasets/{name}/table/")):
        store.delete(key)


def _check_old(store: Store, name: str, versions: int) -> None:
    """Raises StageError if versions in the form of an earlier release would be lost."""
    old = len(old_versions(store, name))
    if old > versions:
        raise StageError(
            f"expected all {old} versions of dataset {name} in the form of this release, found {versions}: "
            f"run `speechmill dataset upgrade {name}`, then this command again"
        )


def _used(datasets: DatasetStore, work: Work) -> set[str]:
    """Those of the hashes that clips have that stay."""
    gone, used = Gone(work), set[str]()
    wanted = pa.array(sorted(work.get("audio", set()) | work.get("timeline", set())), pa.string())
    columns = ["audio_sha256", "before_sha256", "timeline_sha256"]
    for block in sorted({f.block for f in _files(datasets)}):
        rows = datasets.blocks.read(block, ["clip", "recording", *columns])
        rows = rows.filter(pc.invert(gone.of(rows)))
        for column in columns:
            used |= set(pc.unique(rows[column].filter(pc.is_in(rows[column], value_set=wanted))).to_pylist())
    return used


def _remove_reference(store: Store, reference: str) -> None:
    folder = f"{REFERENCES}/{reference}/"
    for key in sorted(store.keys(folder), key=lambda k: not k.endswith("/model.json")):  # first what says that it is complete
        store.delete(key)


def _remove_from_plans(store: Store, recordings: set[str]) -> None:
    for key in list(store.keys("plans/")):
        with store.open(key) as file:
            planned_there = set(read_columns(file, {"recording"})["recording"].to_pylist())
        if planned_there & recordings:
            left = [i for i in read_object(store, key, Item) if i.recording not in recordings]
            if left:
                store.write(key, to_bytes(Item, left))
            else:
                store.delete(key)


def _remove_truth(store: Store, name: str, work: Work) -> None:
    """Removes the true tones of the recordings, which are named by URL, or by a file name that no other recording has."""
    urls, rows = work.get("url", set()), read_truth(store, name)
    left = {r.url.rpartition("/")[2] for r in Ledger(store, name).rows().values()}
    sources = urls | ({u.rpartition("/")[2] for u in urls} - left)
    if any(t.source in sources for t in rows):
        write_truth(store, name, [t for t in rows if t.source not in sources])
