"""Publishes what a run found as the next version of a dataset, and updates what the store knows of it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.publish import repeats as repeating
from components.publish.corrections import Correction
from components.publish.matching import thinned
from components.publish.next import Base, Found, next_version
from components.publish.outcomes import check_law, outcomes, with_audio
from components.publish.reviews import Lost
from components.publish.rules import Wanted
from components.shared.rows import Account, Fingerprint
from components.shared.task import Lineage, StageError, report
from store.datasets import DatasetStore, Version, audio_key, timeline_key
from store.fingerprints import FingerprintStore
from store.forgotten import Forgotten
from store.interface import Store
from store.lease import lease
from store.ledger import Ledger
from store.repeats import Repeat, RepeatStore
from store.reviews import ReviewStore
from store.upgrade import is_old, upgrade
from store.version_rows import Recorded
from store.voices import named_voices

_LISTED = 1000
"""Number of keys that one request lists."""


@dataclass(frozen=True)
class Batch:
    """What a run found in all its shards."""

    accounts: list[Account]
    rows: pa.Table
    """Clips as DatasetRow rows."""
    fingerprints: Callable[[], Iterator[Fingerprint]]
    """Reads the fingerprints of the run's recordings, those of one shard at a time."""
    sources_sha256: str
    """Hash of the sources, as `discover` makes it; empty if the run had none."""
    lineage: Lineage

    @property
    def worked(self) -> set[str]:
        """The recordings that the run has audio of."""
        return {a.recording for a in self.accounts if a.samples}


@dataclass(frozen=True)
class Published:
    """The dataset after a run was published."""

    made: Version | None
    """The version that the run committed; None if it changed nothing."""
    newest: Version | None
    """The newest version; None if the dataset has none yet."""
    recordings: list[Recorded]
    """The recordings of the newest version."""
    repeats: int
    """Number of repeats in the dataset."""
    replaced: Mapping[str, str]
    """The recordings whose clips were replaced by those of another file, with the reason."""
    recognized: Mapping[str, float]
    """The speakers that this version named because a named voice of the store is near, with the similarity."""
    lost: Sequence[Lost]
    """What people said of clips that the run replaced, and that has no place among the new ones."""

    @property
    def speakers(self) -> Mapping[str, Any]:
        """What the newest version's lineage says of its speakers; empty if it says nothing."""
        return self.newest.lineage.get("speakers", {}) if self.newest else {}


def publish(store: Store, dataset: str, run: str, batch: Batch, wanted: Wanted, correction: Correction | None = None) -> Published:
    """Commits the next version of a dataset and writes the outcome of every recording into the ledger.

    A correction is what a person changes of the speakers, on top of what the run found. No version is committed if rows, rules and
    names stay the same. Publishing the same run again changes nothing. Waits while another run publishes the dataset.

    Raises:
        StageError: The store lacks the audio of a clip, a rule needs what no stage measured, or the correction cannot be made.
        ValueError: A recording has samples that are neither in a clip nor accounted for.
    """
    check_law(batch.accounts, batch.rows)
    with lease(store, dataset, run, report):
        return _publish(store, dataset, run, _without(batch, Forgotten(store, dataset).recordings()), wanted, correction)


def _without(batch: Batch, forgotten: Collection[str]) -> Batch:
    """The batch without recordings that were forgotten while the run was at work."""
    gone = {a.recording for a in batch.accounts} & set(forgotten)
    if not gone:
        return batch
    report(f"{len(gone)} recordings of this run were forgotten meanwhile, and are left out")
    rows = batch.rows.filter(pc.invert(pc.is_in(batch.rows["recording"], value_set=pa.array(sorted(gone)))))
    return replace(
        batch,
        accounts=[a for a in batch.accounts if a.recording not in gone],
        rows=rows,
        fingerprints=lambda: (f for f in batch.fingerprints() if f.recording not in gone),
    )


