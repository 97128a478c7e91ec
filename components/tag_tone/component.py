"""Interface of `tag_tone`."""

from kfp.dsl import Dataset, Input, Model, Output

from components.stage import stage


@stage(memory="2Gi")
def tag_tone(
    clean: Input[Dataset],
    clips: Input[Dataset],
    turns: Input[Dataset],
    extracted: Input[Dataset],
    model: Input[Model],
    tones: Output[Dataset],
    enabled: bool = True,
    clusters: int = 0,
    voice_normalization: bool = True,
) -> None:
    """Measures the tone of each clip. With a model it is a class, without one a cluster from calm to aroused.

    It also measures pitch and energy. docs/tone.md explains models, clusters and their accuracy.

    Args:
        enabled: Whether to measure tones; if not, the table has no rows.
        clusters: Number of clusters per voice without a model; 0 lets the Bayesian information criterion choose 1 to 4.
        voice_normalization: Whether a clip is compared with the other clips of its voice in the shard before it is classified.
    """
