"""Decides which recordings a run processes, in which shards, from the listed ones and the ledger."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.discover.items import Listed, recording_id
from components.discover.waiting import blocking_hosts, is_over_for_good, waits
from components.shared.network import public_url
from components.shared.refusals import host_of
from components.shared.rows import UNKNOWN_SECONDS, Item
from components.shared.state import change, joined
from components.shared.table import empty
from store.ledger import CHANGED, FAILED, FILTERED, GIVEN_UP, PENDING, ROLLED_BACK, LedgerRow
from store.plans import shard_name

SOURCE = "source"
"""Kind of ledger rows about sources that could not be listed."""
LOSSES_TOGETHER = 2
"""Number of losses after which each recording of a shard gets a shard of its own."""

_REMEMBERED = ("title", "channel", "published", "seconds")
_EMPTY = empty(LedgerRow)

Ledgered = Mapping[str, LedgerRow]
Group = list[Item]


@dataclass(frozen=True)
class PlanSettings:
    """The stage's parameters of the same names."""

    max_recordings: int
    max_shards: int
    shard_seconds: float
    min_seconds: float
    max_seconds: float
    attempts: int
    again: bool
    refresh: bool
    wait: bool


@dataclass(frozen=True)
class Plan:
    """The plan of a run."""

    shards: list[Group]
    """Groups of items, each sorted by recording so that cached stages get the same input."""
    rows: list[LedgerRow]
    """Ledger rows to write."""
    fates: dict[str, str]
    """Fate of every listed or planned recording. Planned: new, pending, retried, again, refreshed. Not planned: done, changed
    (at its source), failed (too often, or for good), waiting (its host refused it or the crawler a short time ago), given_up,
    refused (cannot be fetched), filtered (by length), over_cap, forgotten."""


def make_plan(
    listed: Sequence[Listed],
    ledger: Ledgered,
    plans: Mapping[str, Sequence[Item]],
    settings: PlanSettings,
    run: str,
    now: str,
    forgotten: Collection[str] = (),
) -> Plan:
    """Plans a run. Repeated for the same run, it returns the same plan.

    Args:
        listed: The recordings that the sources list now, each once, in their order.
        ledger: Ledger rows by recording.
        plans: Items by shard, for the shards in the ledger that have a stored plan.
        settings: The stage's parameters.
        run: Id of the run.
        now: Current time, UTC, ISO 8601 to the second.
        forgotten: Recordings that are never fetched again.
    """
    left_out = {entry.item.recording: "forgotten" for entry in listed if entry.item.recording in forgotten}
    listed = [entry for entry in listed if entry.item.recording not in left_out]
    ledger = {name: row for name, row in ledger.items() if name not in forgotten}
    plans = {shard: [i for i in stored if i.recording not in forgotten] for shard, stored in plans.items()}
    listed = [replace(entry, item=_completed(entry.item, ledger.get(entry.item.recording))) for entry in listed]
    items = {entry.item.recording: entry.item for entry in listed if not entry.refusal}
    fates = {entry.item.recording: _fate(entry, ledger.get(entry.item.recording), settings, run) for entry in listed}
    if settings.wait:
        fates |= _waiting(listed, fates, ledger, now)
    rows = [*_refused(listed, fates, ledger, run), *_filtered(listed, fates, ledger, settings, run), *_noted(listed, fates, ledger)]

    shards, lost = _pending(items, ledger, plans, settings, run)
    rows += lost
    fates |= {row.recording: "given_up" for row in lost}
    # The longest waiting come first, so that later runs continue if this one reaches its limit.
    done = sorted((r for r in items if fates[r] == "again"), key=lambda r: ledger[r].planned)
    again = _again(done, items, ledger, plans)
    retried = _by_shard((items[r] for r in items if fates[r] == "retried"), ledger)
    refreshed = [replace(items[r], failures=ledger[r].failures) for r in items if fates[r] == "refreshed"]
    for groups, fate in ((shards, "pending"), (again, "again"), (retried, "retried")):
        fates |= {item.recording: fate for group in groups for item in group}

    new = [item for recording, item in items.items() if fates[recording] == "new"]
    cap = settings.max_recordings or len(new)
    fates |= {item.recording: "over_cap" for item in new[cap:]}
    packed = (group for some in (refreshed, new[:cap]) for group in _pack(some, settings.shard_seconds))
    groups = [sorted(group, key=lambda i: i.recording) for group in (*shards, *retried, *again, *packed)]
    shards = groups[: settings.max_shards or len(groups)]
    fates |= {item.recording: "over_cap" for group in groups[len(shards) :] for item in group}
    rows += [_planned(item, ledger.get(item.recording, _EMPTY), shard_name(group), run, now) for group in shards for item in group]
    return Plan(shards, rows, fates | left_out)


