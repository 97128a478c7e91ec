"""The settings of `download`: retries, pauses, speed and licenses."""

from dataclasses import dataclass

from components.shared.http import Limits

UNKNOWN = "unknown"
"""Name in the setting for a license that the source does not state."""


class ItemError(Exception):
    """One item cannot be downloaded. The message is the reason in its row: one line, the same in
    every run, without secrets."""


@dataclass(frozen=True)
class Policy:
    """The checked settings of the stage."""

    retries: int
    backoff_seconds: float
    sleep_seconds: float
    max_sleep_seconds: float
    rate_limit_bytes: int
    licences: frozenset[str]
    """Allowed licenses in lower case; empty allows any."""
    youtube_clients: tuple[str, ...]
    """Player clients of yt-dlp, each tried if the one before was blocked."""
    max_bytes: int
    max_seconds: float
    timeout_minutes: float
    """Limits of one recording: its media file, its sound, and its download with its conversion. 0 is no limit."""

    @property
    def limits(self) -> Limits:
        """The settings as limits of an HTTP transfer."""
        return Limits(self.retries + 1, self.backoff_seconds, max_bytes_per_second=self.rate_limit_bytes)

    def check_length(self, seconds: float) -> None:
        """Raises ItemError if a recording is longer than `max_seconds`."""
        check_length(seconds, self.max_seconds)

    def check_licence(self, licence: str) -> None:
        """Raises ItemError unless this license, as the source states it, is allowed."""
        stated = " ".join(licence.split()) or UNKNOWN
        if self.licences and stated.casefold() not in self.licences:
            raise ItemError(f"license {stated} is not in download_licences")


def check_length(seconds: float, max_seconds: float) -> None:
    """Raises ItemError if a recording is longer than a limit; 0 is no limit."""
    if 0 < max_seconds < seconds:
        raise ItemError(f"longer than {max_seconds:g} s, the limit download_max_seconds")


def accepted_licences(text: str) -> frozenset[str]:
    """Parses a comma-separated list of licenses to lower case with single spaces."""
    return frozenset(name for part in text.split(",") if (name := " ".join(part.split()).casefold()))


def player_clients(text: str) -> tuple[str, ...]:
    """Parses a comma-separated list of player clients; empty is yt-dlp's own choice."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip().casefold()))) or ("default",)
