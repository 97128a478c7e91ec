"""Applies the rules: which clips are kept, and the reason of each rejected one."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from components.publish.identities import Identities
from components.publish.repeats import heard_before
from components.publish.settings import names
from components.shared.rows import DatasetRow
from components.shared.rules import CALMEST, DOMINANT, MOST_AROUSED, REPEATS, RULES, SPEAKER_ID, Names, Number, Setting
from components.shared.task import StageError
from store.repeats import Repeat

DUPLICATE = "duplicate"
"""The reason of a clip of a recording with the same media as an earlier one."""

Wanted = Mapping[str, Any]
"""The value of each setting by its name, as `parse` makes it."""


_NOTHING = Identities()


def parse(settings: Mapping[str, str | float | bool]) -> Wanted:
    """The settings with each list of names as a tuple of names in lowercase."""
    return {name: names(value) if isinstance(value, str) else value for name, value in settings.items()}


def resolved(
    wanted: Wanted, rows: Iterable[DatasetRow], dominant: str, given: int, decided: Identities = _NOTHING, voices: Collection[str] = ()
) -> Wanted:
    """Replaces the names that mean something else in each dataset: dominant, calmest and most_aroused, and names of speakers.

    A tone of one speaker only becomes a pair of the speaker's id and the tone. `dominant` is an id or "", `given` is the number of
    ids that the dataset has given, and `voices` are the names of the store's voices: one that is not heard yet keeps no clip.
    Raises StageError if the settings hold an id or a name that does not exist.
    """
    speakers, tones, names = wanted["speakers"], wanted["tones"], {*decided.names.values(), *voices}
    if unknown := [name for name in speakers if name not in (DOMINANT, *names) and not _was_given(name, given)]:
        there = f"it has s0001 to s{given:04d}" if given else "it has none yet"
        more = f", and there are the names {', '.join(sorted(names))}" if names else ""
        raise StageError(f"publish_speakers: expected speakers of the dataset, found {', '.join(unknown)}: {there}{more}")
    last: dict[str, int] = {}
    for row in rows:
        if cluster := re.fullmatch(r"tone-(\d+)", row.tone):
            last[row.speaker] = max(last.get(row.speaker, 0), int(cluster[1]))
    most_aroused = [(speaker, f"tone-{number}") for speaker, number in last.items() if MOST_AROUSED in tones]
    return {
        **wanted,
        "speakers": tuple(s for name in speakers for s in ([dominant] if name == DOMINANT else _ids(name, decided))),
        "tones": (*("tone-1" if name == CALMEST else name for name in tones), *most_aroused),
    }


def _was_given(name: str, given: int) -> bool:
    """Whether a name is an id that the dataset has given."""
    return bool(re.fullmatch(SPEAKER_ID, name)) and 1 <= int(name[1:]) <= given


def _ids(name: str, decided: Identities) -> list[str]:
    """The ids of speakers that an id or a name means. A name that no speaker has yet means itself, so that the rule keeps nothing."""
    return [s for s, n in decided.names.items() if n == name] or [decided.merged.get(name, name)]


def check_measured(rows: Collection[DatasetRow], wanted: Wanted) -> None:
    """Raises StageError if a rule looks at a column that no clip has a value in. Accepts a dataset without clips."""
    for rule in RULES:
        if rows and rule.needs and _is_set(rule, wanted) and not any(_is_measured(rule, r) for r in rows):
            raise StageError(
                f"publish_{rule.name}: expected clips with a value in {rule.column}, found none in {len(rows)} clips: "
                f"enable {rule.needs}, with discover_again for recordings that the dataset already has, or leave out the rule"
            )


def select(rows: Iterable[DatasetRow], wanted: Wanted, duplicates: Collection[str], repeats: Iterable[Repeat] = ()) -> list[DatasetRow]:
    """All rows of the dataset with `kept` and `reason` as the rules decide, by the settings that `resolved` returned."""
    active = [rule for rule in RULES if _is_set(rule, wanted)]
    found = [(row, _reason(row, wanted, duplicates, active)) for row in rows]
    kept = (row for row, reason in found if not reason)
    before = heard_before(kept, repeats, wanted["min_repeat_seconds"]) if wanted["refuse_repeats"] else {}
    reasons = ((row, f"{REPEATS}:{before[row.clip]}" if row.clip in before else reason) for row, reason in found)
    return [replace(row, kept=not reason, reason=reason) for row, reason in reasons]


def _is_set(rule: Setting, wanted: Wanted) -> bool:
    """Whether a rule can reject a clip."""
    return wanted[rule.name] not in ((), rule.neutral)


def _reason(row: DatasetRow, wanted: Wanted, duplicates: Collection[str], active: Iterable[Setting]) -> str:
    """The reason of the first rule that rejects a clip, or ""."""
    if row.recording in duplicates:
        return DUPLICATE
    return next((rule.reason for rule in active if _rejects(rule, row, wanted[rule.name])), "")


def _is_measured(rule: Setting, row: DatasetRow) -> bool:
    column = rule.filled_by or rule.column
    return getattr(row, column) not in ("", None)


def _rejects(rule: Setting, row: DatasetRow, wanted: Any) -> bool:
    value = getattr(row, rule.column) if _is_measured(rule, row) else rule.absent
    if value is None:
        return True
    if isinstance(rule, Number):
        limit = wanted if rule.scale == 1 else round(wanted * rule.scale)
        return bool(value > limit if rule.at_most else value < limit)
    assert isinstance(rule, Names)
    return _names_of(rule, value.casefold(), row).isdisjoint(wanted) != rule.rejects


def _names_of(rule: Names, value: str, row: DatasetRow) -> set[str | tuple[str, str]]:
    """All names by which a rule may mean the value that a clip has in the rule's column."""
    if rule.column == "language":  # en-us is en, too
        parts = value.split("-")
        return {"-".join(parts[: i + 1]) for i in range(len(parts))}
    if rule.column == "text_flags":
        return set(value.split(","))
    return {value, (row.speaker, value)} if rule.column == "tone" else {value}
