"""The voice encoders, and which similarities of their vectors mean what: one network's vectors are closer than another's.

A setting of 0 takes the threshold from here. docs/speakers.md has the tables that they are from.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """The vectors of an encoder. Similarities are corrected for the length of the speech (`shared.voices`)."""

    numbers: int
    """Length of a vector."""
    spread: float
    """Variance of the vectors of windows of one voice, relative to that of voices: what a window adds to its voice."""
    voice: float
    """Speech that is as similar is of one voice: in a recording, a shard and a dataset."""
    reference: float
    """`publish`: clips that are less similar to the reference are of somebody else."""
    file: float
    """`references add`: a file whose cosine with the others of its reference is lower is of somebody else, or not speech alone."""


ENCODERS = {
    "campplus": Vectors(numbers=192, spread=1.0, voice=0.7, reference=0.75, file=0.5),
    "resemblyzer": Vectors(numbers=256, spread=0.4, voice=0.84, reference=0.9, file=0.75),
}
"""The encoders by the names in the column `voice_by`."""


def encoder_of(voice_by: str) -> str:
    """Returns the encoder of a vector, by the column `voice_by`. Tables from before there were two name none: that was Resemblyzer."""
    return voice_by or "resemblyzer"


def vectors_of(voice_by: str) -> Vectors:
    """Returns what is known of the vectors that an encoder made."""
    return ENCODERS[encoder_of(voice_by)]
