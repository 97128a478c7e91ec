"""Reads the parts of a run, publishes the next version of the dataset and writes its rows."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from components.publish.publish import Batch, origin, publish
from components.publish.rules import parse
from components.publish.settings import check_settings, takes_settings
from components.publish.speakers import dominant_share
from components.shared.refusals import by_kind
from components.shared.rows import Account, DatasetRow, Fingerprint
from components.shared.table import check, read_rows, schema, write_rows
from components.shared.task import Lineage, Outcome, report
from components.shared.task import run as run_task
from store.objects import open_store
from store.parquet import conformed, read_columns
from store.version_rows import Recorded


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
        rows=pa.concat_tables([schema(DatasetRow).empty_table(), *(_rows(part) for part in parts)]),
        fingerprints=fingerprints,
        sources_sha256=sources_sha256,
        lineage=lineage,
    )
    published = publish(open_store(store), dataset, run, batch, parse(settings))
    write_rows(version, Recorded, published.recordings)
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
    for left in published.lost:
        report(f"lost of the review of {left.answer.clip} by {left.answer.by}: {', '.join(left.fields)}, because {left.why}")
    if dominant := speakers.get("dominant"):
        report(f"dominant speaker: {dominant}, with {dominant_share(speakers):.1%} of the speech of {speakers['count']} speakers")
    said = newest.lineage if newest else {}
    return {
        "version_number": number,
        "store": store,
        "dataset": dataset,
        "version": number,
        **(origin(newest) if newest else {}),
        "clips": said.get("clips", {}).get("all", 0),
        "kept_clips": said.get("clips", {}).get("kept", 0),
        "replaced_recordings": len(published.replaced),
        **by_kind(a.reason for a in batch.accounts),
        "repeats": published.repeats,
        "speakers": speakers.get("count", 0),
        "dominant_speaker": speakers.get("dominant", ""),
        "dominant_share": dominant_share(speakers),
        **said.get("seconds", {}),
    }


def _rows(part: Path) -> pa.Table:
    """The clips of a part, as DatasetRow rows."""
    path = part / "rows.parquet"
    found = read_columns(path, None)
    check(DatasetRow, found.schema, str(path))
    return conformed(DatasetRow, found, str(path))


if __name__ == "__main__":
    run_task(main)
