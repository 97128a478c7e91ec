"""The answers of people who reviewed clips of a dataset. They are never changed: each batch is a file named by its contents.

An answer keeps the times of the clip that the person heard, because a later run may cut the recording elsewhere.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from components.shared.review import OTHER
from components.shared.rows import Account
from store.interface import Store
from store.objects import check_name
from store.parquet import read_object, to_bytes
from store.truth import Truth, read_truth


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said of one clip at one time. A person who changes the mind gives another answer."""

    clip: str
    """Id of the clip that the person heard."""
    recording: str
    start: float
    end: float
    media_sha256: str
    """SHA-256 of the recording's media file. In another file the times mean other sounds."""
    text: str
    """The text as confirmed or corrected; empty if the person gave none."""
    text_shown: str
    """The text that the person was shown."""
    speaker: str
    """Id of the speaker or other; empty if the person did not say."""
    tone: str
    """Tone; empty if the person did not say."""
    reject: str
    """Why the clip must not be in the dataset; empty if it may."""
    by: str
    """Who answered."""
    at: str
    """When, in UTC, ISO 8601."""
    annotation: str
    """Where the answer is from: `<project>/<annotation>` of the review server."""


def true_tones(answers: Iterable[Answer], recordings: Iterable[Account]) -> list[Truth]:
    """The tones that people gave to seconds of these recordings, the newest answer on a clip each. `other` is no tone."""
    known = {r.recording: r for r in recordings}
    newest = {(a.recording, a.start, a.end): a for a in sorted(answers, key=lambda a: a.at) if a.tone}
    own = [a for a in newest.values() if a.recording in known and a.media_sha256 in ("", known[a.recording].media_sha256)]
    return [Truth(known[a.recording].url, a.start, a.end, a.tone) for a in own if a.tone != OTHER]


class ReviewStore:
    """Reads and adds answers of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._folder = store, f"datasets/{check_name(dataset)}/reviews/"

    def answers(self) -> list[Answer]:
        """All answers, oldest first."""
        found = {a for key in self._store.keys(self._folder) for a in read_object(self._store, key, Answer)}
        return sorted(found, key=lambda a: (a.at, a.by, a.clip, a.annotation))

    def add(self, answers: Iterable[Answer]) -> list[Answer]:
        """Adds those answers that are not there yet, and returns them."""
        there = {(a.annotation, a.at) for a in self.answers()}
        new = sorted((a for a in answers if (a.annotation, a.at) not in there), key=lambda a: (a.at, a.by, a.clip, a.annotation))
        if new:
            self._write(new)
        return new

    def remove(self, recordings: Collection[str], clips: Collection[str] = ()) -> None:
        """Deletes the answers on some recordings and on some clips, for `dataset forget`."""
        for key in list(self._store.keys(self._folder)):
            before = read_object(self._store, key, Answer)
            left = [a for a in before if a.recording not in recordings and a.clip not in clips]
            if left != before:
                if left:
                    self._write(left)
                self._store.delete(key)

    def _write(self, answers: Iterable[Answer]) -> None:
        data = to_bytes(Answer, answers)
        self._store.write(f"{self._folder}{hashlib.sha256(data).hexdigest()[:20]}.parquet", data)


def truths_of(store: Store, dataset: str, answers: Iterable[Answer], recordings: Iterable[Account]) -> list[Truth]:
    """The ground truth of a dataset, and the tones that its reviewers gave to seconds of these recordings."""
    return [*read_truth(store, dataset), *true_tones(answers, recordings)]
