"""Interface of `cut`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage()
def cut(
    voices: Input[Dataset],
    segments: Input[Dataset],
    windows: Input[Dataset],
    clips: Output[Dataset],
    max_seconds: float = 15.0,
    merge_gap_seconds: float = 0.2,
    pad_seconds: float = 0.1,
    change_similarity: float = 0.9,
) -> None:
    """Cuts speech into clips at changes of speaker and at pauses.

    A clip is a recording, a start and an end, without audio. A stretch without a pause is cut at its quietest moment.

    Args:
        max_seconds: Longest clip, in seconds, padding included.
        merge_gap_seconds: Longest gap over which speech is joined into one stretch, in seconds.
        pad_seconds: Padding before and after a clip, in seconds; less if another clip is near.
        change_similarity: Cosine similarity of the voices around a pause, below which the speaker changes there, -1 to 1; a higher value
            misses fewer changes and makes shorter clips.
    """
