"""Interface of `discover`."""

from kfp import dsl

from components.stage import stage


@stage(store="publisher", internet=True, timeout_hours=2, cached=False, secrets={"speechmill-logins": {"logins": "SPEECHMILL_LOGINS"}})
def discover(
    sources: str,
    dataset: str,
    store: str,
    allow_private: bool,
    run: str,
    shards: dsl.OutputPath(list[str]),  # type: ignore[valid-type]
    count: dsl.OutputPath(int),  # type: ignore[valid-type]
    sources_sha256: dsl.OutputPath(str),  # type: ignore[valid-type]
    max_recordings: int = 0,
    max_shards: int = 12,
    shard_seconds: float = 36000.0,
    min_seconds: float = 0.0,
    max_seconds: float = 0.0,
    attempts: int = 3,
    again: bool = False,
    refresh: bool = False,
    wait: bool = True,
) -> None:
    """Lists the recordings of the sources and divides those that the dataset does not have yet into shards.

    It lists videos, feed entries, files and objects, and asks the dataset's ledger which of them are done. The rest is
    divided into shards of some hours of audio. A recording is given up, with a reason, if too many runs plan it but do not
    finish its shard. The plans go into the store. The stage returns the names of the shards and their number, and one
    branch of the pipeline runs for each shard. It also returns a hash of the sources, without their passwords.

    Args:
        max_recordings: Maximum number of new recordings per run; 0 means no limit.
        max_shards: Maximum number of shards per run, up to 16 on Kubeflow; 0 means no limit. Later runs plan the rest.
        shard_seconds: Maximum audio per shard, in seconds, above 0. A recording of unknown length counts as an hour. A
            recording longer than the maximum gets its own shard.
        min_seconds: Minimum length of a recording, in seconds; 0 means no limit. Unknown lengths are accepted. The lengths of
            local files are measured; others are as their source states them. What is left out is in the ledger with its length.
        max_seconds: Maximum length of a recording, in seconds; 0 means no limit. See min_seconds.
        attempts: Number of runs, 1 or more, that may plan a recording and not finish its shard. Then the recording is given up.
        again: Whether to process finished recordings again, in the same shards if possible.
        refresh: Whether to download recordings again whose files changed at their sources. The servers of episodes are then asked
            for the states of their files, too; otherwise only what their feeds say is compared.
        wait: Whether recordings wait, for hours or days, after their hosts refused them or blocked the crawler (docs/crawls.md).
    """
