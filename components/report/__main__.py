"""Reads one version of a dataset from the store and writes its page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from components.report.agreement import Agreement, agreements
from components.report.amounts import Amounts, Share, outside_seconds
from components.report.confusion import Confusion, confusion
from components.report.events import EventAmounts
from components.report.listening import choose, listen
from components.report.page import Contents, Failures
from components.report.page import page as html
from components.report.reading import of_sources, sample, scores
from components.report.scores import SCORES, measured
from components.report.timeline import candidates, timeline, variety
from components.shared.rows import TimelineSpan
from components.shared.rules import with_thresholds
from components.shared.task import Outcome, run
from store.datasets import DatasetStore, Version, audio_key, rules, speaker_names, timeline_key
from store.interface import Store
from store.ledger import CHANGED, FAILED, GIVEN_UP, Ledger
from store.objects import open_store
from store.parquet import read_object
from store.reviews import ReviewStore, truths_of

COLUMNS = ("speaker", "gender", "tone", "language", "licence")
"""Columns whose values the page lists with their seconds."""
SOURCE = "source"
"""The `kind` of ledger rows about sources that could not be listed."""


def read_timeline(store: Store, dataset: str, sha256: str) -> list[TimelineSpan]:
    """The timeline of a recording; empty if the dataset does not have it."""
    return read_object(store, timeline_key(dataset, sha256), TimelineSpan) if sha256 else []


def contents(dataset: DatasetStore, version: Version, newest: int, found: Confusion | None, agreed: Sequence[Agreement]) -> Contents:
    """Collects what the page of a version shows."""
    store, rows = dataset.store, sample(dataset, version)
    outside = outside_seconds(version.lineage.get("seconds", {}))
    settings = with_thresholds(rules(version.lineage), next((r.voice_by for r in rows if r.voice_by), ""))
    amounts, events, names = Amounts(COLUMNS), EventAmounts(), speaker_names(version.lineage)
    for table in dataset.tables(version, {*COLUMNS, *Amounts.COLUMNS, *EventAmounts.COLUMNS}):
        amounts.add(table)
        events.add(table)
    scored = scores(dataset, version, {*(rule.column for rule in SCORES), *Amounts.COLUMNS})
    recordings = [(clips, read_timeline(store, dataset.name, clips[0].timeline_sha256)) for clips in candidates(rows)]
    varied = max(recordings, key=lambda recording: variety(*recording), default=None)
    return Contents(
        version=version,
        newest=newest,
        sample=rows,
        scored=scored.num_rows,
        amounts=amounts,
        recordings=sum(bool(r.block) for r in dataset.recordings(version)),
        speakers=version.lineage.get("speakers", {}).get("count", 0),
        crawled_seconds=sum(outside.values()) + amounts.seconds,
        steps=amounts.funnel(outside),
        shares={column: _named(shares, names if column == "speaker" else {}) for column in COLUMNS if (shares := amounts.shares(column))},
        events=events.shares(),
        measured=[m for rule in SCORES if (m := measured(rule, scored, settings))],
        clips=listen(choose(rows), lambda sha256: store.read(audio_key(dataset.name, sha256))),
        timeline=timeline(*varied) if varied else None,
        confusion=found,
        agreements=agreed,
    )


def _named(shares: list[Share], names: Mapping[str, str]) -> list[Share]:
    """The shares of speakers, with the names of those that have one."""
    return [replace(s, name=f"{s.name} ({names[s.name]})") if s.name in names else s for s in shares]


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
    answers = ReviewStore(target, dataset).answers()
    truths = truths_of(target, dataset, answers, table.recordings(chosen))
    found = confusion(of_sources(table, chosen, {t.source for t in truths}), truths)
    shown = contents(table, chosen, table.versions()[-1].number, found, agreements(answers))
    page.write_text(html(dataset, shown, failures), encoding="utf-8")
    truth = {"clips_with_true_tone": found.total, "right_tone_share": found.right} if found else {}
    return {
        "version": chosen.number,
        "clips": shown.amounts.clips,
        "kept_clips": shown.amounts.kept_clips,
        "recordings": shown.recordings,
        "speakers": shown.speakers,
        **lost,
        "crawled_seconds": shown.crawled_seconds,
        "kept_seconds": shown.amounts.kept_seconds,
        "page_bytes": page.stat().st_size,
        **truth,
        "tone_confusion": found.metadata() if found else {},
    }


if __name__ == "__main__":
    run(main)
