"""Interface of `collect`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(store="publisher", cached=False)
def collect(
    shard: str,
    dataset: str,
    store: str,
    recordings: Input[Dataset],
    fingerprints: Input[Dataset],
    segments: Input[Dataset],
    clean: Input[Dataset],
    clips: Input[Dataset],
    speakers: Input[Dataset],
    tones: Input[Dataset],
    quality: Input[Dataset],
    transcripts: Input[Dataset],
    part: Output[Dataset],
) -> None:
    """Joins what was found out about every clip and puts the clips' audio into the store."""
