"""Reads a run's parts; commits the next version of the dataset and writes what became of every recording into the ledger."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.publish import repeats as repeating
from components.publish import speakers as naming
from components.publish.matching import thinned
from components.publish.publish import check_law, duplicates, merge, outcomes, seconds_by_outcome, with_audio
from components.publish.rules import Rules, check_measured, names, resolved, rules, select
from components.shared.rows import Account, DatasetRow, Fingerprint
from components.shared.table import read_rows, write_rows
from components.shared.task import Lineage, Outcome, StageError, report
from components.shared.task import run as run_task
from store.datasets import DatasetStore, Version, audio_key
from store.fingerprints import FingerprintStore
from store.interface import Store
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from store.repeats import Repeat, RepeatStore
from store.speakers import DatasetSpeaker, SpeakerStore


def check_audio(store: Store, dataset: str, rows: list[DatasetRow]) -> None:
    """Raises StageError if the store lacks the audio of a row."""
    if missing := [r.clip for r in rows if not store.exists(audio_key(dataset, r.audio_sha256))]:
        raise StageError(
            f"expected the audio of {len(rows)} clips in {store.uri}, found none of {missing[0]} and {len(missing) - 1} more: run it again"
        )


@dataclass(frozen=True)
class Found:
    """What a run found out, and what it is published by."""

    accounts: list[Account]
    rows: list[DatasetRow]
    known: Mapping[str, LedgerRow]
    """The ledger before the publication."""
    same: Mapping[str, str]
    """Recordings that are there twice."""
    repeats: list[Repeat]
    """All of the dataset."""
    rules: Rules
    sources: tuple[str, ...]
    lineage: Lineage


def next_version(
    found: Found, present: list[DatasetRow], versions: list[Version], remembered: list[DatasetSpeaker]
) -> tuple[list[DatasetRow], dict[str, Any]]:
    """Rows and lineage of the next version, as what a run found changes the rows of the newest one."""
    before = versions[-1].lineage if versions else {}
    same = {(r.clip, r.vector): r.speaker for r in present}
    rows = [replace(r, speaker=same.get((r.clip, r.vector), "")) for r in found.rows]
    merged = merge(present, found.accounts, rows)
    known, given = naming.voices(present, remembered), naming.given_ids(versions[-1]) if versions else 0
    rows, given = naming.named(merged, known, given, found.rules.join_similarity)
    speakers = naming.facts(naming.speech_seconds(rows, found.same), given)
    check_measured(rows, found.rules)
    rows = select(rows, resolved(found.rules, rows, speakers["dominant"], given), found.same, found.repeats)
    sources = "\n".join(sorted(found.sources)).encode()
    return rows, {
        "stages": before.get("stages", {}) | found.lineage,
        "sources_sha256": hashlib.sha256(sources).hexdigest() if sources else before["sources_sha256"],
        "seconds": seconds_by_outcome(rows, with_audio(found.known, found.accounts).values()),
        "speakers": speakers,
    }


def origin(version: Version) -> dict[str, str]:
    """By what a person follows a version back: the run that made it, the hash of its sources, the models that shaped it."""
    models = {m for stage in version.lineage["stages"].values() for m in stage.get("models", {}).values()}
    return {"run": version.run, "sources_sha256": version.lineage["sources_sha256"], "models": ", ".join(sorted(models))}


def speakers_now(datasets: DatasetStore, version: Version, rows: list[DatasetRow]) -> list[DatasetSpeaker]:
    """The speakers of the newest version: mostly this one, whose rows are at hand, unless another publisher was faster."""
    versions = datasets.versions()
    return naming.table(rows if versions[-1].number == version.number else datasets.rows(versions[-1]), versions)


def fingerprints(parts: list[Path], worked: set[str]) -> Iterator[Fingerprint]:
    """Those of the recordings that were worked on, one part's in memory at a time."""
    return (f for part in parts for f in read_rows(part, Fingerprint, "fingerprints") if f.recording in worked)


def repeats_now(target: Store, dataset: str, parts: list[Path], accounts: list[Account], worked: set[str]) -> list[Repeat]:
    """The dataset's repeats, once the recordings that a run worked on are compared with all."""
    stored, repeats, ledger = FingerprintStore(target, dataset), RepeatStore(target, dataset), Ledger(target, dataset)

    def order_now() -> repeating.Order:
        """By the ledger of this moment, which knows what other runs plan or publish meanwhile."""
        dates = {r.recording: r.published for r in (*ledger.rows().values(), *accounts)}
        return lambda recording: (dates.get(recording, ""), recording)

    if worked:
        for fingerprint in fingerprints(parts, worked):  # all of them first: another publisher may look for them
            stored.write(thinned(fingerprint))
        found = repeating.found(stored, fingerprints(parts, worked), worked, order_now())
        repeats.write(lambda present: repeating.chosen(present, found, worked, order_now()))
    return repeats.rows()


