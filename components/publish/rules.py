"""Applies the rules: which clips are kept, and the reason of each rejected one."""

import functools
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.publish.identities import Identities
from components.publish.settings import names
from components.shared.review import HUMAN
from components.shared.rules import CALMEST, DOMINANT, MOST_AROUSED, RULES, SPEAKER_ID, Bounds, Names, Number, Setting
from components.shared.task import StageError

DUPLICATE = "duplicate"
"""The reason of a clip of a recording with the same media as an earlier one."""

OF_TEXTS = ("text_flags", "confidence", "text_agreement", "characters_per_second")
"""Columns that say how much an engine's text can be trusted."""

Wanted = Mapping[str, Any]
"""The value of each setting by its name, as `parse` makes it."""

_NOTHING = Identities()


def parse(settings: Mapping[str, str | float | bool]) -> Wanted:
    """The settings with each list of names as a tuple of names in lowercase."""
    return {name: names(value) if isinstance(value, str) else value for name, value in settings.items()}


def resolved(
    wanted: Wanted,
    last_tones: Mapping[str, int],
    dominant: str,
    given: int,
    decided: Identities = _NOTHING,
    voices: Collection[str] = (),
) -> Wanted:
    """Replaces the names that mean something else in each dataset: dominant, calmest and most_aroused, and names of speakers.

    A tone of one speaker only becomes a pair of the speaker's id and the tone. `last_tones` are the numbers of each speaker's last
    cluster, `dominant` is an id or "", `given` is the number of ids that the dataset has given, and `voices` are the names of the
    store's voices: one that is not heard yet keeps no clip. Raises StageError if the settings hold an id or a name that does not
    exist.
    """
    speakers, tones, names = wanted["speakers"], wanted["tones"], {*decided.names.values(), *voices}
    if unknown := [name for name in speakers if name not in (DOMINANT, *names) and not was_given(name, given)]:
        there = f"it has s0001 to s{given:04d}" if given else "it has none yet"
        more = f", and there are the names {', '.join(sorted(names))}" if names else ""
        raise StageError(f"publish_speakers: expected speakers of the dataset, found {', '.join(unknown)}: {there}{more}")
    most_aroused = [(speaker, f"tone-{number}") for speaker, number in sorted(last_tones.items()) if MOST_AROUSED in tones]
    return {
        **wanted,
        "speakers": tuple(s for name in speakers for s in ([dominant] if name == DOMINANT else _ids(name, decided))),
        "tones": (*("tone-1" if name == CALMEST else name for name in tones), *most_aroused),
    }


def last_tones(tables: Iterable[pa.Table]) -> dict[str, int]:
    """The number of the last tone cluster of each speaker, from tables with the columns `speaker` and `tone`."""
    last: dict[str, int] = {}
    for table in tables:
        pairs = table.group_by(["speaker", "tone"], use_threads=False).aggregate([]).to_pydict()
        for speaker, tone in zip(pairs["speaker"], pairs["tone"], strict=True):
            if cluster := re.fullmatch(r"tone-(\d+)", tone):
                last[speaker] = max(last.get(speaker, 0), int(cluster[1]))
    return last


def was_given(name: str, given: int) -> bool:
    """Whether a name is an id that the dataset has given."""
    return bool(re.fullmatch(SPEAKER_ID, name)) and 1 <= int(name[1:]) <= given


def _ids(name: str, decided: Identities) -> list[str]:
    """The ids of speakers that an id or a name means. A name that no speaker has yet means itself, so that the rule keeps nothing."""
    return [s for s, n in decided.names.items() if n == name] or [decided.merged.get(name, name)]


def active(wanted: Wanted) -> list[Setting]:
    """The rules that can reject a clip."""
    return [rule for rule in RULES if wanted[rule.name] not in ((), rule.neutral)]


def columns(rules: Iterable[Setting]) -> set[str]:
    """The columns of DatasetRow that rules look at, and those of a person's word."""
    found = list(rules)
    bounded = {c for rule in found if isinstance(rule, Bounds) for c in rule.bounds}
    return {"reject_truth", "text_source", *bounded} | {
        c for rule in found for c in (rule.column, rule.filled_by, "speaker" if rule.column == "tone" else "") if c
    }


