"""Interface of `train_separator`."""

from kfp.dsl import HTML, Dataset, Input, Metrics, Model, Output

from components.stage import stage


@stage(cpu="1", cpu_limit="8", memory="8Gi", gpu=1, store="publisher", timeout_hours=168, cached=False)
def train_separator(
    dataset: str,
    store: str,
    sounds: Input[Dataset],
    model: Output[Model],
    curve: Output[HTML],
    metrics: Output[Metrics],
    start: Input[Model] = None,  # type: ignore[assignment]
    name: str = "separator",
    licence: str = "",
    configuration: str = "2stems-16kHz",
    dataset_version: int = 0,
    max_steps: int = 50_000,
    max_minutes: float = 0.0,
    batch_size: int = 4,
    learning_rate: float = 0.001,
    warmup_steps: int = 100,
    validate_every_steps: int = 500,
    validation_windows: int = 32,
    patience: int = 10,
    seed: int = 0,
    workers: int = 0,
    threads: int = 0,
) -> None:
    """Trains a Spleeter model that separates speech from everything else, from scratch or from another model.

    docs/separator.md explains the training data and how to use the model.

    Args:
        name: Name of the model in the store.
        licence: License of the model; empty means unknown.
        configuration: Name of a Spleeter configuration, or the text of a config.json. It is ignored if training continues from a model,
            which has its own.
        dataset_version: Version of the dataset whose clips are the speech; 0 means the newest.
        max_steps: Number of steps after which the training ends.
        max_minutes: Minutes after which the training ends, if it has not reached max_steps; 0 for no limit.
        batch_size: Windows per step.
        learning_rate: Highest learning rate of Adam; 0.0001 is suitable if training continues from a good model.
        warmup_steps: Steps in which the learning rate rises to its highest value; then it falls along a cosine.
        validate_every_steps: Steps between two validations, each of which also saves a checkpoint.
        validation_windows: Windows of held-out sound per validation.
        patience: Validations without improvement after which the training ends; 0 for no limit.
        seed: Seed of the initial weights and of the choice of windows.
        workers: Processes that make windows; 0 for one per core, up to 4. The windows do not depend on it.
        threads: CPU threads of TensorFlow; 0 for one per core.
    """
