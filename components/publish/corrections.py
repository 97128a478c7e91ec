"""Corrections that a person makes of a dataset's speakers: a name, two ids that are one voice, one id that is two.

A correction is applied to all rows of the newest version, within the commit of the next one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.publish import speakers as naming
from components.publish.identities import Identities
from components.shared.encoders import vectors_of
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.task import StageError, one_line
from components.shared.voices import Voice, table


@dataclass(frozen=True)
class Speakers:
    """All clips of a dataset, with what is decided of its speakers."""

    rows: list[DatasetRow]
    decided: Identities
    given: int
    """Number of ids that the dataset has given."""
    known: Mapping[str, Voice]
    """The voices of all ids, those that have no clip any more too."""


Correction = Callable[[Speakers], tuple[Speakers, dict[str, Any]]]
"""Returns the corrected speakers, and what was done, for the lineage. Raises StageError if it cannot be done."""


def naming_of(speaker: str, name: str, reference: str) -> Correction:
    """Gives a speaker a name, which another one of the dataset loses. `reference` is `<name>/<version>` of the voice in the store."""

    def correct(now: Speakers) -> tuple[Speakers, dict[str, Any]]:
        check_speakers(now.rows, now.decided, [speaker])
        before = [s for s, n in now.decided.names.items() if n == name and s != speaker]
        names = {s: n for s, n in now.decided.names.items() if s not in before} | {speaker: name}
        decided = replace(now.decided, names=names, unnamed=(now.decided.unnamed | set(before)) - {speaker})
        return replace(now, decided=decided), {"action": "name", "speaker": speaker, "name": name, "reference": reference, "before": before}

    return correct


def merge_of(into: str, others: Sequence[str]) -> Correction:
    """Gives all clips of `others` the id `into`, which takes the first name there is. Later clips near to `others` get it, too."""

    def correct(now: Speakers) -> tuple[Speakers, dict[str, Any]]:
        if into in others or len(set(others)) != len(others) or not others:
            raise StageError(f"expected two speakers or more, each once, found {', '.join([into, *others])}")
        check_speakers(now.rows, now.decided, [into, *others])
        clips = {s: _amount(r for r in now.rows if r.speaker == s) for s in others}
        rows = [replace(r, speaker=into) if r.speaker in clips else r for r in now.rows]
        name = next((now.decided.names[s] for s in (into, *others) if s in now.decided.names), "")
        names = {s: n for s, n in now.decided.names.items() if s not in clips} | ({into: name} if name else {})
        merged = {s: into if t in clips else t for s, t in now.decided.merged.items()} | dict.fromkeys(others, into)
        unnamed = now.decided.unnamed - set(others) - ({into} if name else set())
        return replace(now, rows=rows, decided=Identities(names, merged, unnamed)), {"action": "merge", "into": into, "clips": clips}

    return correct


def split_of(speaker: str, clips: Collection[str]) -> Correction:
    """Gives some clips of a speaker a new id. Of the voices that were merged into it, those nearer to these clips go with them."""

    def correct(now: Speakers) -> tuple[Speakers, dict[str, Any]]:
        check_speakers(now.rows, now.decided, [speaker])
        _check_clips(now.rows, speaker, clips)
        new = f"s{now.given + 1:04d}"
        rows = [replace(r, speaker=new) if r.clip in clips else r for r in now.rows]
        of = vectors_of(naming.encoder_of(rows))
        heard, merged = naming.voices(r for r in rows if r.speaker in (speaker, new)), dict(now.decided.merged)
        for other, target in now.decided.merged.items():
            if target == speaker and other in now.known:
                pair = now.known[other].similarities(*table([heard[new], heard[speaker]]), of)
                merged[other] = new if pair[0] > pair[1] else speaker
        decided = replace(now.decided, merged=merged, unnamed=now.decided.unnamed | {new})
        said = {"action": "split", "speaker": speaker, "into": new, "clips": _amount(r for r in rows if r.speaker == new)}
        return replace(now, rows=rows, decided=decided, given=now.given + 1), said

    return correct


def check_speakers(rows: Iterable[DatasetRow], decided: Identities, speakers: Sequence[str]) -> None:
    """Raises StageError unless each id has clips."""
    there = sorted({r.speaker for r in rows} - {""}, key=lambda s: int(s[1:]))
    if not (missing := [s for s in speakers if s not in there]):
        return
    shown = f"{', '.join(there[:10])}{f' and {len(there) - 10} more' if len(there) > 10 else ''}" if there else "no speakers"
    merged = [f"{s} was merged into {decided.merged[s]}" for s in missing if s in decided.merged]
    raise StageError(
        f"expected speakers that have clips, found {one_line(', '.join(missing))}: {'; '.join([*merged, f'there are {shown}'])}"
    )


def _amount(rows: Iterable[DatasetRow]) -> dict[str, Any]:
    samples = [r.samples for r in rows]
    return {"clips": len(samples), "seconds": sum(samples) / SAMPLE_RATE_HZ}


def _check_clips(rows: Sequence[DatasetRow], speaker: str, clips: Collection[str]) -> None:
    """Raises StageError unless the clips are some of the speaker's, but not all."""
    speakers = {r.clip: r.speaker for r in rows}
    wrong = [(c, f"is of {speakers[c] or 'no speaker'}" if c in speakers else "is not there") for c in sorted(clips)]
    if wrong := [(c, why) for c, why in wrong if speakers.get(c) != speaker]:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise StageError(f"expected clips of {speaker}, found {one_line(wrong[0][0])}, which {wrong[0][1]}{more}")
    own = sum(s == speaker for s in speakers.values())
    if not 0 < len(clips) < own:
        raise StageError(
            f"expected some of the {own} clips of {speaker}, found {len(clips) or 'none'}: a new speaker needs one, and {speaker} too"
        )