def check_measured(wanted: Wanted, clips: int, has_value: Callable[[str], bool]) -> None:
    """Raises StageError if a rule looks at a column that no clip has a value in. Accepts a dataset without clips."""
    for rule in active(wanted):
        if clips and rule.needs and not has_value(rule.filled_by or rule.column):
            raise StageError(
                f"publish_{rule.name}: expected clips with a value in {rule.column}, found none in {clips} clips: "
                f"enable {rule.needs}, with discover_again for recordings that the dataset already has, or leave out the rule"
            )


def reasons(rows: pa.Table, wanted: Wanted, duplicates: Collection[str]) -> pa.Array:
    """The reason of the first rule that rejects each clip, or "", by the settings that `resolved` returned.

    A person's word comes before the rules: a clip that one rejected is rejected, and no rule about transcripts rejects a text that one
    confirmed or corrected.

    `rows` has the columns `recording` and those that `columns` returns for the rules, as in DatasetRow.
    """
    found = pc.if_else(pc.is_in(rows["recording"], value_set=pa.array(sorted(duplicates), pa.string())), DUPLICATE, "")
    by_person = pc.and_(pc.equal(found, ""), measured(rows["reject_truth"]))
    found = pc.if_else(by_person, pc.binary_join_element_wise(HUMAN, rows["reject_truth"], ":"), found)
    of_person = pc.equal(rows["text_source"], HUMAN)
    for rule in active(wanted):
        rejected = pc.and_(pc.equal(found, ""), _rejected(rule, rows, wanted[rule.name]))
        if rule.column in OF_TEXTS:
            rejected = pc.and_(rejected, pc.invert(of_person))
        found = pc.if_else(rejected, rule.reason, found)
    return found.combine_chunks()


def measured(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which clips have a value in a column: they are neither null nor ""."""
    there = pc.is_valid(column)
    return pc.and_(there, pc.not_equal(pc.fill_null(column, ""), "")) if pa.types.is_string(column.type) else there


def _rejected(rule: Setting, rows: pa.Table, wanted: Any) -> pa.ChunkedArray:
    """Which clips a rule rejects."""
    there, column = measured(rows[rule.filled_by or rule.column]), rows[rule.column]
    if rule.absent is None:
        return pc.or_(pc.invert(there), pc.fill_null(_beyond(rule, column, rows, wanted), True))
    present = pc.if_else(there, column, pa.scalar(rule.absent, column.type))
    return pc.fill_null(_beyond(rule, present, rows, wanted), True)


def _beyond(rule: Setting, values: pa.ChunkedArray, rows: pa.Table, wanted: Any) -> Any:
    """Which of some values a rule rejects; null where there is none."""
    if isinstance(rule, Number):
        limit = wanted if rule.scale == 1 else round(wanted * rule.scale)
        return pc.greater(values, limit) if rule.at_most else pc.less(values, limit)
    if isinstance(rule, Bounds):
        reached = [pc.fill_null(pc.greater_equal(rows[c], bound), False) for c, bound in rule.given(wanted).items()]
        return functools.reduce(pc.or_, reached)
    assert isinstance(rule, Names)
    codes = values.combine_chunks().dictionary_encode()
    if rule.column == "tone":
        return _tones_beyond(codes, rows["speaker"].combine_chunks().dictionary_encode(), wanted)
    beyond = [_names_of(rule, value.casefold()).isdisjoint(wanted) != rule.rejects for value in codes.dictionary.to_pylist()]
    return pa.array(beyond, pa.bool_()).take(codes.indices)


def _tones_beyond(tones: pa.DictionaryArray, speakers: pa.DictionaryArray, wanted: Collection[Any]) -> pa.Array:
    """Which clips are in none of the wanted tones; a tone may be wanted of one speaker only."""
    names, ids = [t.casefold() for t in tones.dictionary.to_pylist()], speakers.dictionary.to_pylist()
    if not len(tones):
        return pa.array([], pa.bool_())
    beyond: NDArray[np.bool_] = np.array([[not {tone, (speaker, tone)} & set(wanted) for tone in names] for speaker in ids], bool)
    return pa.array(beyond[speakers.indices.to_numpy(), tones.indices.to_numpy()])


def _names_of(rule: Names, value: str) -> set[str]:
    """All names by which a rule may mean the value that a clip has in the rule's column."""
    if rule.column == "language":  # en-us is en, too
        parts = value.split("-")
        return {"-".join(parts[: i + 1]) for i in range(len(parts))}
    return set(value.split(",")) if rule.column == "text_flags" else {value}
