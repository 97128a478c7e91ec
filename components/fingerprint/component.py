"""Interface of `fingerprint`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage()
def fingerprint(
    recordings: Input[Dataset],
    fingerprints: Output[Dataset],
) -> None:
    """Measures by what a stretch of a recording is known again where it comes back: a jingle, an advertisement, a rerun."""