def shards_of(listed: Iterable[Listed], ledger: Ledgered, again: bool, run: str) -> set[str]:
    """Returns the shards whose stored plans `make_plan` needs."""
    names = {entry.item.recording for entry in listed}
    wanted = (row for row in ledger.values() if row.recording in names or _is_planned_by(row, run))
    return {row.shard for row in wanted if row.shard and (again or row.outcome == PENDING)}


def source_rows(reasons: Mapping[str, str], ledger: Ledgered, run: str) -> Iterator[LedgerRow]:
    """Yields ledger rows of sources that fail, or that failed and work again; `reasons`: error or "" by URL."""
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
    """Returns the fate of a listed recording according to its own ledger row."""
    if row and row.outcome == GIVEN_UP and row.run == run:
        return "given_up"  # by an earlier attempt of this run's task
    if row and row.outcome not in (PENDING, FAILED, FILTERED, ROLLED_BACK):
        finished = "given_up" if row.outcome == GIVEN_UP else "changed" if _changed(entry, row) else "done"
        if entry.refusal:
            return finished
        return "again" if settings.again else "refreshed" if settings.refresh and finished == "changed" else finished
    if entry.refusal:
        return "refused"
    if row and row.outcome == PENDING:
        return "pending"
    if row and row.shard and settings.again:
        return "again"
    if row and (row.failures - row.excused >= settings.attempts or is_over_for_good(row)) and not _changed(entry, row):
        return "failed"
    if _out_of_limits(entry.item, settings):
        return "filtered"
    return "retried" if row and row.shard else "new"


def _waiting(listed: Iterable[Listed], fates: Mapping[str, str], ledger: Ledgered, now: str) -> dict[str, str]:
    """Returns the fate of recordings that would be planned, but whose hosts refused them or the crawler a short time ago."""
    hosts, found = blocking_hosts(ledger, now), {}
    for item in (entry.item for entry in listed if fates[entry.item.recording] in ("new", "retried")):
        row = ledger.get(item.recording)
        if host_of(item.kind, item.url) in hosts or (row and waits(row, now)):
            found[item.recording] = "waiting"
    return found


def _changed(entry: Listed, row: LedgerRow) -> str:
    """Compares what the source says of a file now with what it said before. Returns the differences, or "" if there are none."""
    same = entry.media_sha256 and entry.media_sha256 == row.media_sha256
    return "" if same else change(row.state, entry.item.state)


def _noted(listed: Iterable[Listed], fates: Mapping[str, str], ledger: Ledgered) -> Iterator[LedgerRow]:
    """Yields ledger rows of finished recordings of which the source says something else than before."""
    for entry in listed:
        fate, row = fates[entry.item.recording], ledger.get(entry.item.recording)
        if fate == "changed" and row:
            noted = replace(row, reason=f"{CHANGED}: {_changed(entry, row)}")
        elif fate == "done" and row:
            reason = "" if row.reason.startswith(CHANGED) else row.reason
            noted = replace(row, state=joined(row.state, entry.item.state), reason=reason)
        else:
            continue
        if fate == "changed" or noted != row:
            yield noted


def _out_of_limits(item: Item, settings: PlanSettings) -> str:
    """Returns why the length of a recording is not wanted, or "". Only the lengths of local files are measured."""
    says = "lasts" if item.kind == "local" else "is said to last"
    if 0 < item.seconds < settings.min_seconds:
        return f"{says} {item.seconds:g} s; discover_min_seconds is {settings.min_seconds:g}"
    if 0 < settings.max_seconds < item.seconds:
        return f"{says} {item.seconds:g} s; discover_max_seconds is {settings.max_seconds:g}"
    return ""


def _filtered(
    listed: Iterable[Listed], fates: Mapping[str, str], ledger: Ledgered, settings: PlanSettings, run: str
) -> Iterator[LedgerRow]:
    """Yields ledger rows of recordings that are left out by their length. Other settings take them up again."""
    for entry in listed:
        if fates[entry.item.recording] == "filtered":
            known = ledger.get(entry.item.recording) or replace(_EMPTY, run=run)
            yield _described(entry.item, known, outcome=FILTERED, reason=_out_of_limits(entry.item, settings))


