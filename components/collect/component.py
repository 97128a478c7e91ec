"""Interface of `collect`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(store="publisher", cached=False)
def collect(
    shard: str,
    dataset: str,
    store: str,
    recordings: Input[Dataset],
    removed: Input[Dataset],
    fingerprints: Input[Dataset],
    segments: Input[Dataset],
    turns: Input[Dataset],
    extracted: Input[Dataset],
    clean: Input[Dataset],
    clips: Input[Dataset],
    speakers: Input[Dataset],
    tones: Input[Dataset],
    quality: Input[Dataset],
    events: Input[Dataset],
    transcripts: Input[Dataset],
    part: Output[Dataset],
) -> None:
    """Joins the measurements of each clip and stores the clips' audio under its hash.

    The stage accounts for every sample of every recording. A sample is in a clip, or it counts as music, noise, silence or
    speech that is too short for a clip.
    """
