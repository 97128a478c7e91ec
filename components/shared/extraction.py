"""The rows of `extract`, which `collect` reads."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extraction:
    """A stretch of a recording in which others speak over the wanted voice, and what its extraction did to it."""

    recording: str
    start: float
    end: float
    kept: bool
    """Whether the recording has the extracted voice there. If not, it has the sound of before, to the sample."""
    similarity_before: float | None
    """Cosine similarity of the stretch to the wanted voice; null if no voice is heard in it."""
    similarity_after: float | None
    """The same of the extracted voice."""
    dnsmos_before: float | None
    """DNSMOS P.835 score of the stretch overall, 1 to 5."""
    dnsmos_after: float | None
    """The same of the extracted voice; null if it is silent."""
