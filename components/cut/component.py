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

    A clip is a view: a recording, a start and an end. It holds no audio. If a stretch has no pause, the stage cuts at its
    quietest moment.

    Args:
        max_seconds: Longest clip, in seconds, padding included.
        merge_gap_seconds: Speech on both sides of a gap of at most this many seconds is one stretch.
        pad_seconds: Added before and after a clip, in seconds, where no other clip is.
        change_similarity: Cosine of the voices before and after a pause below which the speaker changes there, -1 to 1; with more of it
            fewer changes are missed, and clips become shorter.
    """
