"""Lists the sources, plans new recordings in the store and outputs the names of their shards."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from components.discover.items import Listed, SourceError, media_of, with_own_id
from components.discover.listing import list_source
from components.discover.plan import Plan, PlanSettings, make_plan, shards_of, source_rows
from components.discover.settings import check_settings
from components.discover.sources import Source, parse, sha256_of
from components.discover.states import examined
from components.shared.audio import measured_seconds
from components.shared.logins import remember, without_logins
from components.shared.network import public_only, without_secrets
from components.shared.refusals import named
from components.shared.task import Outcome, StageError, one_line, report
from components.shared.task import run as run_task
from store.datasets import newest_recordings
from store.forgotten import Forgotten
from store.interface import Store
from store.ledger import CHANGED, FAILED, FILTERED, ROLLED_BACK, Ledger, LedgerRow
from store.objects import open_store
from store.plans import has_plan, read_plan, shard_name, write_plan
from store.upgrade import is_old

MOST_NAMED = 10
"""Number of recordings to name in a line."""
FATES = (
    "new",
    "pending",
    "retried",
    "again",
    "refreshed",
    "done",
    "changed",
    "failed",
    "waiting",
    "given_up",
    "refused",
    "filtered",
    "over_cap",
    "forgotten",
)


def list_all(sources: Iterable[Source]) -> tuple[list[Listed], list[tuple[str, str]]]:
    """Returns each recording of the sources once, and each source's name and its error, or "".

    Whatever goes wrong with a source is a failure of that source alone.
    """
    found: dict[str, Listed] = {}
    reasons = []
    for source in sources:
        count, before, reason = 0, len(found), ""
        try:
            for entry in list_source(source):
                count += 1
                known = found.setdefault(entry.item.recording, entry)
                if entry.item.kind == "feed" and media_of(known.item.url) != media_of(entry.item.url):  # feeds that differ in the query
                    own = with_own_id(entry)
                    found.setdefault(own.item.recording, own)
        except SourceError as error:
            reason = str(error)
        except Exception as error:
            said = str(error) if isinstance(error, StageError) else f"{type(error).__name__}: {error}"
            reason = one_line(without_secrets(said, source.target))
        reasons.append((source.name, named(reason)))
        known_before = count - (len(found) - before)
        failed = f"failed: {reason}; " if reason else ""
        report(f"{source.name}: {failed}{count} recordings" + (f", {known_before} of them listed before" if known_before else ""))
    return list(found.values()), reasons


def measured(listed: list[Listed], ledger: Mapping[str, LedgerRow], settings: PlanSettings) -> list[Listed]:
    """Returns the recordings, with measured lengths of those local files that a limit of the length may leave out."""

    def matters(entry: Listed) -> bool:
        row = ledger.get(entry.item.recording)
        return entry.item.kind == "local" and not entry.refusal and (row is None or row.outcome in (FAILED, FILTERED, ROLLED_BACK))

    if not (settings.min_seconds or settings.max_seconds):
        return listed
    lengths = {e.item.recording: measured_seconds(Path(e.item.url)) for e in listed if matters(e)}
    return [replace(e, item=replace(e.item, seconds=lengths.get(e.item.recording) or e.item.seconds)) for e in listed]


def write(store: Store, dataset: str, listed: list[Listed], reasons: list[tuple[str, str]], settings: PlanSettings, run: str) -> Plan:
    """Plans the run and adds the plan to the ledger in one commit, after storing the shards' plans."""
    ledger, made, now = Ledger(store, dataset), list[Plan](), datetime.now(UTC).isoformat(timespec="seconds")
    forgotten = Forgotten(store, dataset)
    by_name = dict(sorted(reasons, key=lambda r: bool(r[1])))  # if only a secret differs, two sources share a name: an error wins

    def compute(rows: dict[str, LedgerRow]) -> list[LedgerRow]:
        plans = {shard: read_plan(store, shard) for shard in shards_of(listed, rows, settings.again, run) if has_plan(store, shard)}
        plan = make_plan(listed, rows, plans, settings, run, now, forgotten.recordings())
        for group in plan.shards:
            write_plan(store, group)
        made.append(plan)
        return [*plan.rows, *source_rows(by_name, rows, run)]

    ledger.write(compute)
    return made[-1]


def name_all(what: str, rows: list[LedgerRow]) -> None:
    """Reports recordings with their reasons, if there are any."""
    if rows:
        named = "; ".join(f"{one_line(row.title or row.url)[:60]} {row.reason}" for row in rows[:MOST_NAMED])
        more = f"; and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
        report(f"{len(rows)} recordings {what}: {named}{more}")


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
    refresh: bool,
    wait: bool,
) -> Outcome:
    check_settings(
        max_recordings=max_recordings,
        max_shards=max_shards,
        shard_seconds=shard_seconds,
        min_seconds=min_seconds,
        max_seconds=max_seconds,
        attempts=attempts,
    )
    settings = PlanSettings(max_recordings, max_shards, shard_seconds, min_seconds, max_seconds, attempts, again, refresh, wait)
    sources, logins = without_logins(sources)
    remember(logins)
    entries = parse(sources)
    if not allow_private:
        public_only()
    target = open_store(store)
    if not is_old(target, dataset):
        Ledger(target, dataset).follow(newest_recordings(target, dataset))
    ledger = Ledger(target, dataset).rows()  # fails on an unreadable store before listing the sources
    listed, reasons = list_all(entries)
    listed = examined(measured(listed, ledger, settings), ledger, refresh)
    plan = write(target, dataset, listed, reasons, settings, run)
    failed = [f"{name}: {reason}" for name, reason in reasons if reason]
    if len(failed) == len(reasons) and not plan.shards:
        raise StageError("no source could be listed: " + "; ".join(failed))
    names = [shard_name(group) for group in plan.shards]
    counts = Counter(plan.fates.values())
    planned = sum(len(group) for group in plan.shards)
    report(f"{len(listed)} recordings listed, {planned} planned in {len(names)} shards")
    if counts["waiting"]:
        report(f"{counts['waiting']} recordings wait, since their hosts refused them or this crawler; with discover_wait off they do not")
    name_all("left out by their length", [row for row in plan.rows if row.outcome == FILTERED])
    name_all("have other files now; discover_refresh downloads them again", [row for row in plan.rows if row.reason.startswith(CHANGED)])
    return {
        "shards": names,
        "count": len(names),
        "sources_sha256": sha256_of(entries),
        "found": len(listed),
        **{fate: counts[fate] for fate in FATES},
        "failed_sources": len(failed),
    }


if __name__ == "__main__":
    run_task(main)
