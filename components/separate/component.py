"""Interface of `separate`."""

from kfp.dsl import Dataset, Input, Model, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="2", memory="2Gi", gpu=1, timeout_hours=24)
def separate(
    recordings: Input[Dataset],
    model: Input[Model],
    voices: Output[Dataset],
    accompaniment: Output[Dataset],
    keep_accompaniment: bool = False,
    stereo: bool = False,
    speech_in_middle: bool = True,
    mwf: bool = False,
    pass_clean: bool = True,
    clean_db: float = -12.0,
    batch_segments: int = 1,
    threads: int = 0,
) -> None:
    """Separates speech from music in the recordings (Spleeter). Length and timeline stay the same.

    Parts without music pass unchanged, sample for sample. Recordings of any length take the same memory.
    docs/separator.md explains how to train a model.

    Args:
        keep_accompaniment: Whether what is not speech is written as well.
        stereo: Whether the results have two channels; one otherwise.
        speech_in_middle: Whether music that is also left or right of the speech is subtracted from the middle first.
        mwf: Whether a multichannel Wiener filter, some times slower, follows: for music that lies elsewhere in the stereo image.
        pass_clean: Whether stretches without music stay as they are, sample for sample; where sides were subtracted, as what is left.
        clean_db: There is no music where the model hears so much less accompaniment than speech, in dB.
        batch_segments: Segments of 6 to 12 seconds that the network takes at a time: more memory, faster on a GPU.
        threads: CPU threads; 0 for one a core.
    """
