"""Publishes what a run found as the next version of a dataset, and updates what the store knows of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.publish import repeats as repeating
from components.publish import speakers as naming
from components.publish.corrections import Correction, Speakers
from components.publish.identities import identities, recognized
from components.publish.matching import thinned
from components.publish.outcomes import check_law, duplicates, merge, outcomes, replaced, seconds_by_outcome, with_audio
from components.publish.parts import in_parts
from components.publish.rules import Wanted, check_measured, resolved, select
from components.shared.encoders import vectors_of
from components.shared.rows import Account, DatasetRow, Fingerprint
from components.shared.rules import with_thresholds
from components.shared.task import Lineage, StageError, report
from store.datasets import DatasetStore, Version, audio_key
from store.fingerprints import FingerprintStore
from store.interface import Store
from store.ledger import Ledger, LedgerRow
from store.repeats import Repeat, RepeatStore
from store.speakers import DatasetSpeaker, SpeakerStore
from store.voices import named_voices


@dataclass(frozen=True)
class Batch:
    """What a run found in all its shards."""

    accounts: list[Account]
    rows: list[DatasetRow]
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
    rows: list[DatasetRow]
    """All rows of the newest version, kept or not."""
    repeats: list[Repeat]
    recordings: list[LedgerRow]
    replaced: Mapping[str, str]
    """The recordings whose clips were replaced by those of another file, with the reason."""
    recognized: Mapping[str, float]
    """The speakers that this version named because a named voice of the store is near, with the similarity."""

    @property
    def speakers(self) -> Mapping[str, Any]:
        """What the newest version's lineage says of its speakers; empty if it says nothing."""
        return self.newest.lineage.get("speakers", {}) if self.newest else {}


def publish(store: Store, dataset: str, run: str, batch: Batch, wanted: Wanted, correction: Correction | None = None) -> Published:
    """Commits the next version of a dataset and writes the outcome of every recording into the ledger.

    A correction is what a person changes of the speakers, on top of what the run found. No version is committed if rows, rules and
    names stay the same. Publishing the same run again changes nothing.

    Raises:
        StageError: The store lacks the audio of a clip, a rule needs what no stage measured, or the correction cannot be made.
        ValueError: A recording has samples that are neither in a clip nor accounted for.
    """
    datasets, ledger, voices = DatasetStore(store, dataset), Ledger(store, dataset), SpeakerStore(store, dataset)
    check_law(batch.accounts, batch.rows)
    _check_audio(store, dataset, batch.rows)
    known = ledger.rows()
    same, recordings, changed = duplicates(known, batch.accounts), with_audio(known, batch.accounts), replaced(known, batch.accounts)
    repeats, near = _update_repeats(store, dataset, batch), dict[str, float]()
    _check_fingerprints(FingerprintStore(store, dataset), recordings, wanted)

    def next_version(present: list[DatasetRow]) -> tuple[list[DatasetRow], dict[str, Any]]:
        versions = datasets.versions()
        before = versions[-1] if versions else None
        rows = _next_rows(present, batch)
        chosen = with_thresholds(wanted, voice_by := naming.encoder_of(rows))
        now = _heard(rows, present, voices.rows(), before, voice_by, chosen["join_similarity"])
        now, said = correction(now) if correction else (now, {})
        named = named_voices(store, voice_by) if voice_by else {}
        decided, found = recognized(now.rows, now.decided, named, chosen["join_similarity"])
        near.clear()  # of an attempt to commit that another run was faster than
        near.update(found)
        rows, given = now.rows, now.given
        speakers = naming.facts(naming.speech_seconds(rows, same), given) | decided.facts
        check_measured(rows, chosen)
        _tell_of_cosines(rows)
        rows = select(rows, resolved(chosen, rows, speakers["dominant"], given, decided, named), same, repeats)
        seconds = seconds_by_outcome(rows, recordings.values())
        lineage = _lineage(before, batch) | {"seconds": seconds, "speakers": speakers, "replaced": changed}
        return rows, lineage | ({"correction": said} if said else {})

    made = datasets.publish(run, next_version)
    versions = datasets.versions()
    newest = versions[-1] if versions else None
    rows = datasets.rows(newest) if newest else []
    if newest and naming.given_ids(newest):
        voices.write(lambda: _speakers_now(datasets, newest, rows))
    ledger.write(lambda present: outcomes(present, batch.accounts, rows, same))
    return Published(made, newest, rows, repeats, list(ledger.rows().values()), changed, near if made else {})


def origin(version: Version) -> dict[str, str]:
    """What leads back from a version: the run that made it, the hash of its sources and its models."""
    models = {m for stage in version.lineage["stages"].values() for m in stage.get("models", {}).values()}
    return {"run": version.run, "sources_sha256": version.lineage["sources_sha256"], "models": ", ".join(sorted(models))}


