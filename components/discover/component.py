"""Interface of `discover`."""

from kfp import dsl

from components.stage import stage


@stage(store="publisher", internet=True, timeout_hours=2, cached=False)
def discover(
    sources: str,
    dataset: str,
    store: str,
    allow_private: bool,
    run: str,
    shards: dsl.OutputPath(list[str]),  # type: ignore[valid-type]
    count: dsl.OutputPath(int),  # type: ignore[valid-type]
    max_recordings: int = 0,
    max_shards: int = 12,
    shard_seconds: float = 36000.0,
    min_seconds: float = 0.0,
    max_seconds: float = 0.0,
    attempts: int = 3,
    again: bool = False,
) -> None:
    """Lists the recordings of the sources and plans those that the dataset does not have yet, in shards.

    It lists videos, feed entries, files and objects, and asks the dataset's ledger which of them are done. The rest is
    planned in shards of some hours of audio. A recording that was lost in too many runs is given up with a reason. The
    plans go into the store. The stage returns the names of the shards and their number, and one branch of the pipeline
    runs for each shard.

    Args:
        max_recordings: Maximum number of new recordings per run; 0 means no limit.
        max_shards: Maximum number of shards per run, up to 16 on Kubeflow; 0 means no limit. Later runs plan the rest.
        shard_seconds: Maximum audio per shard, in seconds, above 0. A recording of unknown length counts as an hour; a longer one is alone.
        min_seconds: Minimum length of a recording, in seconds; 0 means no limit. Unknown lengths are accepted.
        max_seconds: Maximum length of a recording, in seconds; 0 means no limit. Unknown lengths are accepted.
        attempts: Number of runs that may lose a recording before it is given up, 1 or more.
        again: Process finished recordings again, in the same shards.
    """
