"""The outcome of each recording and the sums of seconds by outcome: pure functions of the rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace

from components.shared.rows import SAMPLE_RATE_HZ, Account, DatasetRow
from components.shared.state import change
from store.ledger import CHANGED, FAILED, PENDING, PUBLISHED, LedgerRow

_SHARED = {f.name for f in fields(Account)} & {f.name for f in fields(LedgerRow)} - {"recording", "kind", "seconds"}


def merge(present: Iterable[DatasetRow], accounts: Iterable[Account], new: Iterable[DatasetRow]) -> list[DatasetRow]:
    """All rows, with the run's in place of older ones of the same recordings; one whose download failed this time keeps its rows."""
    replaced = {a.recording for a in accounts if a.samples}
    return [r for r in present if r.recording not in replaced] + list(new)


def with_audio(ledger: Mapping[str, LedgerRow], accounts: Iterable[Account]) -> dict[str, LedgerRow | Account]:
    """Every recording that has audio, as the run found it, or else as the ledger has it."""
    current: dict[str, LedgerRow | Account] = {**ledger, **{a.recording: a for a in accounts if a.samples}}
    return {name: row for name, row in current.items() if row.samples}


def duplicates(ledger: Mapping[str, LedgerRow], accounts: Iterable[Account]) -> dict[str, str]:
    """Each recording that has the same media as an earlier one, with the id of that one.

    Recordings that the dataset already had come before new ones. Then publication date and id decide.
    """
    media: dict[str, dict[str, tuple[bool, bool, str, str]]] = defaultdict(dict)
    for name, row in with_audio(ledger, accounts).items():
        known = ledger.get(name)
        media[row.media_sha256][name] = (not (known and known.samples), bool(known and known.duplicate_of), row.published, name)
    firsts = {sha256: min(orders, key=lambda r: orders[r]) for sha256, orders in media.items()}
    return {r: firsts[sha256] for sha256, orders in media.items() for r in orders if r != firsts[sha256]}


def replaced(ledger: Mapping[str, LedgerRow], accounts: Iterable[Account]) -> dict[str, str]:
    """The recordings whose earlier clips make room for those of another file, with the reason."""
    found = {}
    for account in accounts:
        known = ledger.get(account.recording)
        if known and known.samples and account.samples and known.media_sha256 != account.media_sha256:
            found[account.recording] = f"{CHANGED}: {change(known.state, account.state) or 'its file holds other bytes'}"
    return found


def check_law(accounts: Iterable[Account], rows: Iterable[DatasetRow]) -> None:
    """Raises ValueError unless each sample of each recording is in a clip or counted in its account."""
    clipped: dict[str, int] = defaultdict(int)
    for row in rows:
        clipped[row.recording] += row.samples
    for a in accounts:
        found = clipped[a.recording] + a.music_samples + a.noise_samples + a.silence_samples + a.unclipped_speech_samples
        if found != a.samples:
            raise ValueError(f"expected clips and account of recording {a.recording} to add up to {a.samples} samples, found {found}")


def outcomes(
    ledger: Mapping[str, LedgerRow], accounts: Sequence[Account], rows: Iterable[DatasetRow], same: Mapping[str, str]
) -> list[LedgerRow]:
    """The ledger's rows after a publication, with what the run found and what the rules keep of each recording.

    `rows` are those of the newest version, and `same` is what `duplicates` returned. Applying it again changes nothing.
    """
    kept: dict[str, int] = defaultdict(int)
    rejected: dict[str, int] = defaultdict(int)
    for row in rows:
        (kept if row.kept else rejected)[row.recording] += row.samples
    found = {a.recording: a for a in accounts}
    updated = []
    for known in ledger.values():
        entry = _with_account(known, found[known.recording]) if known.recording in found else known
        original = same.get(entry.recording, "" if entry.samples else entry.duplicate_of)
        updated.append(
            replace(entry, duplicate_of=original, kept_samples=kept[entry.recording], rejected_samples=rejected[entry.recording])
        )
    return updated


def _with_account(known: LedgerRow, account: Account) -> LedgerRow:
    failed = bool(account.reason) and not account.duplicate_of
    failures = known.failures + (failed and known.outcome == PENDING)
    if account.reason and known.samples:  # a failed download takes nothing from the dataset
        return replace(known, outcome=PUBLISHED, reason=account.reason, failures=failures)
    shared = {name: getattr(account, name) for name in _SHARED}
    return replace(known, **shared, outcome=FAILED if failed else PUBLISHED, failures=failures)


def seconds_by_outcome(rows: Iterable[DatasetRow], recordings: Iterable[Account | LedgerRow]) -> dict[str, float]:
    """Sums of seconds: `kept_seconds`, and `rejected_<reason>_seconds` for each reason, which ends at its colon."""
    total: dict[str, int] = defaultdict(int, kept=0)
    for row in rows:
        total["kept" if row.kept else f"rejected_{row.reason.partition(':')[0]}"] += row.samples
    for r in recordings:
        total["rejected_music"] += r.music_samples
        total["rejected_noise"] += r.noise_samples
        total["rejected_silence"] += r.silence_samples
        total["rejected_unclipped_speech"] += r.unclipped_speech_samples
    return {f"{name}_seconds": samples / SAMPLE_RATE_HZ for name, samples in total.items()}
