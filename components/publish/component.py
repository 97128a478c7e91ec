"""Interface of `publish`."""

from kfp.dsl import HTML, Dataset, Input, Metrics, Output

from components.stage import stage


@stage(memory="2Gi", store="writes", cached=False)
def publish(
    sources: str,
    dataset: str,
    store: str,
    run: str,
    version: Output[Dataset],
    summary: Output[HTML],
    metrics: Output[Metrics],
    parts: Input[list[Dataset]] = None,  # type: ignore[assignment]
    genders: str = "",
    min_seconds: float = 1.5,
    licences: str = "",
) -> None:
    """Applies the selection rules to all rows of the dataset and commits one version of it.

    Args:
        genders: Keep clips of these voices, female or male, separated by commas; empty is any.
        min_seconds: Shortest clip to keep, in seconds.
        licences: Keep clips of recordings under these licences, separated by commas; "unknown" names the absent one, empty is any.
    """