def check_fingerprints(stored: FingerprintStore, recordings: Mapping[str, LedgerRow | Account], wanted: Rules) -> None:
    """Tells of recordings without a fingerprint; raises StageError where the rule asks for them and there is none."""
    missing = len(set(recordings) - set(stored.recordings()))
    advice = "download them again with discover_again, which takes them"
    if wanted.refuse_repeats and recordings and missing == len(recordings):
        raise StageError(
            f"expected fingerprints, which the rule `repeats` looks at, found none of {missing} recordings: {advice}, or leave it out"
        )
    if missing:
        report(f"{missing} of {len(recordings)} recordings have no fingerprint, so nothing is known to come back in them: {advice}")


def main(
    sources: str,
    dataset: str,
    store: str,
    run: str,
    version: Path,
    parts: list[Path],
    genders: str,
    min_seconds: float,
    licences: str,
    speakers: str,
    join_similarity: float,
    min_similarity: float,
    min_purity: float,
    tones: str,
    min_dnsmos: float,
    min_snr_db: float,
    min_bandwidth_hz: float,
    max_clipped_share: float,
    languages: str,
    min_confidence: float,
    min_characters_per_second: float,
    max_characters_per_second: float,
    refused_flags: str,
    refuse_repeats: bool,
    min_repeat_seconds: float,
    lineage: Lineage,
) -> Outcome:
    wanted = rules(
        genders=genders,
        min_seconds=min_seconds,
        licences=licences,
        speakers=speakers,
        join_similarity=join_similarity,
        min_similarity=min_similarity,
        min_purity=min_purity,
        tones=tones,
        min_dnsmos=min_dnsmos,
        min_snr_db=min_snr_db,
        min_bandwidth_hz=min_bandwidth_hz,
        max_clipped_share=max_clipped_share,
        languages=languages,
        min_confidence=min_confidence,
        min_characters_per_second=min_characters_per_second,
        max_characters_per_second=max_characters_per_second,
        refused_flags=refused_flags,
        refuse_repeats=refuse_repeats,
        min_repeat_seconds=min_repeat_seconds,
    )
    target = open_store(store)
    datasets, ledger, voices = DatasetStore(target, dataset), Ledger(target, dataset), SpeakerStore(target, dataset)
    accounts = [a for part in parts for a in read_rows(part, Account, "recordings")]
    new = [r for part in parts for r in read_rows(part, DatasetRow)]
    check_law(accounts, new)
    check_audio(target, dataset, new)
    known = ledger.rows()
    same = duplicates(known, accounts)
    recordings, worked = with_audio(known, accounts), {a.recording for a in accounts if a.samples}
    repeats = repeats_now(target, dataset, parts, accounts, worked)
    check_fingerprints(FingerprintStore(target, dataset), recordings, wanted)
    found = Found(accounts, new, known, same, repeats, wanted, names(sources.replace("\n", ",")), lineage)
    made = datasets.publish(run, lambda present: next_version(found, present, datasets.versions(), voices.rows()))
    versions = datasets.versions()
    newest = versions[-1] if versions else None
    rows = datasets.rows(newest) if newest else []
    heard = newest.lineage.get("speakers", {}) if newest else {}
    if newest and heard.get("given"):
        voices.write(lambda: speakers_now(datasets, newest, rows))
    ledger.write(lambda present: outcomes(present, accounts, rows, same))
    write_rows(version, DatasetRow, rows)
    if made:
        report(f"published version {made.number} of dataset {dataset}")
    else:
        report(f"nothing changes: dataset {dataset} " + (f"stays at version {newest.number}" if newest else "has no version yet"))
    if dominant := heard.get("dominant"):
        report(f"dominant speaker: {dominant}, {naming.dominant_share(heard):.1%} of the speech of {heard['count']}")
    number = newest.number if newest else 0
    return {
        "version_number": number,
        "store": store,
        "dataset": dataset,
        "version": number,
        **(origin(newest) if newest else {}),
        "clips": len(rows),
        "kept_clips": sum(r.kept for r in rows),
        "repeats": len(repeats),
        "speakers": heard.get("count", 0),
        "dominant_speaker": heard.get("dominant", ""),
        "dominant_share": naming.dominant_share(heard),
        **seconds_by_outcome(rows, ledger.rows().values()),
    }


if __name__ == "__main__":
    run_task(main)
