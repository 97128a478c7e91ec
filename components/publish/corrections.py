"""Corrections that a person makes of a dataset's speakers: a name, two ids that are one voice, one id that is two.

A correction is applied to all clips of the newest version, within the commit of the next one.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.publish.draft import Draft, with_column
from components.publish.identities import Identities
from components.publish.speakers import Voices, clips_of, has_vector
from components.shared.encoders import Vectors
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import StageError, one_line
from components.shared.voices import table


@dataclass(frozen=True)
class Speakers:
    """The clips of a dataset and their voices, which a correction changes, with what is decided of its speakers."""

    draft: Draft
    voices: Voices
    decided: Identities
    given: int
    """Number of ids that the dataset has given."""
    of: Vectors
    """The facts of the vectors' encoder."""


Correction = Callable[[Speakers], tuple[Speakers, dict[str, Any]]]
"""Returns the corrected speakers, and what was done, for the lineage. Raises StageError if it cannot be done."""


def naming_of(speaker: str, name: str, reference: str) -> Correction:
    """Gives a speaker a name, which another one of the dataset loses. `reference` is `<name>/<version>` of the voice in the store."""

    def correct(now: Speakers) -> tuple[Speakers, dict[str, Any]]:
        check_speakers(_clips(now.draft), now.decided, [speaker])
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
        check_speakers(_clips(now.draft), now.decided, [into, *others])
        amounts = {s: _Amount() for s in others}
        for block, decisions in _with_speakers(now.draft, others):
            own = pc.is_in(decisions["speaker"], value_set=pa.array(others))
            moved = decisions.filter(own)
            for speaker, samples in zip(moved["speaker"].to_pylist(), moved["samples"].to_pylist(), strict=True):
                amounts[speaker].add(samples)
            now.draft.put(block, with_column(decisions, "speaker", pc.if_else(own, into, decisions["speaker"])))
        name = next((now.decided.names[s] for s in (into, *others) if s in now.decided.names), "")
        names = {s: n for s, n in now.decided.names.items() if s not in amounts} | ({into: name} if name else {})
        merged = {s: into if t in amounts else t for s, t in now.decided.merged.items()} | dict.fromkeys(others, into)
        unnamed = now.decided.unnamed - set(others) - ({into} if name else set())
        said = {"action": "merge", "into": into, "clips": {s: a.said for s, a in amounts.items()}}
        return replace(now, decided=Identities(names, merged, unnamed)), said

    return correct


def split_of(speaker: str, clips: Collection[str]) -> Correction:
    """Gives some clips of a speaker a new id. Of the voices that were merged into it, those nearer to these clips go with them."""

    def correct(now: Speakers) -> tuple[Speakers, dict[str, Any]]:
        check_speakers(_clips(now.draft), now.decided, [speaker])
        _check_clips(now.draft, speaker, clips)
        new, chosen, amount = f"s{now.given + 1:04d}", pa.array(sorted(clips)), _Amount()
        for block, decisions in _with_speakers(now.draft, [speaker]):
            own = pc.is_in(decisions["clip"], value_set=chosen)
            _move(now, block, decisions.filter(own), new)
            for samples in decisions.filter(own)["samples"].to_pylist():
                amount.add(samples)
            decisions = with_column(decisions, "speaker", pc.if_else(own, new, decisions["speaker"]))
            voiced = pc.and_(own, pc.not_equal(decisions["voice"], ""))
            now.draft.put(block, with_column(decisions, "voice", pc.if_else(voiced, new, decisions["voice"])))
        decided = replace(now.decided, merged=_merged_after(now, speaker, new), unnamed=now.decided.unnamed | {new})
        said = {"action": "split", "speaker": speaker, "into": new, "clips": amount.said}
        return replace(now, decided=decided, given=now.given + 1), said

    return correct


