"""Interface of `tag_tone`."""

from kfp.dsl import Dataset, Input, Model, Output

from components.stage import stage


@stage(memory="2Gi")
def tag_tone(
    clean: Input[Dataset],
    clips: Input[Dataset],
    windows: Input[Dataset],
    model: Input[Model],
    tones: Output[Dataset],
    enabled: bool = True,
    clusters: int = 0,
    voice_normalization: bool = True,
    same_voice_similarity: float = 0.75,
) -> None:
    """Measures the tone of each clip: a class of the model, or a cluster from calm to aroused without a model.

    It also measures pitch and energy. docs/tone.md explains models, clusters and their accuracy.

    Args:
        enabled: Whether clips are heard at all; without, the table has no rows.
        clusters: Tones per voice where there is no model; 0 for as many as the Bayesian information criterion prefers, 1 to 4.
        voice_normalization: Whether a clip is compared with the other clips of its voice in the shard before it is classified.
        same_voice_similarity: Cosine of two groups' mean d-vectors, -1 to 1, from which on they are taken for one voice.
    """
