"""Interface of `tag_speaker`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage()
def tag_speaker(windows: Input[Dataset], clips: Input[Dataset], speakers: Output[Dataset]) -> None:
    """Measures whose voice every clip is: its d-vector, how near its voice is to the reference, and how near its farthest window is."""
