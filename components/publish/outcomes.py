"""What becomes of a dataset's recordings and their seconds: pure functions of its rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace

from components.shared.rows import SAMPLE_RATE_HZ, Account, DatasetRow
from store.ledger import FAILED, PENDING, PUBLISHED, LedgerRow

_SHARED = {f.name for f in fields(Account)} & {f.name for f in fields(LedgerRow)} - {"recording", "kind", "seconds"}


def merge(present: Iterable[DatasetRow], accounts: Iterable[Account], new: Iterable[DatasetRow]) -> list[DatasetRow]:
    """All rows of the dataset: those of the recordings that a run worked on are replaced by the run's.

    A recording that could not be fetched once more keeps its rows: that its source is gone takes nothing away.
    """
    replaced = {a.recording for a in accounts if a.samples}
    return [r for r in present if r.recording not in replaced] + list(new)


def with_audio(ledger: Mapping[str, LedgerRow], accounts: Iterable[Account]) -> dict[str, LedgerRow | Account]:
    """Every recording that has audio, as the run found it or else as the ledger knows it."""
    current: dict[str, LedgerRow | Account] = {**ledger, **{a.recording: a for a in accounts if a.samples}}
    return {name: row for name, row in current.items() if row.samples}


def duplicates(ledger: Mapping[str, LedgerRow], accounts: Iterable[Account]) -> dict[str, str]:
    """Recordings with the same media as another one, and which that is.

    The first one keeps its place: one that had audio before a new one, then by publication date and id.
    """
    media: dict[str, dict[str, tuple[bool, bool, str, str]]] = defaultdict(dict)
    for name, row in with_audio(ledger, accounts).items():
        known = ledger.get(name)
        media[row.media_sha256][name] = (not (known and known.samples), bool(known and known.duplicate_of), row.published, name)
    firsts = {sha256: min(orders, key=lambda r: orders[r]) for sha256, orders in media.items()}
    return {r: firsts[sha256] for sha256, orders in media.items() for r in orders if r != firsts[sha256]}


def check_law(accounts: Iterable[Account], rows: Iterable[DatasetRow]) -> None:
    """Raises ValueError unless every sample of every recording is in a clip or has its reason."""
    clipped: dict[str, int] = defaultdict(int)
    for row in rows:
        clipped[row.recording] += row.samples
    for a in accounts:
        found = clipped[a.recording] + a.music_samples + a.noise_samples + a.silence_samples + a.unclipped_speech_samples
        if found != a.samples:
            raise ValueError(f"expected {a.samples} samples of recording {a.recording} to be accounted for, found {found}")


def outcomes(
    ledger: Mapping[str, LedgerRow], accounts: Sequence[Account], rows: Iterable[DatasetRow], same: Mapping[str, str]
) -> list[LedgerRow]:
    """Ledger rows after a publication: what the run found out, and what the rules keep of every recording.

    Applied twice it changes nothing more. `same` are the duplicates.
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
    if account.reason and known.samples:  # it has been published before, and stays so
        return replace(known, outcome=PUBLISHED, reason=account.reason, failures=failures)
    shared = {name: getattr(account, name) for name in _SHARED}
    return replace(known, **shared, outcome=FAILED if failed else PUBLISHED, failures=failures)


def seconds_by_outcome(rows: Iterable[DatasetRow], recordings: Iterable[Account | LedgerRow]) -> dict[str, float]:
    """Where a dataset's seconds went: `kept_seconds`, and one `rejected_<reason>_seconds` a reason that occurs.

    What a reason says after a colon is about one clip, and left out.
    """
    total: dict[str, int] = defaultdict(int, kept=0)
    for row in rows:
        total["kept" if row.kept else f"rejected_{row.reason.partition(':')[0]}"] += row.samples
    for r in recordings:
        total["rejected_music"] += r.music_samples
        total["rejected_noise"] += r.noise_samples
        total["rejected_silence"] += r.silence_samples
        total["rejected_unclipped_speech"] += r.unclipped_speech_samples
    return {f"{name}_seconds": samples / SAMPLE_RATE_HZ for name, samples in total.items()}
