"""Kinds of refusals: why a host does not give a recording, when to ask again, and what a person can do.

The reason in a recording's row begins with the name of its kind: `members_only: Join this channel …`.
"""

import re
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A kind of refusal."""

    name: str
    said: str
    """Regular expression for the text of the error, in lower case."""
    wait_hours: float
    """Time until a run asks again; it doubles with each further failure, up to a week. 0: the next run asks; NEVER: no run does."""
    counts: bool
    """Whether it counts as a failed attempt. What says nothing about the recording itself, or will pass, does not."""
    advice: str


NEVER = float("inf")
MAX_WAIT_HOURS = 7 * 24.0
BLOCKED, NO_FORMATS = "blocked", "no_formats"
_COOKIES = "give cookies of an account that can play it (docs/crawls.md), then run with discover_wait off"

REFUSALS = (
    Refusal(
        BLOCKED,
        "confirm you.{0,3}re not a bot|rate-limited by youtube|isn.t available, try again later|captcha|http (error )?429"
        "|unable to download video data: http error 403|failed to extract any player response|the page needs to be reloaded"
        "|only images are available",
        2,
        False,
        "the host refuses this crawler, not the recording: wait, raise download_sleep_seconds, give cookies or a PO-token server "
        "(docs/crawls.md), or crawl from another address",
    ),
    Refusal(
        NO_FORMATS,
        "no video formats found|requested format is not available",
        24,
        True,
        "YouTube gave no sound: update yt-dlp (make bump-yt-dlp), or give a PO-token server (docs/crawls.md)",
    ),
    Refusal("upcoming", "premieres in|premiere will|live event will begin", 6, False, "a later run fetches it"),
    Refusal("live", "live stream, which has not ended", 6, False, "a later run fetches its recording"),
    Refusal(
        "processing",
        "processing this video|live stream recording is not available|live event has ended|check back later",
        6,
        False,
        "its host still works on it: a later run fetches it",
    ),
    Refusal("age_restricted", "confirm your age|age-restricted|inappropriate for some users", 24, True, _COOKIES),
    Refusal("members_only", "join this channel|members-only|members on level|this channel's members", 24, True, _COOKIES),
    Refusal("paid", r"requires payment|purchase|\brent(al)?\b|premium members|youtube premium", NEVER, True, "it is sold: leave it out"),
    Refusal(
        "region_locked",
        "in your country|from your location|geo.?restrict|http (error )?451",
        24,
        True,
        "it is not available where the crawler runs: set HTTPS_PROXY to a proxy in an allowed country",
    ),
    Refusal("private", "private video|video is private", 24, True, _COOKIES),
    Refusal(
        "removed",
        "has been removed|no longer available|account .{0,60}terminated|closed .{0,20}account|does not exist|copyright claim|violating"
        "|been deleted",
        NEVER,
        True,
        "it is gone: take it from the list of sources",
    ),
    Refusal("sign_in", r"sign in|\blog ?in\b", 24, True, _COOKIES),
    Refusal("protected", r"\bdrm\b", NEVER, True, "it is encrypted: leave it out"),
    Refusal(
        "unavailable",
        "video (is )?unavailable|video is not available|content isn.t available",
        24,
        True,
        "play it in a browser to see why",
    ),
    Refusal("missing", r"http (error )?(404|410)\b", 0, True, "its link is dead: look for a newer one at its source"),
    Refusal(
        "forbidden",
        r"http (error )?40[13]\b",
        0,
        True,
        "its server wants a login, or its link has expired: give SPEECHMILL_LOGINS, or list it anew",
    ),
    Refusal(
        "unreachable",
        r"http (error )?5\d\d|no answer in time|connection (failed|broke)|timed out|host is not found"
        "|unable to download (api page|webpage)",
        0,
        True,
        "its server does not answer: a later run tries again",
    ),
)
"""All kinds. The first one whose expression is found in an error is its kind."""
_BY_NAME = {kind.name: kind for kind in REFUSALS}


def named(reason: str) -> str:
    """Returns the reason of a failed download with the name of its kind before it; unchanged if it is of none."""
    text = reason.casefold()
    kind = next((k for k in REFUSALS if re.search(k.said, text)), None)
    return f"{kind.name}: {reason}" if kind else reason


def host_of(kind: str, url: str) -> str:
    """Returns the host that a recording of a kind of source is asked of, in lower case; "" if there is none or the URL is invalid."""
    if kind == "youtube":
        return "youtube.com"
    try:
        return urllib.parse.urlsplit(url).hostname or "" if "://" in url else ""
    except ValueError:  # invalid brackets
        return ""


def refusal(reason: str) -> Refusal | None:
    """Returns the kind of refusal with which a reason begins, or None."""
    return _BY_NAME.get(reason.partition(":")[0])


def wait_hours(reason: str, times: int) -> float:
    """Returns how long no run asks again after a recording failed `times` times, for the last time with this reason; 0 without a kind."""
    kind = refusal(reason)
    return min(MAX_WAIT_HOURS, kind.wait_hours * 2.0 ** (min(times, 20) - 1)) if kind else 0.0


@dataclass(frozen=True)
class Group:
    """The recordings that failed for one reason."""

    name: str
    """The kind of refusal, or the reason if it is of none."""
    count: int
    advice: str
    """What a person can do; empty if nothing is known."""


def group_of(reason: str) -> str:
    """Returns the name of the group of a reason: its kind of refusal, or the reason itself."""
    kind = refusal(reason)
    return kind.name if kind else reason


def grouped(reasons: Iterable[str]) -> list[Group]:
    """Returns one group for each kind of refusal, and one for each other reason, the largest first."""
    ordered = sorted(Counter(map(group_of, reasons)).items(), key=lambda found: (-found[1], found[0]))
    return [Group(name, count, _BY_NAME[name].advice if name in _BY_NAME else "") for name, count in ordered]


def by_kind(reasons: Iterable[str]) -> dict[str, int]:
    """Returns the number of recordings of each kind of refusal, of those that occur, as `refused_<kind>`."""
    return {f"refused_{group.name}": group.count for group in grouped(reasons) if group.name in _BY_NAME}
