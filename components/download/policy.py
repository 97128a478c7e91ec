"""The settings of `download` as its parts use them: retries, pauses, and accepted licences."""

from dataclasses import dataclass

from components.shared.http import Limits

UNKNOWN = "unknown"
"""Name of a missing licence in the setting."""


class ItemError(Exception):
    """An item cannot be downloaded. The message becomes the reason in its row: one line, the same in every run, without secrets."""


@dataclass(frozen=True)
class Policy:
    """The settings of the stage, after their check."""

    retries: int
    backoff_seconds: float
    sleep_seconds: float
    max_sleep_seconds: float
    rate_limit_bytes: int
    licences: frozenset[str]
    """In lower case; an empty set accepts all."""

    @property
    def limits(self) -> Limits:
        """The settings as limits of an HTTP transfer."""
        return Limits(self.retries + 1, self.backoff_seconds, max_bytes_per_second=self.rate_limit_bytes)

    def check_licence(self, licence: str) -> None:
        """Raises ItemError unless this licence, as the source states it, is accepted."""
        stated = " ".join(licence.split()) or UNKNOWN
        if self.licences and stated.casefold() not in self.licences:
            raise ItemError(f"licence {stated} is not asked for")


def accepted_licences(text: str) -> frozenset[str]:
    """The licences of a comma-separated list, in lower case, with single spaces."""
    return frozenset(name for part in text.split(",") if (name := " ".join(part.split()).casefold()))
