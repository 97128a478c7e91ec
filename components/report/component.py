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
    """Writes one self-contained HTML page about a version of a dataset: what it keeps and why. Version 0 is the newest."""
