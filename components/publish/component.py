"""Interface of `publish`."""

from kfp.dsl import Dataset, Input, Metrics, Output, OutputPath

from components.publish.settings import takes_settings
from components.stage import stage


@stage(memory="2Gi", store="publisher", cached=False)
@takes_settings
def publish(
    sources_sha256: str,
    dataset: str,
    store: str,
    run: str,
    version: Output[Dataset],
    metrics: Output[Metrics],
    version_number: OutputPath(int),  # type: ignore[valid-type]
    parts: Input[list[Dataset]] = None,  # type: ignore[assignment]
    **settings: str | float | bool,
) -> None:
    """Names the speakers, applies the selection rules to all rows of the dataset and commits one version of it.

    A rejected clip has the reason of the first rule that rejects it. A clip of a recording with the
    same media as an earlier one has the reason duplicate; then the rules apply in the order of
    the stage's settings. A rule rejects a clip that lacks the value it looks at, unless it says otherwise.
    """
