"""Decides which recordings a run works on, and in which shards, from the listed recordings and the ledger."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.discover.items import Listed, recording_id
from components.shared.network import public_url
from components.shared.rows import UNKNOWN_SECONDS, Item
from components.shared.table import empty
from store.ledger import FAILED, GIVEN_UP, PENDING, LedgerRow
from store.plans import shard_name

SOURCE = "source"
"""Kind of the ledger rows of sources that could not be listed."""
LOSSES_TOGETHER = 2
"""A shard that was lost this often is split."""

_REMEMBERED = ("title", "channel", "published", "seconds")
_EMPTY = empty(LedgerRow)

Ledgered = Mapping[str, LedgerRow]
Group = list[Item]


@dataclass(frozen=True)
class PlanSettings:
    """The settings of the stage that planning needs."""

    max_recordings: int
    max_shards: int
    shard_seconds: float
    min_seconds: float
    max_seconds: float
    attempts: int
    again: bool


@dataclass(frozen=True)
class Plan:
    """The work of a run."""

    shards: list[Group]
    """Each is sorted by recording, so that cached stages see the same order."""
    rows: list[LedgerRow]
    """New and changed rows of the ledger."""
    fates: dict[str, str]
    """The decision for every listed or planned recording. Planned: new, pending, retried, again. Not planned: done, failed (too
    often), given_up, refused (cannot be downloaded), filtered (too short or too long), over_cap."""


def make_plan(
    listed: Sequence[Listed], ledger: Ledgered, plans: Mapping[str, Sequence[Item]], settings: PlanSettings, run: str, now: str
) -> Plan:
    """Plans a run. Planning again for the same run gives the same plan.

    Args:
        listed: The recordings that the sources list now, each once, in order.
        ledger: The ledger by recording.
        plans: The stored plans of the shards in the ledger, as far as they exist.
        settings: The settings of the stage.
        run: Id of the run.
        now: The time, UTC, in ISO 8601 to the second.
    """
    listed = [replace(entry, item=_completed(entry.item, ledger.get(entry.item.recording))) for entry in listed]
    items = {entry.item.recording: entry.item for entry in listed if not entry.refusal}
    fates = {entry.item.recording: _fate(entry, ledger.get(entry.item.recording), settings, run) for entry in listed}
    rows = list(_refused(listed, fates, ledger, run))

    shards, lost = _pending(items, ledger, plans, settings, run)
    rows += lost
    fates |= {row.recording: "given_up" for row in lost}
    # The recordings that waited longest come first, so that consecutive runs with a limit make progress.
    done = sorted((r for r in items if fates[r] == "again"), key=lambda r: ledger[r].planned)
    again = _again(done, items, ledger, plans)
    retried = _by_shard((items[r] for r in items if fates[r] == "retried"), ledger)
    for groups, fate in ((shards, "pending"), (again, "again"), (retried, "retried")):
        fates |= {item.recording: fate for group in groups for item in group}

    new = [item for recording, item in items.items() if fates[recording] == "new"]
    cap = settings.max_recordings or len(new)
    fates |= {item.recording: "over_cap" for item in new[cap:]}
    groups = [sorted(group, key=lambda i: i.recording) for group in (*shards, *retried, *again, *_pack(new[:cap], settings.shard_seconds))]
    shards = groups[: settings.max_shards or len(groups)]
    fates |= {item.recording: "over_cap" for group in groups[len(shards) :] for item in group}
    rows += [_planned(item, ledger.get(item.recording, _EMPTY), shard_name(group), run, now) for group in shards for item in group]
    return Plan(shards, rows, fates)


def shards_of(listed: Iterable[Listed], ledger: Ledgered, again: bool, run: str) -> set[str]:
    """The shards whose stored plans `make_plan` needs."""
    names = {entry.item.recording for entry in listed}
    wanted = (row for row in ledger.values() if row.recording in names or _is_planned_by(row, run))
    return {row.shard for row in wanted if row.shard and (again or row.outcome == PENDING)}


def source_rows(reasons: Mapping[str, str], ledger: Ledgered, run: str) -> Iterator[LedgerRow]:
    """Ledger rows of the sources that fail, or failed before and work now. `reasons` has the reason, or "", by URL."""
    for url, reason in reasons.items():
        recording = recording_id(SOURCE, "", url)
        known = ledger.get(recording)
        if reason:
            failures = known.failures + (known.run != run) if known else 1
            yield replace(
                known or _EMPTY, recording=recording, kind=SOURCE, url=url, run=run, failures=failures, outcome=FAILED, reason=reason
            )
        elif known and known.outcome == FAILED:
            yield replace(known, run=run, failures=0, outcome=PENDING, reason="")


def _fate(entry: Listed, row: LedgerRow | None, settings: PlanSettings, run: str) -> str:
    """The decision for a listed recording, as far as its own ledger row determines it."""
    if row and row.outcome == GIVEN_UP and row.run == run:
        return "given_up"  # by an earlier planning of this run
    if row and row.outcome not in (PENDING, FAILED):
        finished = "given_up" if row.outcome == GIVEN_UP else "done"
        return "again" if settings.again and not entry.refusal else finished
    if entry.refusal:
        return "refused"
    if row and row.outcome == PENDING:
        return "pending"
    if row and row.shard and settings.again:
        return "again"
    if row and row.failures >= settings.attempts:
        return "failed"
    if _is_filtered(entry.item.seconds, settings):
        return "filtered"
    return "retried" if row and row.shard else "new"


def _is_filtered(seconds: float, settings: PlanSettings) -> bool:
    return 0 < seconds < settings.min_seconds or 0 < settings.max_seconds < seconds


def _refused(listed: Iterable[Listed], fates: Mapping[str, str], ledger: Ledgered, run: str) -> Iterator[LedgerRow]:
    """Rows of recordings that their sources refuse. A planned one stays planned: an earlier attempt may have downloaded it."""
    for entry in listed:
        known = ledger.get(entry.item.recording)
        if fates[entry.item.recording] == "refused" and not (known and known.outcome == PENDING):
            yield _described(entry.item, known or replace(_EMPTY, run=run), outcome=FAILED, reason=entry.refusal)


def _is_planned_by(row: LedgerRow, run: str) -> bool:
    """Whether this run planned it before, because its task is a retry."""
    return row.outcome == PENDING and row.run == run and row.kind != SOURCE


def _losses(row: LedgerRow, run: str) -> int:
    """Number of earlier runs that planned it and lost its shard."""
    return max(0, row.attempts - (row.run == run))


def _pending(
    items: Mapping[str, Item], ledger: Ledgered, plans: Mapping[str, Sequence[Item]], settings: PlanSettings, run: str
) -> tuple[list[Group], list[LedgerRow]]:
    """Keeps recordings without an outcome in their shard, listed or not, until the shard is lost too often.

    Returns:
        The shards, and the ledger rows of recordings that are given up.
    """
    members: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in ledger.values():
        if row.outcome == PENDING and row.kind != SOURCE:
            members[row.shard].append(row)
    wanted = [ledger[r] for r in items if r in ledger and ledger[r].outcome == PENDING]
    wanted += [row for row in ledger.values() if _is_planned_by(row, run)]
    # The last attempt is made alone, so that no recording is given up because of another one.
    alone_after = max(1, min(LOSSES_TOGETHER, settings.attempts - 1))
    groups, lost = [], []
    for shard in dict.fromkeys(row.shard for row in wanted):
        stored = {item.recording: item for item in plans.get(shard, ())}
        together = []
        for row in members[shard]:
            item = replace(items.get(row.recording) or stored.get(row.recording) or _item(row), failures=row.failures)
            losses = _losses(row, run)
            if losses >= settings.attempts:
                where = ", the last time in a shard of its own" if len(stored or members[shard]) == 1 else ""
                lost.append(replace(row, run=run, outcome=GIVEN_UP, reason=f"given up: lost in {losses} run{'s' * (losses > 1)}{where}"))
            elif losses >= alone_after:
                groups.append([item])
            else:
                together.append(item)
        groups += [together] if together else []
    return groups, lost


def _again(wanted: Sequence[str], items: Mapping[str, Item], ledger: Ledgered, plans: Mapping[str, Sequence[Item]]) -> list[Group]:
    """Plans finished recordings again, in their old shards.

    A shard is repeated as a whole if its stored plan still fits, because the caches know its finished stages under its name. Failures
    in it are found there, too, and a later run retries them. So it may include recordings that are no longer listed or have failed
    elsewhere since. If the shard had no result, or a recording now belongs to another shard, the listed ones form a new shard.
    """
    groups, rest, taken = [], [], set[str]()
    for shard in dict.fromkeys(ledger[r].shard for r in wanted):
        stored = plans.get(shard, ())
        whole = bool(stored) and all(
            i.recording in ledger
            and i.recording not in taken
            and ledger[i.recording].outcome != PENDING
            and (ledger[i.recording].shard == shard or ledger[i.recording].outcome == FAILED)
            for i in stored
        )
        if whole and any(ledger[i.recording].outcome != FAILED for i in stored):
            groups.append([replace(items.get(i.recording, i), failures=i.failures) for i in stored])
            taken |= {i.recording for i in stored}
        else:
            rest += [r for r in wanted if ledger[r].shard == shard]
    return groups + _by_shard((items[r] for r in rest if r not in taken), ledger)


def _by_shard(items: Iterable[Item], ledger: Ledgered) -> list[Group]:
    """Groups items by shard; their number of failures makes it a different shard."""
    groups: dict[str, Group] = defaultdict(list)
    for item in items:
        row = ledger[item.recording]
        groups[row.shard].append(replace(item, failures=row.failures))
    return list(groups.values())


def _pack(items: Iterable[Item], shard_seconds: float) -> Iterator[Group]:
    """Packs items, in order, into groups of at most `shard_seconds`; a longer item is alone."""
    group: Group = []
    total = 0.0
    for item in items:
        seconds = item.seconds or UNKNOWN_SECONDS
        if group and total + seconds > shard_seconds:
            yield group
            group, total = [], 0.0
        group.append(item)
        total += seconds
    if group:
        yield group


def _planned(item: Item, known: LedgerRow, shard: str, run: str, now: str) -> LedgerRow:
    losses = _losses(known, run) if known.outcome == PENDING else 0
    planned = known.planned if _is_planned_by(known, run) else now
    changes = {"shard": shard, "run": run, "planned": planned, "attempts": losses + 1, "failures": item.failures}
    return _described(item, known, **changes, outcome=PENDING, reason="")


def _completed(item: Item, row: LedgerRow | None) -> Item:
    """Fills in what an earlier listing or download stated; a licence that is no longer stated stays empty."""
    return replace(item, **{name: getattr(item, name) or getattr(row, name) for name in _REMEMBERED}) if row else item


def _described(item: Item, row: LedgerRow, **changes: Any) -> LedgerRow:
    """A row with the metadata that the source states now."""
    described = {name: getattr(item, name) for name in ("recording", "kind", "title", "channel", "published", "licence", "seconds")}
    return replace(row, **described, url=public_url(item.url), **changes)


def _item(row: LedgerRow) -> Item:
    """An item from its ledger row, for when its plan is lost."""
    return Item(row.recording, row.kind, row.url, row.title, row.channel, row.published, row.licence, row.seconds, row.failures)
