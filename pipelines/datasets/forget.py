"""Takes recordings and speakers out of a dataset: a new version without them, and tombstones that keep them out."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.publish.corrections import Correction, Speakers
from components.publish.identities import Identities
from components.publish.next import Base, Found, next_version
from components.publish.outcomes import outcomes
from components.publish.rules import parse, was_given
from components.publish.speakers import Voices, clips_of, has_vector
from components.shared.network import public_url
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.rules import SETTINGS
from components.shared.table import schema, sums_by
from components.shared.task import Lineage, StageError, one_line
from pipelines.datasets.scrubbing import scrubbed
from store.datasets import Change, DatasetStore, Version, rules, speaker_names
from store.fingerprints import FingerprintStore
from store.forgotten import RECORDING, REST, SPEAKER, STARTED, Forgotten, Tombstone
from store.interface import Store
from store.ledger import FORGOTTEN, Ledger, LedgerRow
from store.repeats import RepeatStore
from store.version_rows import Recorded


@dataclass(frozen=True)
class Wish:
    """What a person wants the dataset to forget."""

    recordings: frozenset[str] = frozenset()
    speakers: Mapping[str, str] = field(default_factory=dict)
    """Ids of speakers, each with the one into whom it was merged, or ""."""
    by: str = ""
    reason: str = ""

    def touches(self, decisions: pa.Table) -> pa.Array:
        """Which of some clips it means."""
        of_recording = pc.is_in(decisions["recording"], value_set=pa.array(sorted(self.recordings), pa.string()))
        return pc.or_(of_recording, pc.is_in(decisions["speaker"], value_set=pa.array(sorted(self.speakers), pa.string())))


@dataclass
class Taken:
    """What a version loses."""

    clips: Counter[str] = field(default_factory=Counter)
    """Number of clips by recording."""
    samples: Counter[str] = field(default_factory=Counter)
    """Their samples by recording."""
    left: set[str] = field(default_factory=set)
    """Those of these recordings that keep a clip."""
    by_speaker: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Clips and samples by speaker, of the speakers that are forgotten."""


@dataclass(frozen=True)
class Forgetting:
    """What `forget` did."""

    version: int
    """The version without them; 0 if no version had them."""
    clips: int
    seconds: float
    recordings: list[str]
    speakers: list[str]
    rest: list[str]
    """Recordings that lost the clips of a forgotten speaker, and stay otherwise."""


def found_by_url(store: Store, name: str, urls: Collection[str]) -> dict[str, set[str]]:
    """The recordings of each URL: in any version, in the ledger, or among the tombstones. The URL may have its secrets or not."""
    datasets, wanted = DatasetStore(store, name), {u: {u, public_url(u)} for u in urls}
    rows: list[Recorded | LedgerRow] = [*Ledger(store, name).rows().values()]
    rows += [r for file in {v.recordings for v in datasets.versions()} for r in datasets.blocks.read_rows(Recorded, file)]
    hashes = {t.url_sha256: t.id for t in Forgotten(store, name).rows() if t.url_sha256}
    return {
        url: {r.recording for r in rows if r.url in same} | {hashes[h] for h in map(_sha256, same) if h in hashes}
        for url, same in wanted.items()
    }


def speaker_ids(version: Version | None, speakers: Collection[str]) -> dict[str, str]:
    """The ids of speakers that are given by id or by name, and those that were merged into them, with the ids of these.

    Raises StageError for an unknown name.
    """
    facts = version.lineage.get("speakers", {}) if version else {}
    names = speaker_names(version.lineage) if version else {}
    found: set[str] = set()
    for wanted in speakers:
        own = {s for s, n in names.items() if n == wanted} or ({wanted} if was_given(wanted, facts.get("given", 0)) else set())
        if not own:
            known = f"it gave s0001 to s{facts['given']:04d}" if facts.get("given") else "it has none"
            see = "see `speechmill speakers list` and `dataset forgotten`"
            raise StageError(f"expected a speaker of the dataset by id or name, found {one_line(wanted)!r}: {known}; {see}")
        found |= own
    return dict.fromkeys(sorted(found), "") | {s: into for s, into in facts.get("merged", {}).items() if into in found}


