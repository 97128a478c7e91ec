"""Interface of `loudest`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage()
def loudest(clean: Input[Dataset], loudest: Output[Dataset]) -> None:
    """Finds the loudest second of each recording."""
