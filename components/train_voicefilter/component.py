"""Interface of `train_voicefilter`."""

from typing import Literal

from kfp.dsl import HTML, Dataset, Input, Metrics, Model, Output

from components.stage import stage


@stage(cpu="1", cpu_limit="8", memory="8Gi", gpu=1, store="publisher", timeout_hours=168, cached=False)
def train_voicefilter(
    dataset: str,
    store: str,
    sounds: Input[Dataset],
    model: Output[Model],
    curve: Output[HTML],
    metrics: Output[Metrics],
    name: str = "voicefilter",
    licence: str = "",
    configuration: Literal["small", "full"] = "small",
    engine: Literal["campplus", "resemblyzer"] = "campplus",
    dataset_version: int = 0,
    loss_power: float = 0.3,
    max_steps: int = 20_000,
    max_minutes: float = 0.0,
    batch_size: int = 8,
    learning_rate: float = 0.001,
    warmup_steps: int = 100,
    validate_every_steps: int = 250,
    validation_mixtures: int = 32,
    patience: int = 10,
    seed: int = 0,
    workers: int = 0,
    threads: int = 0,
) -> None:
    """Trains a VoiceFilter model, which takes one person's voice out of a mixture of voices.

    docs/voicefilter.md explains the training data and how to use the model.

    Args:
        name: Name of the model in the store.
        licence: License of the model; empty means unknown.
        configuration: Size of the network: small for a CPU, or full, as in the paper.
        engine: The network that makes the voice vectors, as diarize_engine of the runs that will use the model.
        dataset_version: Version of the dataset whose clips are the speech; 0 means the newest.
        loss_power: Power of the magnitudes that the loss compares, 0.1 to 1. A lower one gives quiet parts more weight.
        max_steps: Number of steps after which the training ends.
        max_minutes: Minutes after which the training ends, if it has not reached max_steps; 0 for no limit.
        batch_size: Mixtures of 3 seconds per step.
        learning_rate: Highest learning rate of Adam.
        warmup_steps: Steps in which the learning rate rises to its highest value; then it falls along a cosine.
        validate_every_steps: Steps between two validations, each of which also saves a checkpoint.
        validation_mixtures: Mixtures of held-out speakers per validation, two voices at 0 dB each.
        patience: Validations without improvement after which the training ends; 0 for no limit.
        seed: Seed of the initial weights and of the choice of mixtures.
        workers: Processes that make mixtures; 0 for one per core, up to 4. The mixtures do not depend on it.
        threads: CPU threads of PyTorch; 0 for one per core.
    """
