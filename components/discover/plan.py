"""Which recordings a run works on, and in which shards: a function of what is listed and of the ledger."""

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
"""Kind of the ledger's rows about sources that could not be listed."""
LOSSES_TOGETHER = 2
"""A shard that was lost so often is taken apart."""

_REMEMBERED = ("title", "channel", "published", "seconds")
_EMPTY = empty(LedgerRow)

Ledgered = Mapping[str, LedgerRow]
Group = list[Item]


@dataclass(frozen=True)
class PlanSettings:
    """The stage's parameters of these names."""

    max_recordings: int
    max_shards: int
    shard_seconds: float
    min_seconds: float
    max_seconds: float
    attempts: int
    again: bool


@dataclass(frozen=True)
class Plan:
    """What a run works on."""

    shards: list[Group]
    """Each sorted by recording, as everything is that a cached stage sees."""
    rows: list[LedgerRow]
    """What the ledger is to say of it."""
    fates: dict[str, str]
    """Of every recording that is listed or planned. Planned: new, pending, retried, again. Not planned: done, failed (too
    often), given_up, refused (cannot be fetched), filtered (too short or too long), over_cap."""


def make_plan(
    listed: Sequence[Listed], ledger: Ledgered, plans: Mapping[str, Sequence[Item]], settings: PlanSettings, run: str, now: str
) -> Plan:
    """Plans a run. Planned once more for the same run, it is the same plan.

    Args:
        listed: The recordings that the sources list now, each once, in their order.
        ledger: The ledger by recording.
        plans: The stored plans of the shards that the ledger names, as far as they are there.
        settings: The stage's parameters.
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
    # What waited longest comes first: where a run may not plan them all, the next one goes on.
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
    """The shards whose stored plans `make_plan` wants."""
    names = {entry.item.recording for entry in listed}
    wanted = (row for row in ledger.values() if row.recording in names or _is_planned_by(row, run))
    return {row.shard for row in wanted if row.shard and (again or row.outcome == PENDING)}


def source_rows(reasons: Mapping[str, str], ledger: Ledgered, run: str) -> Iterator[LedgerRow]:
    """Ledger rows of sources, from each one's URL to why it failed, or "": one a source that fails, or that did and is mended."""
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
    """What is to become of a listed recording, as far as its own row says."""
    if row and row.outcome == GIVEN_UP and row.run == run:
        return "given_up"  # by this run, which plans once more
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
    """Recordings that their sources do not give out. One that is planned already stays so: it may have been fetched before."""
    for entry in listed:
        known = ledger.get(entry.item.recording)
        if fates[entry.item.recording] == "refused" and not (known and known.outcome == PENDING):
            yield _described(entry.item, known or replace(_EMPTY, run=run), outcome=FAILED, reason=entry.refusal)


def _is_planned_by(row: LedgerRow, run: str) -> bool:
    """Whether this very run has planned it before: a task that is repeated."""
    return row.outcome == PENDING and row.run == run and row.kind != SOURCE


def _losses(row: LedgerRow, run: str) -> int:
    """Runs before this one that planned it and that its shard did not survive."""
    return max(0, row.attempts - (row.run == run))


def _pending(
    items: Mapping[str, Item], ledger: Ledgered, plans: Mapping[str, Sequence[Item]], settings: PlanSettings, run: str
) -> tuple[list[Group], list[LedgerRow]]:
    """Recordings without an outcome stay in their shard, those that are not listed any more included, until it is lost too often.

    Returns:
        The shards, and the ledger's rows of recordings that are given up.
    """
    members: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in ledger.values():
        if row.outcome == PENDING and row.kind != SOURCE:
            members[row.shard].append(row)
    wanted = [ledger[r] for r in items if r in ledger and ledger[r].outcome == PENDING]
    wanted += [row for row in ledger.values() if _is_planned_by(row, run)]
    # The last attempt is made alone, so that nobody is given up for a neighbor.
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
    """What is done, in the shards that it was done in.

    A shard whose stored plan can be repeated as a whole is: under its name the caches know its finished stages, and
    what failed in it is found there as well, to be tried anew by a later run. So members come along that are not listed
    any more or have failed elsewhere since. Where nothing of it came out, or a member now belongs to another shard, the
    listed ones make a new shard.
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
    """Items of one shard stay together; how often they failed makes it another one."""
    groups: dict[str, Group] = defaultdict(list)
    for item in items:
        row = ledger[item.recording]
        groups[row.shard].append(replace(item, failures=row.failures))
    return list(groups.values())


def _pack(items: Iterable[Item], shard_seconds: float) -> Iterator[Group]:
    """Items in their order as groups of at most `shard_seconds`; a longer item is alone."""
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
    """With what an earlier listing or download said of it and this listing does not; a licence that is no more stated is none."""
    return replace(item, **{name: getattr(item, name) or getattr(row, name) for name in _REMEMBERED}) if row else item


def _described(item: Item, row: LedgerRow, **changes: Any) -> LedgerRow:
    """A row with what the source says of the item now."""
    described = {name: getattr(item, name) for name in ("recording", "kind", "title", "channel", "published", "licence", "seconds")}
    return replace(row, **described, url=public_url(item.url), **changes)


def _item(row: LedgerRow) -> Item:
    """An item as the ledger remembers it, where its plan is lost."""
    return Item(row.recording, row.kind, row.url, row.title, row.channel, row.published, row.licence, row.seconds, row.failures)
