"""The outcome of each recording and the sums of seconds by outcome: pure functions of the rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import pyarrow as pa

from components.publish.draft import Sums
from components.shared.refusals import refusal
from components.shared.rows import SAMPLE_RATE_HZ, Account
from components.shared.state import change
from store.ledger import CHANGED, FAILED, PENDING, PUBLISHED, LedgerRow, as_published
from store.version_rows import Recorded

_SHARED = {f.name for f in fields(Account)} & {f.name for f in fields(LedgerRow)} - {"recording", "kind", "seconds"}


def with_audio(known: Mapping[str, Recorded], accounts: Iterable[Account]) -> dict[str, Account]:
    """Every recording that has audio, as the run found it, or else as the version before has it."""
    return {**known, **{a.recording: a for a in accounts if a.samples}}


def duplicates(before: Mapping[str, Recorded], accounts: Iterable[Account]) -> dict[str, str]:
    """Each recording that has the same media as an earlier one, with the id of that one.

    Recordings that the version `before` already had come before new ones. Then publication date and id decide. A recording whose
    media is not known, as in some datasets of earlier releases, is no duplicate.
    """
    media: dict[str, dict[str, tuple[bool, bool, str, str]]] = defaultdict(dict)
    for name, row in with_audio(before, accounts).items():
        known = before.get(name)
        if row.media_sha256:
            media[row.media_sha256][name] = (known is None, bool(known and known.duplicate_of), row.published, name)
    firsts = {sha256: min(orders, key=lambda r: orders[r]) for sha256, orders in media.items()}
    return {r: firsts[sha256] for sha256, orders in media.items() for r in orders if r != firsts[sha256]}


def replaced(before: Mapping[str, Recorded], accounts: Iterable[Account]) -> dict[str, str]:
    """The recordings whose earlier clips make room for those of another file, with the reason."""
    found = {}
    for account in accounts:
        known = before.get(account.recording)
        if known and account.samples and known.media_sha256 != account.media_sha256:
            found[account.recording] = f"{CHANGED}: {change(known.state, account.state) or 'its file holds other bytes'}"
    return found


def check_law(accounts: Iterable[Account], rows: pa.Table) -> None:
    """Raises ValueError unless each sample of each recording is in a clip or counted in its account."""
    sums = rows.group_by("recording", use_threads=False).aggregate([("samples", "sum")]).to_pydict()
    clipped = dict(zip(sums["recording"], sums["samples_sum"], strict=True))
    for a in accounts:
        found = clipped.pop(a.recording, 0) + outside(a)
        if found != a.samples:
            raise ValueError(f"expected clips and account of recording {a.recording} to add up to {a.samples} samples, found {found}")
    if clipped:
        raise ValueError(f"expected an account of each recording that has clips, found none of {', '.join(sorted(clipped))}")


def outside(account: Account) -> int:
    """Samples of a recording that are in no clip, those of forgotten clips included."""
    forgotten = account.forgotten_samples if isinstance(account, Recorded) else 0
    return account.music_samples + account.noise_samples + account.silence_samples + account.unclipped_speech_samples + forgotten


def recorded(
    before: Mapping[str, Recorded], accounts: Iterable[Account], run: str, same: Mapping[str, str], blocks: Mapping[str, str], sums: Sums
) -> list[Recorded]:
    """The recordings of the next version, sorted by id.

    Args:
        before: Those of the version before.
        accounts: What the run found.
        run: The run.
        same: What `duplicates` returned.
        blocks: The block of each recording whose clips are new or moved.
        sums: The sums of the decisions of the blocks that change.
    """
    rows = dict(before)
    for a in accounts:
        if a.samples:
            rows[a.recording] = Recorded(
                **{f.name: getattr(a, f.name) for f in fields(Account)}, run=run, block="", kept_samples=0, rejected_samples=0
            )
    found = []
    for name, row in sorted(rows.items()):
        block = blocks.get(name, row.block)
        kept, rejected = sums.recordings.get(name, (row.kept_samples, row.rejected_samples))
        now = replace(row, duplicate_of=same.get(name, ""), block=block, kept_samples=kept, rejected_samples=rejected)
        known = before.get(name)
        found.append(known if known and replace(now, run=known.run) == known else now)
    return found


def outcomes(ledger: Mapping[str, LedgerRow], accounts: Iterable[Account], recordings: Iterable[Recorded]) -> list[LedgerRow]:
    """The ledger's rows as the newest version has them, whose recordings these are, and with what a run found.

    Applying it again changes nothing.
    """
    found, published = {a.recording: a for a in accounts}, {r.recording: r for r in recordings}
    updated = []
    for name, known in ledger.items():
        entry = _with_account(known, found[name], name in published) if name in found else known
        updated.append(as_published(entry, published.get(name)))
    return updated


def _with_account(known: LedgerRow, account: Account, is_published: bool) -> LedgerRow:
    if account.samples and not is_published:  # a person went back to a version before this run's
        return known
    failed = bool(account.reason) and not account.duplicate_of
    new, kind = failed and known.outcome == PENDING, refusal(account.reason)
    counts: dict[str, Any] = {"failures": known.failures + new, "excused": known.excused + (new and kind is not None and not kind.counts)}
    if account.reason and is_published:  # a failed download takes nothing from the dataset
        return replace(known, outcome=PUBLISHED, reason=account.reason, **counts)
    shared = {name: getattr(account, name) for name in _SHARED}
    return replace(known, **shared, outcome=FAILED if failed else PUBLISHED, **counts)


def seconds_by_outcome(clips: Mapping[str, int], recordings: Iterable[Account]) -> dict[str, float]:
    """Sums of seconds: `kept_seconds`, and `rejected_<reason>_seconds` for each reason; `clips` are samples by reason, "" of kept ones."""
    total: dict[str, int] = defaultdict(int, kept=0)
    for reason, samples in sorted(clips.items()):
        if samples or not reason:
            total[f"rejected_{reason}" if reason else "kept"] += samples
    for r in recordings:
        total["rejected_music"] += r.music_samples
        total["rejected_noise"] += r.noise_samples
        total["rejected_silence"] += r.silence_samples
        total["rejected_unclipped_speech"] += r.unclipped_speech_samples
        if isinstance(r, Recorded) and r.forgotten_samples:
            total["rejected_forgotten"] += r.forgotten_samples
    return {f"{name}_seconds": samples / SAMPLE_RATE_HZ for name, samples in total.items()}


_OUTSIDE = ("music", "noise", "silence", "unclipped_speech", "forgotten")


def samples_by_reason(seconds: Mapping[str, float]) -> Counter[str]:
    """The samples in clips by reason, from what `seconds_by_outcome` returned; "" of kept ones."""
    names = {n.removesuffix("_seconds").removeprefix("rejected_"): round(s * SAMPLE_RATE_HZ) for n, s in seconds.items()}
    return Counter({"" if name == "kept" else name: samples for name, samples in names.items() if name not in _OUTSIDE})