def _move(now: Speakers, block: str, decisions: pa.Table, new: str) -> None:
    """Moves the vectors of some clips from their voices to a new one."""
    rows = now.draft.measures(block, decisions["clip"], ["clip", "samples", "vector"])
    heard = has_vector(rows)
    clips, ids = clips_of(rows.filter(heard)), decisions["voice"].filter(heard).to_pylist()
    now.voices.remove(clips, ids)
    now.voices.add(clips, [new] * len(ids))


def _merged_after(now: Speakers, speaker: str, new: str) -> dict[str, str]:
    """What ids stand for after `new` was split off `speaker`."""
    heard, known = now.voices.of_speakers(now.decided.merged), now.voices.known(now.of.numbers)
    merged = dict(now.decided.merged)
    pair = [heard.get(s) or known.get(s) for s in (new, speaker)]
    for other, target in now.decided.merged.items():
        if target == speaker and other in known and pair[0] and pair[1]:
            near = known[other].similarities(*table([pair[0], pair[1]]), now.of)
            merged[other] = new if near[0] > near[1] else speaker
    return merged


def check_speakers(clips: Mapping[str, int], decided: Identities, speakers: Sequence[str]) -> None:
    """Raises StageError unless each id has clips. `clips` are the numbers of clips by speaker."""
    there = sorted((s for s, count in clips.items() if s and count), key=lambda s: int(s[1:]))
    if not (missing := [s for s in speakers if s not in there]):
        return
    shown = f"{', '.join(there[:10])}{f' and {len(there) - 10} more' if len(there) > 10 else ''}" if there else "no speakers"
    merged = [f"{s} was merged into {decided.merged[s]}" for s in missing if s in decided.merged]
    raise StageError(
        f"expected speakers that have clips, found {one_line(', '.join(missing))}: {'; '.join([*merged, f'there are {shown}'])}"
    )


class _Amount:
    """A number of clips and their samples."""

    def __init__(self) -> None:
        self._clips, self._samples = 0, 0

    def add(self, samples: int) -> None:
        self._clips, self._samples = self._clips + 1, self._samples + samples

    @property
    def said(self) -> dict[str, Any]:
        return {"clips": self._clips, "seconds": self._samples / SAMPLE_RATE_HZ}


def _clips(draft: Draft) -> Counter[str]:
    """The number of clips of each speaker."""
    found: Counter[str] = Counter()
    for block in draft.blocks:
        for pair in pc.value_counts(draft.decisions(block, ["speaker"])["speaker"]).to_pylist():
            found[pair["values"]] += pair["counts"]
    return found


def _with_speakers(draft: Draft, speakers: Collection[str]) -> Iterator[tuple[str, pa.Table]]:
    """The blocks that have clips of some speakers, with their decisions."""
    for block in draft.blocks:
        decisions = draft.decisions(block)
        if pc.any(pc.is_in(decisions["speaker"], value_set=pa.array(sorted(speakers)))).as_py():
            yield block, decisions


def _check_clips(draft: Draft, speaker: str, clips: Collection[str]) -> None:
    """Raises StageError unless the clips are some of the speaker's, but not all."""
    speakers: dict[str, str] = {}
    for block in draft.blocks:
        decisions = draft.decisions(block, ["clip", "speaker"])
        known = decisions.filter(pc.is_in(decisions["clip"], value_set=pa.array(sorted(clips), pa.string()))).to_pydict()
        speakers |= dict(zip(known["clip"], known["speaker"], strict=True))
    wrong = [(c, f"is of {speakers[c] or 'no speaker'}" if c in speakers else "is not there") for c in sorted(clips)]
    if wrong := [(c, why) for c, why in wrong if speakers.get(c) != speaker]:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise StageError(f"expected clips of {speaker}, found {one_line(wrong[0][0])}, which {wrong[0][1]}{more}")
    own = _clips(draft)[speaker]
    if not 0 < len(clips) < own:
        raise StageError(
            f"expected some of the {own} clips of {speaker}, found {len(clips) or 'none'}: a new speaker needs one, and {speaker} too"
        )
