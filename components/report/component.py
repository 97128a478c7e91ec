"""Interface of `report`."""

from kfp.dsl import HTML, ClassificationMetrics, Metrics, Output

from components.stage import stage


@stage(memory="2Gi", store="reader", cached=False)
def report(
    dataset: str,
    store: str,
    version: int,
    page: Output[HTML],
    metrics: Output[Metrics],
    tone_confusion: Output[ClassificationMetrics],
) -> None:
    """Makes the page of a version: numbers, plots, clips to play and the reasons for what was rejected.

    The page is one HTML file without external parts. Version 0 means the newest version.
    """
