"""Reads a shard's plan from the store and writes its recordings."""

from pathlib import Path

from components.download.download import download
from components.download.policy import Policy, accepted_licences, player_clients
from components.download.settings import check_settings
from components.shared.network import public_only
from components.shared.refusals import by_kind
from components.shared.rows import Recording
from components.shared.table import SchemaError, write_rows
from components.shared.task import Outcome, StageError, run
from store.objects import open_store
from store.plans import read_plan


def main(
    shard: str,
    store: str,
    allow_private: bool,
    recordings: Path,
    retries: int,
    backoff_seconds: float,
    sleep_seconds: float,
    max_sleep_seconds: float,
    rate_limit_bytes: int,
    licences: str,
    youtube_clients: str,
    max_bytes: int,
    max_seconds: float,
    timeout_minutes: float,
) -> Outcome:
    check_settings(
        retries=retries,
        backoff_seconds=backoff_seconds,
        sleep_seconds=sleep_seconds,
        max_sleep_seconds=max_sleep_seconds,
        rate_limit_bytes=rate_limit_bytes,
        max_bytes=max_bytes,
        max_seconds=max_seconds,
        timeout_minutes=timeout_minutes,
    )
    policy = Policy(
        retries,
        backoff_seconds,
        sleep_seconds,
        max_sleep_seconds,
        rate_limit_bytes,
        accepted_licences(licences),
        player_clients(youtube_clients),
        max_bytes,
        max_seconds,
        timeout_minutes,
    )
    try:
        items = read_plan(open_store(store), shard)
    except SchemaError as error:
        raise StageError(str(error)) from None
    if not allow_private:
        public_only()  # after the plan is read, because the store may have a private address
    rows, short = download(items, recordings / "audio", policy)
    write_rows(recordings, Recording, rows)
    return {
        "shard": shard,
        "recordings": sum(not r.reason for r in rows),
        "failed_recordings": sum(bool(r.reason) and not r.duplicate_of for r in rows),
        "duplicates": sum(bool(r.duplicate_of) for r in rows),
        "shorter_than_stated": short,
        **by_kind(r.reason for r in rows),
    }


if __name__ == "__main__":
    run(main)