def forget(store: Store, name: str, run: str, wish: Wish, purge: bool) -> Forgetting:
    """Makes the version without what is forgotten, and writes tombstones, first of all. The caller holds the dataset's lease.

    With `purge` the tombstones say that a purge has started. Doing it again changes nothing.
    """
    datasets, ledger, forgotten = DatasetStore(store, name), Ledger(store, name), Forgotten(store, name)
    versions = datasets.versions()
    newest = versions[-1] if versions else None
    taken = _taken(datasets, newest, wish)
    rest = sorted(taken.clips.keys() - wish.recordings)
    known = ledger.rows()
    number = newest.number + 1 if newest and (taken.clips or wish.recordings & _ids(datasets, newest)) else 0
    made = _tombstones(wish, taken, rest, known, number, purge)
    forgotten.write(lambda before: [_again(before.get(t.subject), t) for t in made])
    if wish.recordings:
        FingerprintStore(store, name).remove(wish.recordings)
        RepeatStore(store, name).remove(wish.recordings)
    repeats = RepeatStore(store, name).rows()
    if number:
        datasets.publish(run, lambda found: _change(datasets, found[-1], run, wish, repeats))
    recordings = datasets.recordings(datasets.versions()[-1]) if versions else []
    ledger.write(lambda rows: _settled(rows, wish.recordings, recordings))
    clips, samples = sum(taken.clips.values()), sum(taken.samples.values())
    return Forgetting(number, clips, samples / SAMPLE_RATE_HZ, sorted(wish.recordings), sorted(wish.speakers), rest)


def _settled(rows: Mapping[str, LedgerRow], gone: Collection[str], recordings: Iterable[Recorded]) -> list[LedgerRow]:
    """The ledger as the newest version has it; what was forgotten has no outcome but that."""
    found = []
    for r in outcomes(rows, [], recordings):
        if r.recording in gone:
            r = replace(r, outcome=FORGOTTEN, reason="", shard="", run="")
        elif r.duplicate_of in gone or any(g in r.reason for g in gone):
            r = replace(r, duplicate_of="", reason="")
        found.append(r)
    return found


def _ids(datasets: DatasetStore, version: Version) -> set[str]:
    return {r.recording for r in datasets.recordings(version)}


def _taken(datasets: DatasetStore, version: Version | None, wish: Wish) -> Taken:
    """What a version loses."""
    taken, by_speaker = Taken(), dict[str, Counter[str]]()
    for file in datasets.files(version).values():
        decisions = datasets.table.read(file, ["clip", "recording", "samples", "speaker"])
        gone = wish.touches(decisions)
        for (recording, speaker), samples, clips in sums_by(decisions.filter(gone), ["recording", "speaker"]):
            taken.clips[recording] += clips
            taken.samples[recording] += samples
            if speaker in wish.speakers:
                by_speaker.setdefault(speaker, Counter()).update(clips=clips, samples=samples)
        taken.left |= set(pc.unique(decisions.filter(pc.invert(gone))["recording"]).to_pylist())
    taken.left &= taken.clips.keys()
    taken.by_speaker = {s: (n["clips"], n["samples"]) for s, n in by_speaker.items()}
    return taken


