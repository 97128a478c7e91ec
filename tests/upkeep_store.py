"""A small dataset as `publish` makes it, with everything that a real one has: audio, timelines, fingerprints, a ledger and repeats."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.publish.publish import Batch, Published, publish
from components.publish.rules import parse
from components.shared.audio import flac_bytes, pcm_sha256
from components.shared.rows import SAMPLE_RATE_HZ, Account, DatasetRow, Fingerprint, Item, TimelineSpan, Vector
from components.shared.rules import SETTINGS as TABLE
from components.shared.table import empty, to_table
from components.shared.task import Lineage
from store.datasets import DatasetStore, audio_key, timeline_key
from store.interface import Store
from store.ledger import Ledger, LedgerRow
from store.parquet import to_bytes
from store.plans import write_plan
from store.truth import Truth, write_truth

NAME = "show"
SETTINGS = {s.name: s.neutral for s in TABLE} | {"join_similarity": 0.6, "min_seconds": 1.5}
"""Settings of publish that reject the shortest clips."""
_NUMBERS = 192


@dataclass(frozen=True)
class Voice:
    """One clip to make: who speaks, for how long, and what makes its sound."""

    speaker: int
    seconds: float
    sound: int


def vector(speaker: int, sound: int) -> Vector:
    """A voice vector: near to those of the same speaker."""
    own = np.random.default_rng(speaker).normal(size=_NUMBERS) * 5 + np.random.default_rng(1000 + sound).normal(size=_NUMBERS)
    return Vector((own / np.linalg.norm(own)).astype("<f4").tobytes())


def pcm(sound: int, seconds: float) -> Any:
    """Noise that differs for each number."""
    return np.random.default_rng(sound).integers(-9000, 9000, round(seconds * SAMPLE_RATE_HZ)).astype(np.int16)


class Show:
    """A dataset in a store, and the runs that make its versions."""

    def __init__(self, store: Store) -> None:
        self.store, self.dataset, self.ledger = store, DatasetStore(store, NAME), Ledger(store, NAME)

    def url(self, recording: str) -> str:
        return f"https://example.org/{recording}/episode.mp3"

    def run(self, run: str, recordings: dict[str, Sequence[Voice]], plans: bool = True, **settings: Any) -> Published:
        """Plans, collects and publishes recordings, each with its clips, as one run does."""
        accounts = [self._account(name, clips) for name, clips in recordings.items()]
        if plans and accounts:
            items = [replace(empty(Item), recording=a.recording, url=f"{a.url}?key=secret", title=a.title) for a in accounts]
            shard = write_plan(self.store, items)
            rows = [self._planned(a, shard, run) for a in accounts]
            self.ledger.write(lambda known: [replace(known.get(r.recording, r), shard=shard, run=run, outcome="") for r in rows])
        rows = sorted((r for name, clips in recordings.items() for r in self._rows(name, clips)), key=lambda r: r.clip)
        fingerprints = [Fingerprint(a.recording, 0.031, 2.72, self.hashes(a.recording)) for a in accounts]
        batch = Batch(
            accounts,
            to_table(DatasetRow, rows),
            lambda: iter(fingerprints),
            "5" * 64,
            Lineage({"publish": {"settings": SETTINGS | settings}}),
        )
        return publish(self.store, NAME, run, batch, parse(SETTINGS | settings))

    def hashes(self, recording: str) -> bytes:
        """The acoustic fingerprint of a recording."""
        return np.random.default_rng(list(recording.encode())).integers(0, 2**32, 200, np.uint32).astype("<u4").tobytes()

    def text(self, recording: str, number: int) -> str:
        """What is said in a clip."""
        return f"words of {recording} number {number}"

    def truth(self, *recordings: str) -> None:
        """Stores true tones of recordings."""
        write_truth(self.store, NAME, [Truth(self.url(r), 0.0, 1.0, "calm") for r in recordings])

    def _account(self, name: str, clips: Sequence[Voice]) -> Account:
        clipped = sum(round(c.seconds * SAMPLE_RATE_HZ) for c in clips)
        return replace(
            empty(Account),
            recording=name,
            kind="feed",
            url=self.url(name),
            title=f"Title of {name}",
            channel="The Channel",
            published="2026-01-01",
            samples=clipped + 3000,
            seconds=(clipped + 3000) / SAMPLE_RATE_HZ,
            media_sha256=hashlib.sha256(name.encode()).hexdigest(),
            music_samples=1000,
            silence_samples=2000,
        )

    def _planned(self, account: Account, shard: str, run: str) -> LedgerRow:
        names = ("recording", "kind", "url", "title", "channel", "published")
        shared = {n: getattr(account, n) for n in names}
        return replace(empty(LedgerRow), **shared, shard=shard, run=run, attempts=1)

    def _rows(self, name: str, clips: Sequence[Voice]) -> list[DatasetRow]:
        timeline = to_bytes(TimelineSpan, [TimelineSpan(name, 0.0, 9.0, "speech", "female")])
        seen = hashlib.sha256(timeline).hexdigest()
        self.store.write(timeline_key(NAME, seen), timeline)
        rows, start = [], 0.0
        for number, clip in enumerate(clips):
            sound = pcm(clip.sound, clip.seconds)
            before = (sound // 2).astype(np.int16)
            for samples in (sound, before)[: 2 - number % 2]:
                self.store.write(audio_key(NAME, pcm_sha256(samples)), flac_bytes(samples))
            row = replace(
                empty(DatasetRow),
                clip=f"{name}-{round(start * 1000):08d}",
                recording=name,
                source=self.url(name),
                title=f"Title of {name}",
                channel="The Channel",
                start=start,
                end=start + clip.seconds,
                samples=len(sound),
                gender="female",
                audio_sha256=pcm_sha256(sound),
                before_sha256=pcm_sha256(before) if number % 2 == 0 else "",
                timeline_sha256=seen,
                vector=vector(clip.speaker, clip.sound),
                voice_by="campplus",
                text=self.text(name, number),
                words=self.text(name, number).split(),
            )
            rows.append(row)
            start += clip.seconds + 0.5
        return rows


def filled(store: Store) -> Show:
    """Three versions of four recordings with two speakers each: the second run adds two, the third selects by other rules."""
    show = Show(store)
    show.run("run-1", {"aaaaaaaaaaaaaaa1": _clips(10), "bbbbbbbbbbbbbbb2": _clips(20)})
    show.run("run-2", {"ccccccccccccccc3": _clips(30), "ddddddddddddddd4": _clips(40)})
    show.run("run-3", {}, min_seconds=2.5)
    return show


def _clips(first: int) -> list[Voice]:
    return [Voice(1, 2.0, first), Voice(2, 3.0, first + 1), Voice(1, 1.0, first + 2), Voice(2, 2.0, first + 3)]
