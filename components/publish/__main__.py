"""Reads the parts of a run, publishes the next version of the dataset and writes its rows."""

from collections.abc import Iterator
from pathlib import Path

from components.publish.outcomes import seconds_by_outcome
from components.publish.publish import Batch, origin, publish
from components.publish.rules import parse
from components.publish.settings import check_settings, takes_settings
from components.publish.speakers import dominant_share
from components.shared.rows import Account, DatasetRow, Fingerprint
from components.shared.table import read_rows, write_rows
from components.shared.task import Lineage, Outcome, report
from components.shared.task import run as run_task
from store.objects import open_store


@takes_settings
def main(
    sources_sha256: str,
    dataset: str,
    store: str,
    run: str,
    version: Path,
    parts: list[Path],
    lineage: Lineage,
    **settings: str | float | bool,
) -> Outcome:
    check_settings(**settings)

    def fingerprints() -> Iterator[Fingerprint]:
        return (f for part in parts for f in read_rows(part, Fingerprint, "fingerprints"))

    batch = Batch(
        accounts=[a for part in parts for a in read_rows(part, Account, "recordings")],
        rows=[r for part in parts for r in read_rows(part, DatasetRow)],
        fingerprints=fingerprints,
        sources_sha256=sources_sha256,
        lineage=lineage,
    )
    published = publish(open_store(store), dataset, run, batch, parse(settings))
    write_rows(version, DatasetRow, published.rows)
    newest, speakers = published.newest, published.speakers
    number = newest.number if newest else 0
    if published.made:
        report(f"published version {published.made.number} of dataset {dataset}")
    else:
        report(f"nothing changes: dataset {dataset} " + (f"stays at version {number}" if newest else "has no version yet"))
    for recording, reason in published.replaced.items():
        report(f"the clips of {recording} are those of another file now: {reason}")
    for speaker, similarity in published.recognized.items():
        report(f"{speaker} is {speakers['names'][speaker]}, a named voice of the store: similarity {similarity:.2f}")
    if dominant := speakers.get("dominant"):
        report(f"dominant speaker: {dominant}, with {dominant_share(speakers):.1%} of the speech of {speakers['count']} speakers")
    return {
        "version_number": number,
        "store": store,
        "dataset": dataset,
        "version": number,
        **(origin(newest) if newest else {}),
        "clips": len(published.rows),
        "kept_clips": sum(r.kept for r in published.rows),
        "replaced_recordings": len(published.replaced),
        "repeats": len(published.repeats),
        "speakers": speakers.get("count", 0),
        "dominant_speaker": speakers.get("dominant", ""),
        "dominant_share": dominant_share(speakers),
        **seconds_by_outcome(published.rows, published.recordings),
    }


if __name__ == "__main__":
    run_task(main)
