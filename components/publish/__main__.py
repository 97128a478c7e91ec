"""Reads a run's parts; commits the next version of the dataset and writes what became of every recording into the ledger."""

import hashlib
from pathlib import Path
from typing import Any

from components.publish.page import page
from components.publish.publish import check_law, duplicates, merge, names, outcomes, rules, seconds_by_outcome, select, with_audio
from components.shared.rows import Account, DatasetRow
from components.shared.table import read_rows, write_rows
from components.shared.task import Lineage, Outcome, StageError, report
from components.shared.task import run as run_task
from store.datasets import DatasetStore, audio_key
from store.ledger import FAILED, GIVEN_UP, Ledger
from store.objects import Store, open_store


def check_audio(store: Store, dataset: str, rows: list[DatasetRow]) -> None:
    """Raises StageError if the store lacks the audio of a row."""
    if missing := [r.clip for r in rows if not store.exists(audio_key(dataset, r.audio_sha256))]:
        raise StageError(
            f"expected the audio of {len(rows)} clips in {store.uri}, found none of {missing[0]} and {len(missing) - 1} more: run it again"
        )


def main(
    sources: str,
    dataset: str,
    store: str,
    run: str,
    version: Path,
    summary: Path,
    parts: list[Path],
    genders: str,
    min_seconds: float,
    licences: str,
    lineage: Lineage,
) -> Outcome:
    try:
        wanted = rules(genders, min_seconds, licences)
    except ValueError as error:
        raise StageError(str(error)) from None
    target = open_store(store)
    datasets, ledger = DatasetStore(target, dataset), Ledger(target, dataset)
    accounts = [a for part in parts for a in read_rows(part, Account, "recordings")]
    new = [r for part in parts for r in read_rows(part, DatasetRow)]
    check_law(accounts, new)
    check_audio(target, dataset, new)
    known = ledger.rows()
    same = duplicates(known, accounts)
    earlier = datasets.versions()
    stages = (earlier[-1].lineage["stages"] if earlier else {}) | lineage
    entries = sorted(names(sources.replace("\n", ",")))
    sources_sha256 = hashlib.sha256("\n".join(entries).encode()).hexdigest() if entries else earlier[-1].lineage["sources_sha256"]

    def changed(present: list[DatasetRow]) -> tuple[list[DatasetRow], dict[str, Any]]:
        rows = select(merge(present, accounts, new), wanted, same)
        seconds = seconds_by_outcome(rows, with_audio(known, accounts).values())
        return rows, {"stages": stages, "sources_sha256": sources_sha256, "seconds": seconds}

    made = datasets.publish(run, changed)
    versions = datasets.versions()
    rows = datasets.rows(versions[-1]) if versions else []
    ledger.write(lambda present: outcomes(present, accounts, rows, same))
    write_rows(version, DatasetRow, rows)
    if made:
        report(f"published version {made.number} of dataset {dataset}")
    else:
        report(f"nothing changes: dataset {dataset} " + (f"stays at version {versions[-1].number}" if versions else "has no version yet"))
    entered = ledger.rows()
    seconds = seconds_by_outcome(rows, entered.values())
    failures = [r for r in entered.values() if r.outcome in (FAILED, GIVEN_UP)]
    summary.write_text(page(dataset, versions[-1] if versions else None, rows, seconds, failures), encoding="utf-8")
    return {
        "store": store,
        "dataset": dataset,
        "version": versions[-1].number if versions else 0,
        "clips": len(rows),
        "kept_clips": sum(r.kept for r in rows),
        **seconds,
    }


if __name__ == "__main__":
    run_task(main)
