"""Forgets what a person names, by URL, id or name, and purges it if asked: the whole of `dataset forget`."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from components.shared.task import StageError, one_line
from pipelines.datasets.forget import Forgetting, Wish, forget, found_by_url, speaker_ids
from pipelines.datasets.purge import Purged, planned, purge, references_of
from store.datasets import DatasetStore
from store.forgotten import RECORDING, SPEAKER, STARTED, Forgotten
from store.interface import Store
from store.lease import lease
from store.ledger import Ledger

Say = Callable[[str], None]


@dataclass
class Done:
    """What `forget_all` did."""

    forgot: Forgetting | None = None
    purged: Purged | None = None
    references: list[str] = field(default_factory=list)
    """References that still hold something forgotten, as `<name>/<version>`."""
    runs: list[str] = field(default_factory=list)
    """Recordings whose sound is still in runs/ of the store."""


def forget_all(
    store: Store, name: str, run: str, wishes: Mapping[str, Collection[str]], purges: bool, reason: str, by: str, say: Say
) -> Done:
    """Takes out of a dataset what `wishes` names by `urls`, `recordings` and `speakers`.

    Purges that were interrupted are completed first. Raises StageError if something of it is not there.
    """
    done = Done()
    with lease(store, name, f"dataset forget {run}", say):
        if purges:
            begun = _begun(store, name)
            if begun.recordings or begun.speakers:
                forget(store, name, f"{run}-0", begun, purges)
            done.purged = purge(store, name, say)
        wish = _wish(store, name, wishes, by, reason)
        if wish.recordings or wish.speakers:
            done.forgot = forget(store, name, run, wish, purges)
        if purges:
            before, done.purged = done.purged or Purged(), purge(store, name, say)
            done.purged.subjects, done.purged.audio = before.subjects + done.purged.subjects, before.audio + done.purged.audio
            done.purged.shared, done.purged.references = before.shared + done.purged.shared, before.references + done.purged.references
        else:
            done.references = sorted(_still_there(store, name, wish))
    done.runs = sorted(_in_runs(store, wish.recordings | {t.id for t in Forgotten(store, name).rows() if t.kind != SPEAKER}))
    return done


def _begun(store: Store, name: str) -> Wish:
    """What purges that were interrupted remove."""
    begun = [t for t in Forgotten(store, name).rows() if t.purge == STARTED]
    return Wish(frozenset(t.id for t in begun if t.kind == RECORDING), {t.id: t.into for t in begun if t.kind == SPEAKER})


def _wish(store: Store, name: str, wishes: Mapping[str, Collection[str]], by: str, reason: str) -> Wish:
    """What is meant. Raises StageError if it is not in the dataset, its ledger or its tombstones."""
    versions = DatasetStore(store, name).versions()
    tombs = {(t.kind, t.id): t for t in Forgotten(store, name).rows()}
    by_url = found_by_url(store, name, wishes["urls"]) if wishes["urls"] else {}
    if missing := [u for u, found in by_url.items() if not found]:
        raise StageError(f"expected the URL of a recording of dataset {name}, found {one_line(missing[0])}: see its ledger")
    recordings = {r for found in by_url.values() for r in found} | set(wishes["recordings"])
    if wishes["recordings"]:
        datasets, known = DatasetStore(store, name), set(Ledger(store, name).rows())
        known |= {r.recording for v in versions for r in datasets.recordings(v)} | {own for kind, own in tombs if kind == RECORDING}
        if missing := sorted(set(wishes["recordings"]) - known):
            raise StageError(f"expected the id of a recording of dataset {name}, found {one_line(missing[0])}")
    wanted = [s for s in wishes["speakers"] if (SPEAKER, s) not in tombs]
    found = speaker_ids(versions[-1] if versions else None, wanted) if wanted else {}
    known_ids = {t.id: t.into for t in tombs.values() if t.kind == SPEAKER and {t.id, t.into} & set(wishes["speakers"])}
    return Wish(frozenset(recordings), known_ids | found, by, reason)


def _still_there(store: Store, name: str, wish: Wish) -> set[str]:
    """The references that hold a voice or a clip of what was forgotten but not purged."""
    tombs = [t for t in Forgotten(store, name).rows() if t.purge != STARTED]
    own = [t for t in tombs if (t.kind == RECORDING and t.id in wish.recordings) or (t.kind == SPEAKER and t.id in wish.speakers)]
    return set(references_of(store, name, planned(store, name, own))) if own else set()


def _in_runs(store: Store, recordings: Collection[str]) -> set[str]:
    """The recordings whose sound is in runs/ of the store."""
    names = {f"{r}.flac": r for r in recordings}
    return {names[file] for key in store.keys("runs/") if (file := key.rpartition("/")[2]) in names} if names else set()
