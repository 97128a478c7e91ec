"""Interface of `separate`."""

from kfp.dsl import Dataset, Input, Model, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="2", memory="2Gi", gpu=1, timeout_hours=24)
def separate(
    recordings: Input[Dataset],
    model: Input[Model],
    effects: Input[Dataset],
    voices: Output[Dataset],
    accompaniment: Output[Dataset],
    removed: Output[Dataset],
    keep_accompaniment: bool = False,
    stereo: bool = False,
    remove_tones: bool = True,
    batch_segments: int = 1,
    threads: int = 0,
) -> None:
    """Removes steady tones and known effects, then separates speech from music (Spleeter). Length and timeline stay the same.

    Memory use does not depend on the length of a recording. docs/separator.md explains how to train a model, docs/effects.md explains
    known effects.

    Args:
        keep_accompaniment: Whether to also write the accompaniment, which is everything except speech.
        stereo: Whether the results have two channels instead of one.
        remove_tones: Whether to find whistles and hums that last a minute, or all of a shorter recording, and to subtract them.
        batch_segments: Segments of 6 to 12 seconds per call of the network; more segments take more memory and are faster on a GPU.
        threads: CPU threads, each of which takes 0.2 GB and works on a segment; 0 for one per core, up to 4.
    """
