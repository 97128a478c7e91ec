"""Interface of `train_tone`."""

from typing import Literal

from kfp.dsl import HTML, Dataset, Input, Metrics, Model, Output

from components.stage import stage


@stage(cpu="1", cpu_limit="2", memory="2Gi", store="reader", timeout_hours=24, cached=False)
def train_tone(
    dataset: str,
    store: str,
    sounds: Input[Dataset],
    model: Output[Model],
    page: Output[HTML],
    clips: Output[Dataset],
    metrics: Output[Metrics],
    name: str = "tone",
    licence: str = "",
    tones: str = "",
    classifier: Literal["best", "logistic", "discriminant", "mlp"] = "best",
    truth_dataset: str = "",
    truth_version: int = 0,
    dataset_version: int = 0,
    dataset_clips: int = 2000,
    least_probability: float = 0.7,
    added_per_voice: int = 5,
    added_share: float = 0.5,
    neutral_logit: float = 0.5,
    folds: int = 10,
    seed: int = 0,
) -> None:
    """Trains a model that tells tones of speech apart, and measures it on speakers that it was not trained on.

    docs/tone.md explains the training data and how to use the model.

    Args:
        name: Name of the model in the store.
        licence: License of the model; empty means unknown.
        tones: Tones to learn, separated by commas, each optionally with another name for it, as in `angry,bored=calm`; empty
            means all that are found.
        classifier: Kind of classifier; best means the one with the highest recall on speakers left out.
        truth_dataset: Name of a dataset whose clips with a ground truth are labeled clips too; empty uses none.
        truth_version: Version of that dataset; 0 means the newest.
        dataset_version: Version of the dataset whose clips may join the training; 0 means the newest.
        dataset_clips: Most clips of that dataset that are measured.
        least_probability: Probability from which on a clip of the dataset may join the training.
        added_per_voice: Most clips of each tone and voice that join the training.
        added_share: Most clips of a tone that join the training, relative to the labeled clips of that tone.
        neutral_logit: Added to the logit of the tone `neutral`; voices that are mostly neutral need it.
        folds: Most parts that the speakers are divided into; each part is left out once.
        seed: Seed of the initial weights of mlp.
    """
