"""The voices that a speaker's clips are made of: one in the studio and one on the telephone, of ids that a person merged.

Their common mean is near to neither, so new clips are compared with each of them.
"""

from collections.abc import Iterable, Mapping

from components.publish.speakers import encoder_of, grouped
from components.shared.encoders import vectors_of
from components.shared.rows import DatasetRow
from components.shared.voices import Voice

_STAND_IN = 10**9
"""Ids from this number on stand for parts of a speaker while clips are named; no dataset gives as many."""


def parts(rows: Iterable[DatasetRow], join_similarity: float) -> list[Voice]:
    """The voices in a speaker's clips, by the clustering that names speakers; the longest first. Clips without a vector do not count."""
    heard = sorted((r for r in rows if r.vector), key=lambda r: (-r.samples, r.clip))
    voices, _ = grouped(heard, vectors_of(encoder_of(heard)), join_similarity) if heard else ([], None)
    return sorted(voices, key=lambda v: -v.seconds)


def in_parts(
    known: Mapping[str, Voice], rows: Iterable[DatasetRow], merged: Mapping[str, str], join_similarity: float
) -> tuple[dict[str, Voice], dict[str, str]]:
    """The known voices, with those of speakers that others were merged into as their parts; and the speaker of each id that is not one.

    `merged` are the ids that were merged, with the ids that they were merged into.
    """
    targets, meant = set(merged.values()), dict(merged)
    own: dict[str, list[DatasetRow]] = {target: [] for target in targets}
    for row in rows:
        if row.speaker in own:
            own[row.speaker].append(row)
    found = {speaker: voice for speaker, voice in known.items() if not own.get(speaker)}
    for target in sorted(targets):
        for voice in parts(own[target], join_similarity):
            stand_in = f"s{_STAND_IN + len(meant)}"
            found[stand_in], meant[stand_in] = voice, target
    return found, meant
