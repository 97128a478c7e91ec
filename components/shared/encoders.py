"""The voice encoders, and which cosines of their vectors mean what: one network's vectors are closer than another's.

A setting of 0 takes the threshold from here. docs/speakers.md has the tables that they are from.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """The vectors of an encoder. Thresholds are cosine similarities, -1 to 1."""

    numbers: int
    """Length of a vector."""
    change: float
    """`cut`: the speaker changes where the voices on both sides of a pause are less similar."""
    voice: float
    """`tag_speaker`: groups of clips of a shard that are as similar on average are one voice."""
    tone_voice: float
    """`tag_tone`: the same, for groups by gender."""
    speaker: float
    """`publish`: groups of clips of a dataset that are as similar on average are one speaker."""
    reference: float
    """`publish`: clips that are less similar to the reference are of somebody else."""
    file: float
    """`references add`: a file that is less similar to the others of its reference is of somebody else, or not speech alone."""


ENCODERS = {
    "campplus": Vectors(numbers=192, change=0.65, voice=0.6, tone_voice=0.7, speaker=0.6, reference=0.6, file=0.5),
    "resemblyzer": Vectors(numbers=256, change=0.9, voice=0.76, tone_voice=0.75, speaker=0.75, reference=0.84, file=0.75),
}
"""The encoders by the names in the column `voice_by`."""


def encoder_of(voice_by: str) -> str:
    """Returns the encoder of a vector, by the column `voice_by`. Tables from before there were two name none: that was Resemblyzer."""
    return voice_by or "resemblyzer"


def vectors_of(voice_by: str) -> Vectors:
    """Returns what is known of the vectors that an encoder made."""
    return ENCODERS[encoder_of(voice_by)]
