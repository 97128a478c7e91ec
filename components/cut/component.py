"""Interface of `cut`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage()
def cut(
    voices: Input[Dataset],
    segments: Input[Dataset],
    turns: Input[Dataset],
    clips: Output[Dataset],
    max_seconds: float = 15.0,
    merge_gap_seconds: float = 0.7,
    pad_seconds: float = 0.1,
) -> None:
    """Cuts speech into clips at changes of speaker and at long pauses, and speech of two people at once into clips of its own.

    A row of the table is a recording, a start and an end; the stage writes no audio. Speech that is too long and has no
    pause is cut at its quietest moment.

    Args:
        max_seconds: Maximum length of a clip, in seconds, including its padding.
        merge_gap_seconds: Maximum gap, in seconds, between two stretches of speech that are joined into one.
        pad_seconds: Padding before and after a clip, in seconds; less if another clip is near.
    """