def _change(datasets: DatasetStore, before: Version, run: str, wish: Wish, repeats: list[Any]) -> Change:
    """The next version, without what is forgotten, by the rules of the version before."""
    taken, names = _taken(datasets, before, wish), speaker_names(before.lineage)
    kept = {}
    for r in datasets.recordings(before):
        if r.recording in wish.recordings:
            continue
        if r.recording in taken.clips:
            lost = r.forgotten_samples + taken.samples[r.recording]
            block = r.block if r.recording in taken.left else ""
            r = replace(r, kept_samples=0, rejected_samples=0, forgotten_samples=lost, block=block)
        kept[r.recording] = r
    base = Base(datasets, before, repeats, lambda _: {}, kept, datasets.speakers(before))
    own = {s: names[s] for s in wish.speakers if s in names}
    wanted = {s.name: s.default for s in SETTINGS} | scrubbed(rules(before.lineage), own, ())
    found = Found([], schema(DatasetRow).empty_table(), "", Lineage({}))
    change, _ = next_version(base, run, found, parse(wanted), _correction(wish))
    lineage = scrubbed(change.lineage, own, wish.recordings)
    said = {"recordings": len(wish.recordings), "speakers": sorted(wish.speakers), "clips": sum(taken.clips.values())}
    return replace(change, lineage=lineage | {"forgotten": said | {"seconds": sum(taken.samples.values()) / SAMPLE_RATE_HZ}})


def _correction(wish: Wish) -> Correction:
    """Takes the clips out of the draft, and their vectors out of the voices. Voices of which nothing else is left go, too."""

    def correct(now: Speakers) -> tuple[Speakers, dict[str, Any]]:
        touched: set[str] = set()
        for block in now.draft.blocks:
            decisions = now.draft.decisions(block)
            gone = wish.touches(decisions)
            if not pc.any(gone).as_py():
                continue
            touched |= _take(now, block, decisions.filter(gone))
            now.draft.put(block, decisions.filter(pc.invert(gone)))
        voices = without_voices(now.voices, touched, wish.speakers)
        return replace(now, decided=without_ids(now.decided, voices)), {}

    return correct


def _take(now: Speakers, block: str, decisions: pa.Table) -> set[str]:
    """Takes the vectors of some clips out of their voices. Returns the ids of these."""
    rows = now.draft.measures(block, decisions["clip"], ["clip", "samples", "vector"])
    heard = has_vector(rows)
    ids = decisions["voice"].filter(heard).to_pylist()
    now.voices.remove(clips_of(rows.filter(heard)), ids)
    return set(ids)


def without_voices(voices: Voices, touched: Collection[str], speakers: Collection[str]) -> set[str]:
    """Removes the voices of speakers, and those of `touched` that have no clip left. Returns their ids."""
    gone = set(speakers) | {v for v in touched if not voices.seconds(v)}
    voices.forget(gone)
    return gone


def without_ids(decided: Identities, gone: Collection[str]) -> Identities:
    """What is decided about speakers, without those whose ids are gone."""
    return Identities(
        {s: n for s, n in decided.names.items() if s not in gone},
        {s: into for s, into in decided.merged.items() if s not in gone and into not in gone},
        decided.unnamed - set(gone),
    )


def _tombstones(
    wish: Wish, taken: Taken, rest: Collection[str], known: Mapping[str, LedgerRow], version: int, purge: bool
) -> list[Tombstone]:
    now = datetime.now(UTC).isoformat(timespec="seconds")

    def made(kind: str, own: str, clips: int, samples: int) -> Tombstone:
        row = known.get(own) if kind != SPEAKER else None
        url, media = (_sha256(row.url), row.media_sha256) if row else ("", "")
        state = STARTED if purge else ""
        into = wish.speakers.get(own, "") if kind == SPEAKER else ""
        return Tombstone(f"{kind}:{own}", kind, own, url, media, now, version, clips, samples, wish.by, wish.reason, into, state, "")

    found = [made(RECORDING, r, taken.clips[r], taken.samples[r]) for r in sorted(wish.recordings)]
    found += [made(SPEAKER, s, *taken.by_speaker.get(s, (0, 0))) for s in sorted(wish.speakers)]
    return found + [made(REST, r, taken.clips[r], taken.samples[r]) for r in rest]


def _again(before: Tombstone | None, now: Tombstone) -> Tombstone:
    """The tombstone after something was forgotten again: what it said first stays, but for a purge that comes later."""
    if before is None:
        return now
    return replace(before, purge=before.purge or now.purge)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
