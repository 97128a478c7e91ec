"""Which of AudioSet's classes make each event."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.shared.events import BOUNDS

EVENTS: dict[str, tuple[str, ...]] = {
    "laughter": ("Laughter", "Baby laughter", "Giggle", "Snicker", "Belly laugh", "Chuckle, chortle"),
    "applause": ("Clapping", "Applause"),
    "breath": ("Sigh", "Breathing", "Wheeze", "Gasp", "Pant"),
    "cough": ("Cough", "Throat clearing", "Sneeze"),
    "crying": ("Crying, sobbing", "Baby cry, infant cry", "Whimper", "Wail, moan"),
    "singing": ("Singing", "Choir", "Yodeling", "Chant", "Mantra", "Child singing", "Synthetic singing", "Rapping", "Humming"),
    "crowd": ("Cheering", "Chatter", "Crowd", "Hubbub, speech noise, speech babble", "Children playing"),
    "telephone": (
        "Telephone",
        "Telephone bell ringing",
        "Ringtone",
        "Telephone dialing, DTMF",
        "Dial tone",
        "Busy signal",
    ),
    "music": ("Music", "Theme music", "Jingle (music)"),
}
"""The classes of each event, in the order of the columns."""
assert [*EVENTS] == [*BOUNDS]

NOT_ELSE = (
    "Speech",
    "Child speech, kid speaking",
    "Conversation",
    "Narration, monologue",
    "Speech synthesizer",
    "Silence",
    "Inside, small room",
    "Inside, large room or hall",
    "Inside, public space",
    "Outside, urban or manmade",
    "Outside, rural or natural",
)
"""Classes that say nothing of what else is heard: speech, silence and rooms. They are never among the likeliest."""
LEAST = 0.01
"""Lowest probability of a class that is among the likeliest."""

Numbers = NDArray[np.float32]


def of_events(probabilities: Numbers, classes: Sequence[str]) -> Numbers:
    """The probability of each event: that of its likeliest class. Shaped (patches, classes) before and (patches, events) after."""
    places = {name: i for i, name in enumerate(classes)}
    return np.stack([probabilities[:, [places[name] for name in own]].max(axis=1) for own in EVENTS.values()], axis=1)


def likeliest(probabilities: Numbers, classes: Sequence[str], count: int) -> list[tuple[str, float]]:
    """The classes with the highest of some probabilities, shaped (classes,), that say what else is heard; the likeliest first."""
    found = zip(map(float, probabilities), classes, strict=True)
    order = sorted((-p, name) for p, name in found if name not in NOT_ELSE and p >= LEAST)
    return [(name, -p) for p, name in order[:count]]