def _publish(store: Store, dataset: str, run: str, batch: Batch, wanted: Wanted, correction: Correction | None) -> Published:
    datasets, ledger = DatasetStore(store, dataset), Ledger(store, dataset)
    if is_old(store, dataset):
        report(f"dataset {dataset} is in the form of an earlier release: making its versions again")
        upgrade(store, dataset)
    versions = datasets.versions()
    present = datasets.recordings(versions[-1] if versions else None)
    _check_objects(store, dataset, batch.rows, versions[-1].lineage["clips"]["all"] if versions else 0)
    ledger.follow(present)
    repeats = _update_repeats(store, dataset, batch)
    _check_fingerprints(FingerprintStore(store, dataset), set(with_audio({r.recording: r for r in present}, batch.accounts)), wanted)
    found = Found(batch.accounts, batch.rows, batch.sources_sha256, batch.lineage)
    last: list[dict[str, Any]] = []

    def compute(versions: list[Version]) -> Any:
        before = versions[-1] if versions else None
        recordings = {r.recording: r for r in datasets.recordings(before)}
        answers = ReviewStore(store, dataset).answers()
        voices = partial(named_voices, store)
        base = Base(datasets, before, repeats, voices, recordings, datasets.speakers(before), answers)
        change, said = next_version(base, run, found, wanted, correction)
        last[:] = [said]
        return change

    made = datasets.publish(run, compute)
    versions = datasets.versions()
    newest = versions[-1] if versions else None
    recordings = datasets.recordings(newest)
    ledger.write(lambda rows: outcomes(rows, batch.accounts, recordings))
    said = last[0] if last and made else {"replaced": {}, "recognized": {}, "lost": []}
    return Published(made, newest, recordings, len(repeats), said["replaced"], said["recognized"], said["lost"])


def origin(version: Version) -> dict[str, str]:
    """What leads back from a version: the run that made it, the hash of its sources and its models."""
    models = {m for stage in version.lineage["stages"].values() for m in stage.get("models", {}).values()}
    return {"run": version.run, "sources_sha256": version.lineage["sources_sha256"], "models": ", ".join(sorted(models))}


def _check_objects(store: Store, dataset: str, rows: pa.Table, known: int) -> None:
    """Raises StageError if the store lacks the audio of a clip, its original audio, or a timeline. `known` are the clips before."""
    columns = rows.select(["clip", "audio_sha256", "before_sha256", "timeline_sha256"]).to_pydict()
    of: dict[str, str] = {}
    for clip, audio, before, timeline in zip(*columns.values(), strict=True):
        for sha256, key in ((audio, audio_key), (before, audio_key), (timeline, timeline_key)):
            if sha256:
                of.setdefault(key(dataset, sha256), clip)
    if missing := sorted(_absent(store, set(of), known)):
        raise StageError(
            f"expected the audio of {rows.num_rows} clips in {store.uri}, found {len(of) - len(missing)} of {len(of)} objects, "
            f"the first one missing is of clip {of[missing[0]]}: start the run again"
        )


def _absent(store: Store, keys: set[str], known: int) -> set[str]:
    """Those of the keys that the store lacks: by listing their folders, or one by one if the folders hold more than that."""
    if (known + len(keys)) / _LISTED > len(keys):
        return {key for key in keys if not store.exists(key)}
    folders = {key.rpartition("/")[0] + "/" for key in keys}
    return keys - {key for folder in folders for key in store.keys(folder)}


def _update_repeats(store: Store, dataset: str, batch: Batch) -> list[Repeat]:
    """Compares the run's recordings with all of the dataset and returns the dataset's repeats."""
    stored, repeats, worked = FingerprintStore(store, dataset), RepeatStore(store, dataset), batch.worked
    if worked:
        dates = {r.recording: r.published for r in (*Ledger(store, dataset).rows().values(), *batch.accounts)}

        def order(recording: str) -> tuple[str, str]:
            return dates.get(recording, ""), recording

        def fingerprints() -> Iterator[Fingerprint]:
            return (f for f in batch.fingerprints() if f.recording in worked)

        stored.write([thinned(f) for f in fingerprints()])
        found = repeating.found(stored, fingerprints(), worked, order, repeats.rows())
        repeats.write(lambda present: repeating.chosen(present, found, worked, order))
    return repeats.rows()


def _check_fingerprints(stored: FingerprintStore, recordings: set[str], wanted: Wanted) -> None:
    """Reports recordings without a fingerprint. Raises StageError if repeats are to be rejected and none has one."""
    missing = len(recordings - stored.recordings())
    advice = "run with discover_again to add fingerprints"
    if wanted["refuse_repeats"] and recordings and missing == len(recordings):
        raise StageError(
            f"publish_refuse_repeats: expected fingerprints of the recordings, found none for {missing} recordings: {advice}, "
            "or switch the rule off"
        )
    if missing:
        report(f"{missing} of {len(recordings)} recordings have no fingerprint, so repeats in them are unknown: {advice}")
