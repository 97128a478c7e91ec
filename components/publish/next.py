"""Makes the next version of a dataset from the newest one and from what a run found. All that it reads of the dataset is one commit's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.publish import speakers as naming
from components.publish.corrections import Correction, Speakers
from components.publish.deciding import as_json, decide, mark_duplicates
from components.publish.draft import Draft, Sums
from components.publish.identities import identities, recognized
from components.publish.outcomes import duplicates, outside, recorded, replaced, samples_by_reason, seconds_by_outcome
from components.publish.reviews import reviewed, summary
from components.publish.rules import Wanted, last_tones, resolved
from components.publish.speakers import Clips, Voices, clips_of, has_vector
from components.shared.encoders import vectors_of
from components.shared.rows import SAMPLE_RATE_HZ, Account
from components.shared.rules import MOST_AROUSED, with_thresholds
from components.shared.task import Lineage
from store.datasets import Change, DatasetStore, Version
from store.repeats import Repeat
from store.reviews import Answer
from store.version_rows import DatasetSpeaker, Recorded
from store.voices import NamedVoice


@dataclass(frozen=True)
class Found:
    """What a run found."""

    accounts: list[Account]
    rows: pa.Table
    """Clips as DatasetRow rows."""
    sources_sha256: str
    lineage: Lineage


@dataclass(frozen=True)
class Base:
    """The dataset before the next version."""

    datasets: DatasetStore
    version: Version | None
    """The newest version; None if there is none yet."""
    repeats: Sequence[Repeat]
    named_voices: Callable[[str], Mapping[str, list[NamedVoice]]]
    """The named voices of the store by encoder."""

    recordings: Mapping[str, Recorded]
    """The recordings of the version by id."""
    speakers: Sequence[DatasetSpeaker]
    """The speakers of the version."""
    answers: Sequence[Answer] = ()
    """What people said of clips of the dataset."""

    def rules(self) -> Mapping[str, Any] | None:
        """The rules of the version; None if it has no clips, so that whether the rules can be applied was not checked."""
        return self.version.lineage.get("rules") if self.version and self.version.lineage["clips"]["all"] else None

    def sums(self) -> Sums:
        """What the decisions of the version add up to."""
        found = Sums()
        if self.version:
            found.outcomes = samples_by_reason(self.version.lineage["seconds"])
            found.kept_clips = self.version.lineage["clips"]["kept"]
            found.clips[""] = self.version.lineage["clips"]["all"] - sum(s.clips for s in self.speakers)
        for s in self.speakers:
            found.spoken[s.speaker], found.clips[s.speaker] = round(s.speech_seconds * SAMPLE_RATE_HZ), s.clips
        return found


def next_version(base: Base, run: str, found: Found, wanted: Wanted, correction: Correction | None = None) -> tuple[Change, dict[str, Any]]:
    """Returns the next version, and what a log should say of it: `replaced` recordings, `recognized` speakers, and what people
    said that was `lost`.

    A run's recordings take the place of earlier ones with the same ids; one whose download failed this time keeps its clips. Raises
    StageError if a rule needs what no stage measured, or if the correction cannot be made.
    """
    draft, voices = Draft(base.datasets, base.version), Voices(base.speakers)
    decided, given = identities(base.version), naming.given_ids(base.version)
    media = {r.recording: r.media_sha256 for r in (*base.recordings.values(), *(a for a in found.accounts if a.samples))}
    rows, lost = reviewed(found.rows.sort_by("clip"), base.answers, media)
    known = _without_replaced(draft, voices, base, found)
    voice_by = _encoder(rows, base, voices)
    of, chosen = vectors_of(voice_by), with_thresholds(wanted, voice_by)
    ids, given, stay = _voices_of(rows, known, voices, given, of, chosen["join_similarity"])
    blocks = draft.add(rows, ids, decided.merged, stay)
    blocks |= draft.joined()
    said: dict[str, Any] = {}
    if correction:
        now, said = correction(Speakers(draft, voices, decided, given, of))
        decided, given = now.decided, now.given
        blocks |= draft.moved
    same, changed = duplicates(base.recordings, found.accounts), replaced(base.recordings, found.accounts)
    named = base.named_voices(voice_by) if voice_by else {}
    decided, near = recognized(voices.of_speakers(decided.merged), decided, named, of, chosen["join_similarity"])

    mark_duplicates(draft, base.recordings, same)
    sums = draft.sums(base.sums())
    speakers = naming.facts(sums.spoken, sums.clips, given) | decided.facts
    tones = last_tones(_tones(draft)) if MOST_AROUSED in chosen["tones"] else {}
    meant = resolved(chosen, tones, speakers["dominant"], given, decided, named)
    decide(draft, meant, base.rules(), same, base.repeats, _published(base, found))

    sums = draft.sums(base.sums())
    recordings = recorded(base.recordings, found.accounts, run, same, blocks, sums)
    _check_law(recordings, sums)
    lineage = _lineage(base.version, found) | {
        "seconds": seconds_by_outcome(sums.outcomes, recordings),
        "clips": {"all": sum(sums.clips.values()), "kept": sums.kept_clips},
        "speakers": speakers,
        "replaced": changed,
        "rules": as_json(meant),
    }
    table = naming.table(voices, base.speakers, sums.spoken, sums.clips, decided.names, base.version.number + 1 if base.version else 1)
    again = pc.sum(pc.not_equal(rows["reviewed"], "")).as_py() or 0
    if again or lost:
        lineage |= {"reviews": summary(again, lost)}
    change = Change(draft.changed, recordings, table, lineage | ({"correction": said} if said else {}))
    return change, {"replaced": changed, "recognized": near, "lost": lost}


def _without_replaced(draft: Draft, voices: Voices, base: Base, found: Found) -> dict[tuple[str, bytes], tuple[str, str]]:
    """Takes the clips of the run's recordings out of the draft. Returns voice and speaker of each clip and vector that was there."""
    known: dict[tuple[str, bytes], tuple[str, str]] = {}
    again = {a.recording for a in found.accounts if a.samples} & base.recordings.keys()
    for block in sorted({base.recordings[r].block for r in again} - {""}):
        decisions = draft.decisions(block)
        gone = pc.is_in(decisions["recording"], value_set=pa.array(sorted(again)))
        old = decisions.filter(gone)
        rows = draft.measures(block, old["clip"], ["clip", "samples", "vector"])
        heard = has_vector(rows)
        clips, ids = clips_of(rows.filter(heard)), old["voice"].filter(heard).to_pylist()
        speakers = old["speaker"].filter(heard).to_pylist()
        voices.remove(clips, ids)
        known |= {(c, clips.vectors[i].tobytes()): (ids[i], speakers[i]) for i, c in enumerate(clips.ids)}
        draft.put(block, decisions.filter(pc.invert(gone)))
    return known


