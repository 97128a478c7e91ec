"""Lists the sources, plans new recordings in the store and outputs the names of their shards."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from components.discover.items import Listed, SourceError
from components.discover.listing import list_source
from components.discover.plan import Plan, PlanSettings, make_plan, shards_of, source_rows
from components.discover.settings import check_settings
from components.discover.sources import Source, parse
from components.shared.network import public_only
from components.shared.task import Outcome, StageError, report
from components.shared.task import run as run_task
from store.interface import Store
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from store.plans import has_plan, read_plan, shard_name, write_plan

FATES = ("new", "pending", "retried", "again", "done", "failed", "given_up", "refused", "filtered", "over_cap")


def list_all(sources: Iterable[Source]) -> tuple[list[Listed], list[tuple[str, str]]]:
    """Returns each recording of the sources once, and each source's name and its error, or ""."""
    found: dict[str, Listed] = {}
    reasons = []
    for source in sources:
        count, before, reason = 0, len(found), ""
        try:
            for entry in list_source(source):
                count += 1
                found.setdefault(entry.item.recording, entry)
        except SourceError as error:
            reason = str(error)
        reasons.append((source.name, reason))
        known = count - (len(found) - before)
        failed = f"failed: {reason}; " if reason else ""
        report(f"{source.name}: {failed}{count} recordings" + (f", {known} of them listed before" if known else ""))
    return list(found.values()), reasons


def write(store: Store, dataset: str, listed: list[Listed], reasons: list[tuple[str, str]], settings: PlanSettings, run: str) -> Plan:
    """Plans the run and adds the plan to the ledger in one commit, after storing the shards' plans."""
    ledger, made, now = Ledger(store, dataset), list[Plan](), datetime.now(UTC).isoformat(timespec="seconds")
    by_name = dict(sorted(reasons, key=lambda r: bool(r[1])))  # if only a secret differs, two sources share a name: an error wins

    def compute(rows: dict[str, LedgerRow]) -> list[LedgerRow]:
        plans = {shard: read_plan(store, shard) for shard in shards_of(listed, rows, settings.again, run) if has_plan(store, shard)}
        plan = make_plan(listed, rows, plans, settings, run, now)
        for group in plan.shards:
            write_plan(store, group)
        made.append(plan)
        return [*plan.rows, *source_rows(by_name, rows, run)]

    ledger.write(compute)
    return made[-1]


def main(
    sources: str,
    dataset: str,
    store: str,
    allow_private: bool,
    run: str,
    max_recordings: int,
    max_shards: int,
    shard_seconds: float,
    min_seconds: float,
    max_seconds: float,
    attempts: int,
    again: bool,
) -> Outcome:
    check_settings(
        max_recordings=max_recordings,
        max_shards=max_shards,
        shard_seconds=shard_seconds,
        min_seconds=min_seconds,
        max_seconds=max_seconds,
        attempts=attempts,
    )
    settings = PlanSettings(max_recordings, max_shards, shard_seconds, min_seconds, max_seconds, attempts, again)
    entries = parse(sources)
    if not allow_private:
        public_only()
    target = open_store(store)
    Ledger(target, dataset).rows()  # fails on an unreadable store before listing the sources
    listed, reasons = list_all(entries)
    plan = write(target, dataset, listed, reasons, settings, run)
    failed = [f"{name}: {reason}" for name, reason in reasons if reason]
    if len(failed) == len(reasons) and not plan.shards:
        raise StageError("no source could be listed: " + "; ".join(failed))
    names = [shard_name(group) for group in plan.shards]
    counts = Counter(plan.fates.values())
    planned = sum(len(group) for group in plan.shards)
    report(f"{len(listed)} recordings listed, {planned} planned in {len(names)} shards")
    return {
        "shards": names,
        "count": len(names),
        "found": len(listed),
        **{fate: counts[fate] for fate in FATES},
        "failed_sources": len(failed),
    }


if __name__ == "__main__":
    run_task(main)
