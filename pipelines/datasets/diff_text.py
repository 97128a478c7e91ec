"""What a difference of two versions says, in words: for the terminal and for the page."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.shared.rules import SETTINGS
from pipelines.datasets.diff import Diff

NAMES = {
    "added": "new",
    "removed": "gone",
    "rejected": "kept before, rejected now",
    "kept": "rejected before, kept now",
    "other_reason": "rejected for another reason",
    "speaker": "other speaker",
    "measured": "measured anew",
}
"""Words for the kinds of change of clips."""
_MOST = 10


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, such as 0:02:59.99, with a sign if negative."""
    hundredths = round(100 * abs(seconds))
    sign = "-" if seconds < 0 else ""
    return f"{sign}{hundredths // 360_000}:{hundredths // 6000 % 60:02d}:{hundredths % 6000 / 100:05.2f}"


def causes(found: Diff) -> Iterator[str]:
    """Lines that say why the versions differ."""
    said = found.causes
    for rolled in said.get("rolled_back", []):
        yield f"version {rolled['version']} went back to version {rolled['to']}"
    if "sources" in said:
        yield "the list of sources is another one"
    yield from _recordings(said.get("recordings", {}))
    for name, (old, new) in said.get("rules", {}).items():
        yield f"rule {name}: {_rule(name, old)} before, {_rule(name, new)} now"
    for moved in said.get("moved", []):
        rule = f" (rule {moved['rule']})" if moved["rule"] else ""
        yield f"{_reason(moved['from'])} → {_reason(moved['to'])}{rule}: {moved['clips']} clips, {clock(moved['seconds'])}"
    for stage, parts in said.get("stages", {}).items():
        yield from _stage(stage, parts)
    yield from _speakers(said.get("speakers", {}))


def by_value(found: Diff, column: str) -> list[tuple[str, float, float]]:
    """The values whose kept seconds differ, with these before and after; those that changed most come first."""
    old, new = found.kept_seconds[column]
    if not {*old, *new} - {""}:  # nobody measured it
        return []
    values = [v for v in {*old, *new} if old.get(v, 0.0) != new.get(v, 0.0)]
    values.sort(key=lambda v: (-abs(new.get(v, 0) - old.get(v, 0)), -old.get(v, 0), v))
    return [(v, old.get(v, 0.0), new.get(v, 0.0)) for v in values]


def _recordings(said: Mapping[str, Any]) -> Iterator[str]:
    for what, name in (("added", "new"), ("removed", "gone")):
        if own := said.get(what):
            channels = [f"{channel or 'no channel'} {count}" for channel, count in list(own["channels"].items())[:_MOST]]
            named = f": {', '.join(channels)}" if own["channels"].keys() - {""} else ""
            yield f"recordings that are {name}: {own['recordings']}, {clock(own['seconds'])}{named}"
    replaced = said.get("replaced", [])
    for row in replaced[:_MOST]:
        yield f"replaced: {row['title'] or row['url']} ({row['recording']}): {row['why']}"
    if len(replaced) > _MOST:
        yield f"replaced: {len(replaced) - _MOST} more recordings"
    if said.get("made_again"):
        yield f"recordings that were made again from the same files: {said['made_again']}"


def _stage(stage: str, parts: Mapping[str, Any]) -> Iterator[str]:
    for part, name in (("models", "model"), ("settings", "setting")):
        for key, (old, new) in parts.get(part, {}).items():
            yield f"{stage}: {name} {key}: {_value(old)} before, {_value(new)} now"
    if "image" in parts:
        yield f"{stage}: other code, image {_value(parts['image'][1])}"


def _speakers(said: Mapping[str, Any]) -> Iterator[str]:
    undone = "undone: " if said.get("undone") else ""
    for row in said.get("corrections", []):
        yield f"{undone}{correction(row)} (version {row['version']})"
    for speaker, (old, new) in said.get("names", {}).items():
        yield f"name of {speaker}: {_value(old)} before, {_value(new)} now"


def correction(said: Mapping[str, Any]) -> str:
    """What a person corrected in a version."""
    if said["action"] == "review":
        lost = f"; of {said['lost']} answers something has no place" if said["lost"] else ""
        return f"reviewed: {said['clips']} clips have a person's word{lost}"
    if said["action"] == "name":
        return f"corrected: {said['speaker']} was named {said['name']}"
    if said["action"] == "merge":
        return f"corrected: {', '.join(said['clips'])} merged into {said['into']}"
    return f"corrected: {said['clips']['clips']} clips of {said['speaker']} split off as {said['into']}"


def _reason(reason: str) -> str:
    return reason.replace("_", " ")


def _rule(name: str, value: Any) -> str:
    neutral = next((s.neutral for s in SETTINGS if s.name == name), None)
    return "off" if value in (None, "", neutral) else str(value)


def _value(value: Any) -> str:
    return "none" if value in (None, "", {}, []) else str(value)
