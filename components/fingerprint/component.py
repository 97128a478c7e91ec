"""Interface of `fingerprint`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage()
def fingerprint(
    recordings: Input[Dataset],
    fingerprints: Output[Dataset],
) -> None:
    """Computes the acoustic fingerprint of each recording (Chromaprint).

    `publish` compares the fingerprints to find jingles, advertisements and reruns. docs/repeats.md explains how repeats are found.
    """