def _encoder(rows: pa.Table, base: Base, voices: Voices) -> str:
    """The encoder of all vectors of the next version. Raises StageError if there are two."""
    left = [replace(s, voice_seconds=voices.seconds(s.speaker)) for s in base.speakers]
    return naming.encoder_of(rows["voice_by"].filter(has_vector(rows)).to_pylist(), left)


def _voices_of(
    rows: pa.Table, known: Mapping[tuple[str, bytes], tuple[str, str]], voices: Voices, given: int, of: Any, join_similarity: float
) -> tuple[list[str], int, dict[str, str]]:
    """The voice of each clip, "" without a vector, the number of ids given so far, and the speaker of each clip made again with the
    same vector: it keeps voice and speaker. Adds the clips to their voices."""
    heard = has_vector(rows).to_pylist()
    clips = clips_of(rows.filter(pa.array(heard, pa.bool_())))
    found = [known.get((c, clips.vectors[i].tobytes()), ("", "")) for i, c in enumerate(clips.ids)]
    before, stay = [voice for voice, _ in found], {c: speaker for c, (_, speaker) in zip(clips.ids, found, strict=True) if speaker}
    _add(voices, clips, before, [i for i, voice in enumerate(before) if voice])
    new = [i for i, voice in enumerate(before) if not voice]
    names, given = naming.named(clips.of(new), voices.known(of.numbers), given, of, join_similarity)
    for place, name in zip(new, names, strict=True):
        before[place] = name
    _add(voices, clips, before, new)
    ids = iter(before)
    return [next(ids) if there else "" for there in heard], given, stay


def _add(voices: Voices, clips: Clips, ids: Sequence[str], places: Sequence[int]) -> None:
    voices.add(clips.of(places), [ids[i] for i in places])


def _tones(draft: Draft) -> Any:
    """The columns `speaker` and `tone` of all clips."""
    for block in draft.blocks:
        yield draft.rows(block, ["speaker", "tone"])


def _published(base: Base, found: Found) -> dict[str, str]:
    """The date of publication of each recording."""
    return {r.recording: r.published for r in (*base.recordings.values(), *(a for a in found.accounts if a.samples))}


def _check_law(recordings: Sequence[Recorded], sums: Sums) -> None:
    """Raises ValueError unless every sample of every recording is in a clip or counted in its account."""
    expected, found = sum(r.samples for r in recordings), sum(outside(r) for r in recordings) + sum(sums.outcomes.values())
    if expected != found:
        raise ValueError(f"expected {expected} samples in clips and accounts of {len(recordings)} recordings, found {found}")


def _lineage(before: Version | None, found: Found) -> dict[str, Any]:
    """Stages and sources of the next version. What the run did not do is as in the version before."""
    known = before.lineage if before else {}
    return {
        "stages": known.get("stages", {}) | found.lineage,
        "sources_sha256": found.sources_sha256 or known["sources_sha256"],
    }
