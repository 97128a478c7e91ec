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
    """Expands the sources into recordings and plans those that the dataset does not have yet, in shards.

    It lists videos, feed entries, files and objects, and asks the dataset's ledger which of them are done. The rest is
    planned in shards of some hours of audio. A recording that was lost in too many runs is given up with a reason. The
    plans go into the store. The stage returns the names of the shards and their number, and one branch of the pipeline
    runs for each shard.

    Args:
        max_recordings: Most new recordings of one run; 0 is no limit.
        max_shards: Most shards of one run, of which Kubeflow takes 16; the others wait for later runs; 0 is no limit.
        shard_seconds: Audio that a shard holds, in seconds; a recording of unknown length counts as an hour.
        min_seconds: Shortest recording to take, in seconds; one of unknown length is taken.
        max_seconds: Longest recording to take, in seconds; 0 is no limit.
        attempts: How often a recording may be lost in a run before it is given up.
        again: Plan what is done once more, in the same shards.
    """