def _check_audio(store: Store, dataset: str, rows: Sequence[DatasetRow]) -> None:
    """Raises StageError if the store lacks the audio of a clip."""
    if missing := [r.clip for r in rows if not store.exists(audio_key(dataset, r.audio_sha256))]:
        raise StageError(
            f"expected the audio of {len(rows)} clips in {store.uri}, found none for {len(missing)} of them, the first is {missing[0]}: "
            "start the run again"
        )


def _tell_of_cosines(rows: Sequence[DatasetRow]) -> None:
    """Reports clips whose similarity is a cosine, as before it was corrected for length: the rules do not look at it."""
    if older := sum(r.similarity is not None and r.clip_similarity is None for r in rows):
        report(
            f"{older} clips were compared with the reference by an older measure, so publish_min_similarity keeps them: "
            "run with discover_again to compare them again"
        )


def _next_rows(present: list[DatasetRow], batch: Batch) -> list[DatasetRow]:
    """The next version's rows before speakers are named. A clip made again with the same vector keeps its speaker."""
    same = {(r.clip, r.vector): r.speaker for r in present}
    return merge(present, batch.accounts, [replace(r, speaker=same.get((r.clip, r.vector), "")) for r in batch.rows])


def _heard(
    rows: list[DatasetRow],
    present: Sequence[DatasetRow],
    remembered: Sequence[DatasetSpeaker],
    before: Version | None,
    voice_by: str,
    join_similarity: float,
) -> Speakers:
    """The speakers of the next version, as they sound: `rows` with an id for each clip that has none yet.

    `present` are the rows of the version `before`, and `remembered` are the speakers with those that have no clip any more.
    """
    decided, of = identities(before), vectors_of(voice_by)
    known = naming.voices(present, remembered, of.numbers)
    if any(r.vector and not r.speaker for r in rows):
        same_encoder = (r for r in present if len(r.vector) == 4 * of.numbers)
        compared, meant = in_parts(known, same_encoder, decided.merged, join_similarity)
    else:
        compared, meant = known, {}
    named, given = naming.named(rows, compared, naming.given_ids(before) if before else 0, of, join_similarity)
    named = [replace(r, speaker=meant[r.speaker]) if r.speaker in meant else r for r in named]
    return Speakers(named, decided, given, known)


def _lineage(before: Version | None, batch: Batch) -> dict[str, Any]:
    """Stages and sources of the next version. What the run did not do is as in the version before."""
    known = before.lineage if before else {}
    return {
        "stages": known.get("stages", {}) | batch.lineage,
        "sources_sha256": batch.sources_sha256 or known["sources_sha256"],
    }


def _speakers_now(datasets: DatasetStore, version: Version, rows: list[DatasetRow]) -> list[DatasetSpeaker]:
    """The speakers of the newest version. `rows` are those of `version`, which is the newest unless another run was faster."""
    versions = datasets.versions()
    return naming.table(rows if versions[-1].number == version.number else datasets.rows(versions[-1]), versions)


def _update_repeats(store: Store, dataset: str, batch: Batch) -> list[Repeat]:
    """Compares the run's recordings with all of the dataset and returns the dataset's repeats."""
    stored, repeats, ledger = FingerprintStore(store, dataset), RepeatStore(store, dataset), Ledger(store, dataset)
    worked = batch.worked

    def order_now() -> repeating.Order:
        """The order by the ledger as it is now: other runs plan and publish meanwhile."""
        dates = {r.recording: r.published for r in (*ledger.rows().values(), *batch.accounts)}
        return lambda recording: (dates.get(recording, ""), recording)

    def fingerprints() -> Iterator[Fingerprint]:
        return (f for f in batch.fingerprints() if f.recording in worked)

    if worked:
        for fingerprint in fingerprints():  # all before any is compared: another run may look for them
            stored.write(thinned(fingerprint))
        found = repeating.found(stored, fingerprints(), worked, order_now())
        repeats.write(lambda present: repeating.chosen(present, found, worked, order_now()))
    return repeats.rows()


def _check_fingerprints(stored: FingerprintStore, recordings: Mapping[str, LedgerRow | Account], wanted: Wanted) -> None:
    """Reports recordings without a fingerprint. Raises StageError if repeats are to be rejected and none has one."""
    missing = len(set(recordings) - set(stored.recordings()))
    advice = "run with discover_again to add fingerprints"
    if wanted["refuse_repeats"] and recordings and missing == len(recordings):
        raise StageError(
            f"publish_refuse_repeats: expected fingerprints of the recordings, found none for {missing} recordings: {advice}, "
            "or switch the rule off"
        )
    if missing:
        report(f"{missing} of {len(recordings)} recordings have no fingerprint, so repeats in them are unknown: {advice}")
