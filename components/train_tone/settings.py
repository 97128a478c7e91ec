"""The settings of `train_tone`, and their checks."""

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
    tones: str
    classifier: Literal["best", "logistic", "discriminant", "mlp"]
    truth_dataset: str
    truth_version: Annotated[int, Between(0)]
    dataset_version: Annotated[int, Between(0)]
    dataset_clips: Annotated[int, Between(1)]
    least_probability: Annotated[float, Between(0, 1)]
    added_per_voice: Annotated[int, Between(1)]
    added_share: Annotated[float, Between(0)]
    neutral_logit: Annotated[float, Between(0, 5)]
    folds: Annotated[int, Between(2)]
    seed: Annotated[int, Between(0)]


def check_settings(**given: Any) -> Settings:
    """Returns the settings. Raises StageError if one is out of its range, or if a model cannot have the name."""
    settings = checked("train_tone", Settings(**given))
    check_name(settings.name, "model")
    wanted_tones(settings.tones)
    return settings


def wanted_tones(text: str) -> dict[str, str]:
    """Returns the name of each tone to learn by its name in the labels; empty for all. Raises StageError if the text is not such a list."""
    found: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        label, equals, tone = (p.strip() for p in part.partition("="))
        if not label or (equals and not tone) or label in found:
            raise StageError(f"parameter train_tone_tones: expected each tone once, as in 'angry,bored=calm', found {text!r}")
        found[label] = tone or label
    return found