def _refused(listed: Iterable[Listed], fates: Mapping[str, str], ledger: Ledgered, run: str) -> Iterator[LedgerRow]:
    """Yields ledger rows of refused recordings. A planned one stays planned: an earlier run may have fetched it."""
    for entry in listed:
        known = ledger.get(entry.item.recording)
        if fates[entry.item.recording] == "refused" and not (known and known.outcome == PENDING):
            yield _described(entry.item, known or replace(_EMPTY, run=run), outcome=FAILED, reason=entry.refusal)


def _is_planned_by(row: LedgerRow, run: str) -> bool:
    """Checks whether an earlier attempt of this run's task planned the recording."""
    return row.outcome == PENDING and row.run == run and row.kind != SOURCE


def _losses(row: LedgerRow, run: str) -> int:
    """Returns the number of earlier runs that planned the recording and lost its shard."""
    return max(0, row.attempts - (row.run == run))


def _pending(
    items: Mapping[str, Item], ledger: Ledgered, plans: Mapping[str, Sequence[Item]], settings: PlanSettings, run: str
) -> tuple[list[Group], list[LedgerRow]]:
    """Keeps recordings without an outcome in their shard, listed or not, until it is lost too often.

    Returns:
        The shards, and ledger rows of the recordings that are given up.
    """
    members: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in ledger.values():
        if row.outcome == PENDING and row.kind != SOURCE:
            members[row.shard].append(row)
    wanted = [ledger[r] for r in items if r in ledger and ledger[r].outcome == PENDING]
    wanted += [row for row in ledger.values() if _is_planned_by(row, run)]
    # The last attempt of a recording is alone: no other recording can be the cause of its loss.
    alone_after = max(1, min(LOSSES_TOGETHER, settings.attempts - 1))
    groups, lost = [], []
    for shard in dict.fromkeys(row.shard for row in wanted):
        stored = {item.recording: item for item in plans.get(shard, ())}
        together = []
        for row in members[shard]:
            before = stored.get(row.recording) or _item(row)
            state = joined(row.state, before.state)
            item = replace(_as_planned(items.get(row.recording, before), before, state), failures=row.failures)
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
    """Groups finished recordings by the shard that finished them.

    A stored plan is repeated whole if possible, because its name makes finished stages cache hits.
    Members that are no longer listed or failed in another shard since are then included, and failures
    recur from the cache for a later run to retry. If all members failed, or one now belongs to
    another shard, the listed members form a new shard.
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
            states = {i.recording: joined(i.state, ledger[i.recording].state) for i in stored}
            members = [_as_planned(items.get(i.recording, i), i, states[i.recording]) for i in stored]
            groups.append([replace(item, failures=i.failures) for item, i in zip(members, stored, strict=True)])
            taken |= {i.recording for i in stored}
        else:
            rest += [r for r in wanted if ledger[r].shard == shard]
    return groups + _by_shard((items[r] for r in rest if r not in taken), ledger)


def _as_planned(item: Item, before: Item, state: str) -> Item:
    """Returns an item with what an earlier plan says of its state, so that its shard keeps its name.

    If its file is in another state now than `state`, the last known one, the item gets that: its shard is downloaded anew.
    """
    return item if change(state, item.state) else replace(item, state=before.state)


def _by_shard(items: Iterable[Item], ledger: Ledgered) -> list[Group]:
    """Groups items by shard. The number of failures in each item gives the group a new shard name."""
    groups: dict[str, Group] = defaultdict(list)
    for item in items:
        row = ledger[item.recording]
        groups[row.shard].append(replace(item, failures=row.failures))
    return list(groups.values())


def _pack(items: Iterable[Item], shard_seconds: float) -> Iterator[Group]:
    """Yields items in order, in groups of at most `shard_seconds`; a longer item is alone."""
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
    """Fills gaps in an item from its ledger row, but never a license that is no longer stated."""
    return replace(item, **{name: getattr(item, name) or getattr(row, name) for name in _REMEMBERED}) if row else item


def _described(item: Item, row: LedgerRow, **changes: Any) -> LedgerRow:
    """Returns a ledger row with the item's current metadata."""
    described = {name: getattr(item, name) for name in ("recording", "kind", "title", "channel", "published", "licence", "seconds")}
    return replace(row, **described, url=public_url(item.url), **changes)


def _item(row: LedgerRow) -> Item:
    """Rebuilds an item from its ledger row, because its plan is lost."""
    return Item(row.recording, row.kind, row.url, row.title, row.channel, row.published, row.licence, row.seconds, row.failures, row.state)
