"""What `download` was told: how hard to try, how gently, and which licences may be fetched."""

from dataclasses import dataclass

from components.shared.http import Limits
from components.shared.task import StageError

UNKNOWN = "unknown"
"""How the setting names the absent licence."""


class ItemError(Exception):
    """One item cannot be had; the message is the reason for its row: one line, the same in every run, without secrets."""


@dataclass(frozen=True)
class Policy:
    """The settings of the stage, checked."""

    retries: int
    backoff_seconds: float
    sleep_seconds: float
    max_sleep_seconds: float
    rate_limit_bytes: int
    licences: frozenset[str]
    """In small letters; empty is any."""

    @property
    def limits(self) -> Limits:
        """The settings as limits of an HTTP transfer."""
        return Limits(self.retries + 1, self.backoff_seconds, max_bytes_per_second=self.rate_limit_bytes)

    def check_licence(self, licence: str) -> None:
        """Raises ItemError unless media under this licence, as its source states it, may be fetched."""
        stated = " ".join(licence.split()) or UNKNOWN
        if self.licences and stated.casefold() not in self.licences:
            raise ItemError(f"licence {stated} is not asked for")


def policy(
    retries: int, backoff_seconds: float, sleep_seconds: float, max_sleep_seconds: float, rate_limit_bytes: int, licences: str
) -> Policy:
    """The settings as the stage's parameters state them.

    Raises:
        StageError: A number is negative or the longest wait is the shorter one.
    """
    numbers = {
        "retries": retries,
        "backoff_seconds": backoff_seconds,
        "sleep_seconds": sleep_seconds,
        "max_sleep_seconds": max_sleep_seconds,
        "rate_limit_bytes": rate_limit_bytes,
    }
    for name, number in numbers.items():
        if number < 0:
            raise StageError(f"parameter download_{name}: expected 0 or more, found {number}")
    if max_sleep_seconds < sleep_seconds:
        least = f"at least download_sleep_seconds, {sleep_seconds}"
        raise StageError(f"parameter download_max_sleep_seconds: expected {least}, found {max_sleep_seconds}")
    wanted = frozenset(name for part in licences.split(",") if (name := " ".join(part.split()).casefold()))
    return Policy(retries, backoff_seconds, sleep_seconds, max_sleep_seconds, rate_limit_bytes, wanted)
