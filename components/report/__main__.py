"""Reads one version of a dataset from the store and writes its page."""

from pathlib import Path

from components.report.amounts import funnel, outside_seconds, shares
from components.report.confusion import Confusion, confusion
from components.report.listening import choose, listen
from components.report.page import Contents, Failures
from components.report.page import page as html
from components.report.scores import SCORES, measured
from components.report.timeline import candidates, timeline, variety
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, TimelineSpan
from components.shared.task import Outcome, run
from store.datasets import DatasetStore, Version, audio_key, rules, timeline_key
from store.interface import Store
from store.ledger import CHANGED, FAILED, GIVEN_UP, Ledger
from store.objects import open_store
from store.parquet import read_object
from store.truth import read_truth

COLUMNS = ("speaker", "gender", "tone", "language", "licence")
"""Columns whose values the page lists with their seconds."""
SOURCE = "source"
"""The `kind` of ledger rows about sources that could not be listed."""


def read_timeline(store: Store, dataset: str, sha256: str) -> list[TimelineSpan]:
    """The timeline of a recording; empty if the dataset does not have it."""
    return read_object(store, timeline_key(dataset, sha256), TimelineSpan) if sha256 else []


def contents(store: Store, dataset: str, version: Version, newest: int, rows: list[DatasetRow], found: Confusion | None) -> Contents:
    """Collects what the page of a version shows."""
    outside = outside_seconds(version.lineage.get("seconds", {}))
    settings = rules(version.lineage)
    shown = {column: shares(rows, column) for column in COLUMNS if any(getattr(r, column) for r in rows)}
    recordings = [(clips, read_timeline(store, dataset, clips[0].timeline_sha256)) for clips in candidates(rows)]
    varied = max(recordings, key=lambda recording: variety(*recording), default=None)
    return Contents(
        version=version,
        newest=newest,
        rows=rows,
        crawled_seconds=sum(outside.values()) + sum(r.samples for r in rows) / SAMPLE_RATE_HZ,
        kept_seconds=sum(r.samples for r in rows if r.kept) / SAMPLE_RATE_HZ,
        steps=funnel(rows, outside),
        shares=shown,
        measured=[m for rule in SCORES if (m := measured(rule, rows, settings))],
        clips=listen(choose(rows), lambda sha256: store.read(audio_key(dataset, sha256))),
        timeline=timeline(*varied) if varied else None,
        confusion=found,
    )


def failed(store: Store, dataset: str) -> Failures:
    """The recordings and sources of a dataset that failed or changed, by its ledger."""
    ledger = Ledger(store, dataset).rows().values()
    rows = [r for r in ledger if r.outcome in (FAILED, GIVEN_UP)]
    changed = [r for r in ledger if r.reason.startswith(CHANGED)]
    return Failures([r for r in rows if r.kind != SOURCE], [r for r in rows if r.kind == SOURCE], changed)


def main(dataset: str, store: str, version: int, page: Path) -> Outcome:
    target = open_store(store)
    table, failures = DatasetStore(target, dataset), failed(target, dataset)
    lost = {
        "failed_recordings": len(failures.recordings),
        "failed_sources": len(failures.sources),
        "changed_recordings": len(failures.changed),
    }
    if not version and not table.versions():
        page.write_text(html(dataset, None, failures), encoding="utf-8")
        return {"version": 0, **lost, "tone_confusion": {}}
    chosen = table.version(version or None)
    rows = table.rows(chosen)
    found = confusion(rows, read_truth(target, dataset))
    shown = contents(target, dataset, chosen, table.versions()[-1].number, rows, found)
    page.write_text(html(dataset, shown, failures), encoding="utf-8")
    truth = {"clips_with_true_tone": found.total, "right_tone_share": found.right} if found else {}
    return {
        "version": chosen.number,
        "clips": len(rows),
        "kept_clips": sum(r.kept for r in rows),
        "recordings": len({r.recording for r in rows}),
        "speakers": len({r.speaker for r in rows if r.speaker}),
        **lost,
        "crawled_seconds": shown.crawled_seconds,
        "kept_seconds": shown.kept_seconds,
        "page_bytes": page.stat().st_size,
        **truth,
        "tone_confusion": found.metadata() if found else {},
    }


if __name__ == "__main__":
    run(main)
