"""The state of a medium at its source: what the source says of its bytes, as one text. A replaced file has another state."""

from collections.abc import Mapping

from components.shared.task import one_line

_MOST = 100
"""Characters of one part; servers may send more."""


def state_of(**said: object) -> str:
    """Returns a state, such as `bytes 44144; etag "a1"`. Parts that are empty or 0 are left out."""
    texts = {name: one_line(value or "").replace(";", ",")[:_MOST].strip() for name, value in said.items()}
    return "; ".join(f"{name} {text}" for name, text in texts.items() if text)


def stated_by(headers: Mapping[str, str]) -> str:
    """Returns the state that a response over HTTP states of its file; the file may be longer than the response.

    A time of change that is the time of the response is made up for it and is left out.
    """
    modified = headers.get("Last-Modified", "")
    size = headers.get("Content-Range", headers.get("Content-Length", "")).rpartition("/")[2].strip()
    whole = size.isascii() and size.isdecimal() and "Content-Encoding" not in headers
    return state_of(
        etag=headers.get("ETag", "").removeprefix("W/"),
        modified="" if modified == headers.get("Date") else modified,
        bytes=int(size[:_MOST]) if whole else 0,
    )


def parts_of(state: str) -> dict[str, str]:
    """Returns the parts of a state by name."""
    return dict(part.partition(" ")[::2] for part in state.split("; ")) if state else {}


def joined(before: str, now: str) -> str:
    """Returns what two states say together; `now` counts where both say something."""
    return state_of(**(parts_of(before) | parts_of(now)))


def change(before: str, now: str) -> str:
    """Returns how two states differ in what both say, or "". If both have an ETag, it alone decides."""
    old, new = parts_of(before), parts_of(now)
    shared = [name for name in new if name in old]
    deciding = ["etag"] if "etag" in shared else shared
    return ", ".join(f"{name} {new[name]}, before {old[name]}" for name in deciding if new[name] != old[name])
