"""The settings of `train_voicefilter`, and their checks."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from components.shared.settings import Between, checked
from components.shared.task import StageError
from store.objects import check_name


@dataclass(frozen=True)
class Settings:
    """The settings of the stage; component.py explains them."""

    name: str
    licence: str
    configuration: Literal["small", "full"]
    engine: Literal["campplus", "resemblyzer"]
    dataset_version: Annotated[int, Between(0)]
    loss_power: Annotated[float, Between(0.1, 1)]
    max_steps: Annotated[int, Between(1)]
    max_minutes: Annotated[float, Between(0)]
    batch_size: Annotated[int, Between(1)]
    learning_rate: float
    warmup_steps: Annotated[int, Between(0)]
    validate_every_steps: Annotated[int, Between(1)]
    validation_mixtures: Annotated[int, Between(1)]
    patience: Annotated[int, Between(0)]
    seed: Annotated[int, Between(0)]
    workers: Annotated[int, Between(0, 1024)]
    threads: Annotated[int, Between(0, 1024)]


def check_settings(**given: Any) -> Settings:
    """Returns the settings. Raises StageError if one is out of its range, or if a model cannot have the name."""
    settings = checked("train_voicefilter", Settings(**given))
    check_name(settings.name, "model")
    if not 0 < settings.learning_rate <= 1:
        raise StageError(f"parameter train_voicefilter_learning_rate: expected more than 0 and at most 1, found {settings.learning_rate:g}")
    return settings
