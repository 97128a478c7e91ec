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

    docs/separator.md explains the data it takes and how to use the model.

    Args:
        name: What the model is called in a store.
        licence: Under which the model may be used; empty is unknown.
        configuration: Of a new model: 2stems-16kHz or another of Spleeter's, or the text of a config.json; a start keeps its own.
        dataset_version: Of the dataset whose clips are the speech; 0 is the newest.
        max_steps: The training ends after so many steps.
        max_minutes: The training ends after so many minutes, if that is earlier; 0 for no limit.
        batch_size: Windows a step.
        learning_rate: Of Adam, at its highest; 0.0001 suits going on from a model that is good already.
        warmup_steps: Steps in which the learning rate rises to that; from there it falls along a cosine.
        validate_every_steps: The model is measured, and what is reached is kept, every so many steps.
        validation_windows: Windows of held-out sound that it is measured on.
        patience: The training ends after so many measurements without a better one; 0 for never.
        seed: Of the first weights and of every choice of windows.
        workers: Processes that make windows; 0 for one a core, up to 4. What they make does not depend on it.
        threads: CPU threads of TensorFlow; 0 for one a core.
    """
