"""Interface of `tag_speaker`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage()
def tag_speaker(turns: Input[Dataset], clips: Input[Dataset], speakers: Output[Dataset]) -> None:
    """Measures the voice of each clip: its vector, its similarity to the reference, its purity, and how much of it is overlapped.

    `publish` gives the speakers their ids. docs/speakers.md explains the measures.
    """
