"""The rows that `train_tone` writes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """A recording or clip that a tone model was, or was not, trained on."""

    clip: str
    """Path in the folder, or dataset and clip."""
    speaker: str
    language: str
    tone: str
    """Its label; empty without one."""
    fold: int
    """The part in which its speaker was left out, from 1; 0 for a clip that was not measured or has no label."""
    found: str
    """The tone that a model gave it which was not trained on its speaker; empty if it was not measured."""
    probability: float | None
    """Probability of that tone."""
    use: str
    """labeled or added (by self-training); empty if it is not in the training."""
    reason: str
    """Why it is not in the training; empty if it is."""
