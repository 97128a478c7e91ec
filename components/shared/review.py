"""What people said of a clip when they reviewed it."""

from dataclasses import dataclass, fields

HUMAN = "human"
"""The source of a text that a person confirmed or corrected, and the reason of a clip that a person rejected."""

OTHER = "other"
"""A speaker or a tone that is none of those that the page offers."""


@dataclass(frozen=True, slots=True)
class Review:
    """The latest review of a clip by a person. All columns are empty for a clip without a review."""

    text_source: str = ""
    """human if a person confirmed or corrected `text`; empty if it is an engine's, or if there is none."""
    text_engine: str = ""
    """The engine's text in place of which `text` came; empty unless `text_source` is human."""
    speaker_truth: str = ""
    """Id of the speaker, according to a person, or other."""
    tone_truth: str = ""
    """Tone, according to a person."""
    reject_truth: str = ""
    """Why a person rejected the clip, such as two_voices; empty if nobody did."""
    reviewed_by: str = ""
    """Who reviewed the clip: the e-mail address or name on the review server."""
    reviewed: str = ""  # not reviewed_at: pandas, and so readers of Croissant, would make dates of such a column
    """When the person did, in UTC, ISO 8601."""


COLUMNS = tuple(f.name for f in fields(Review))
"""The columns of a review; DatasetRow has them."""
