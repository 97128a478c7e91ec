"""Puts the clips of an export into splits, such as train, dev and test, by a hash of their speaker or of their recording.

The hash depends on nothing else. So a speaker's clips are in one split, also in later versions, and more speakers move nobody.
"""

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction

SPEAKER, RECORDING = "speaker", "recording"
WHOLE = "train"
"""The only split of an export that was not split."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Splits:
    """The splits of an export with their shares of all speakers or recordings. The shares are above 0, and their sum is 1."""

    shares: tuple[tuple[str, Fraction], ...]
    by: str
    """SPEAKER or RECORDING."""

    def of(self, speaker: str, recording: str) -> str:
        """The split of a clip. One whose speaker is unknown goes by its recording."""
        key = f"{SPEAKER} {speaker}" if self.by == SPEAKER and speaker else f"{RECORDING} {recording}"
        place = Fraction(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]), 2**64)
        for name, share in self.shares:
            if place < share:
                return name
            place -= share
        return self.shares[-1][0]

    def __str__(self) -> str:
        return f"{','.join(f'{name}={float(share):g}' for name, share in self.shares)} by {self.by}"


def parse(text: str, by: str) -> Splits:
    """Reads splits such as train=0.9,dev=0.05,test=0.05. Raises ValueError, with what is wrong, if they are not such."""
    shares = []
    for part in text.split(","):
        name, _, share = (word.strip() for word in part.partition("="))
        if not _NAME.fullmatch(name):
            raise ValueError(f"expected names of letters, digits and _, such as train=0.9,test=0.1, found {part.strip()!r}")
        try:
            shares.append((name, Fraction(share)))
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"expected a share of all, such as {name}=0.9, found {part.strip()!r}") from None
    if len({name for name, _ in shares}) < len(shares):
        raise ValueError(f"expected every name once, found {text}")
    if any(share <= 0 for _, share in shares) or sum(share for _, share in shares) != 1:
        raise ValueError(f"expected shares above 0 whose sum is 1, found {text} with the sum {float(sum(s for _, s in shares)):g}")
    return Splits(tuple(shares), by)
