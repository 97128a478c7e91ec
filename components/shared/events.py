"""The sounds beside speech that `tag_events` listens for, and the probability from which each counts as heard."""

from dataclasses import dataclass

from components.shared.rows import DatasetRow, Vector

BOUNDS = {
    "laughter": 0.1,
    "applause": 0.1,
    "breath": 0.2,
    "cough": 0.2,
    "crying": 0.3,
    "singing": 0.1,
    "crowd": 0.05,
    "telephone": 0.2,
    "music": 0.5,
}
"""The bound of each event, 0 to 1; docs/measurements.md has the figures. Each event is a column of DatasetRow."""
EVENT = "event"
"""The `kind` of an event in a timeline."""


@dataclass(frozen=True, slots=True)
class EventSpan:
    """A time in which an event is heard, such as laughter. The spans of a recording are ordered by start; different ones may overlap."""

    recording: str
    start: float
    end: float
    name: str
    """laughter, applause, breath, cough, crying, singing, crowd, telephone or music."""
    probability: float
    """Highest probability of the event in this time, 0 to 1."""


@dataclass(frozen=True, slots=True)
class ClipEvents:
    """What else is heard in a clip beside speech. The probabilities do not depend on each other; several events may be heard at once."""

    clip: str
    laughter: float | None
    """Highest probability of laughter in the clip's time in the recording as downloaded, 0 to 1; so for the next eight columns."""
    applause: float | None
    """Applause or clapping."""
    breath: float | None
    """Breathing that can be heard, a sigh or a gasp."""
    cough: float | None
    """A cough, a sneeze, or a throat that is cleared."""
    crying: float | None
    """Crying or whimpering."""
    singing: float | None
    """Singing, humming or rap."""
    crowd: float | None
    """Cheering, or many voices at once."""
    telephone: float | None
    """A telephone that rings or dials, or its tones."""
    music: float | None
    """Music."""
    events_top: list[str]
    """At most three: the likeliest of YAMNet's 521 classes, the likeliest first, without those for speech, silence and rooms."""
    events_top_probabilities: Vector
    """Highest probability of each of `events_top` in the clip, 0 to 1."""
    events_by: str
    """The network that heard the events, the first digits of its hash, and the time between its windows."""


def events_of(row: ClipEvents | DatasetRow) -> list[str]:
    """The names of the events that reach their bounds in a clip."""
    return [name for name, bound in BOUNDS.items() if (getattr(row, name) or 0.0) >= bound]
