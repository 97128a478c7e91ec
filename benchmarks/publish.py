"""Time and memory of publishing into large datasets, and of looking at them. There is no peer.

    PYTHONPATH=. .venvs/publish/bin/python benchmarks/publish.py [--clips 100000 1000000 10000000] [--folder FOLDER]

The dataset is synthetic: 312 clips in each recording of 30 minutes, a speaker for every 5,000 clips, a jingle at the start of each
recording, vectors and scores by chance. Each line is a process of its own. All rules about scores and repeats are on.
"""

import argparse
import hashlib
import os
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.repeats import made, with_sound
from components.publish.draft import MOST_CLIPS
from components.publish.matching import thinned
from components.publish.publish import Batch, publish
from components.publish.rules import parse
from components.shared.rows import SAMPLE_RATE_HZ, Account, DatasetRow, Vector
from components.shared.rules import SETTINGS
from components.shared.table import empty, schema
from components.shared.task import Lineage
from store.blocks import MEASURED
from store.datasets import Change, DatasetStore, Version, audio_key
from store.decisions import File
from store.fingerprints import FingerprintStore
from store.interface import Store
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from store.parquet import conformed
from store.repeats import Repeat, RepeatStore
from store.version_rows import DatasetSpeaker, Decision, Recorded

OF_RECORDING, OF_SPEAKER, CLIP_SECONDS, NUMBERS = 312, 5000, 5.76, 192
SAMPLES = round(CLIP_SECONDS * SAMPLE_RATE_HZ)
RECORDING_SECONDS = 1800.0
RULES = {s.name: s.default for s in SETTINGS} | {"refuse_repeats": True, "min_dnsmos": 2.0, "min_snr_db": 5.0}
NAME = "large"
NEW_CLIPS = 1000
MOST_FIRST = 100_000
"""More clips are not published at once: a run has up to 50 shards, of 60,000 clips."""


def recording(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


def rows(numbers: range, chance: np.random.Generator) -> pa.Table:
    """The clips of some recordings, as DatasetRow rows in the order of their ids."""
    names = sorted(recording(n) for n in numbers)
    count = len(names) * OF_RECORDING
    places = np.tile(np.arange(OF_RECORDING), len(names))
    own = pa.array(np.repeat(names, OF_RECORDING))
    starts = places * CLIP_SECONDS
    clips = pa.array([f"{name}-{round(1000 * CLIP_SECONDS * i):08d}" for name in names for i in range(OF_RECORDING)])
    known = {
        "clip": clips,
        "recording": own,
        "source": pa.array(np.repeat([f"https://radio.example/{n}.mp3" for n in names], OF_RECORDING)),
        "title": pa.array(np.repeat([f"Episode {n}" for n in names], OF_RECORDING)),
        "start": pa.array(starts),
        "end": pa.array(starts + CLIP_SECONDS),
        "samples": pa.array(np.full(count, SAMPLES)),
        "gender": pa.array(np.where(chance.random(count) < 0.5, "female", "male")),
        "audio_sha256": pa.array([hashlib.sha256(c.encode()).hexdigest() for c in clips.to_pylist()]),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors(count, chance).ravel()), NUMBERS).cast(pa.list_(pa.float32())),
        "voice_by": pa.array(["campplus"] * count),
        "overlap_share": pa.array(chance.random(count) ** 8),
        "purity": pa.array(chance.random(count)),
        "tone": pa.array(chance.choice(["calm", "angry", "happy", "sad"], count)),
        "dnsmos_ovrl": pa.array(1 + 3 * chance.random(count)),
        "snr_db": pa.array(40 * chance.random(count)),
        "bandwidth_hz": pa.array(16_000 * chance.random(count)),
        "language": pa.array(["ko"] * count),
        "text": pa.array([f"문장 {i} 번은 라디오에서 나온 말입니다" for i in chance.integers(0, 100_000, count)]),
        "text_by": pa.array(["whisper/base/0123456789ab"] * count),
    }
    return conformed(DatasetRow, pa.table(known), "this benchmark")


_POOL = np.random.default_rng(0).standard_normal((MOST_CLIPS + OF_RECORDING, NUMBERS)).astype("<f4")


def vectors(count: int, chance: np.random.Generator) -> np.ndarray:
    """Vectors by chance, of length 1: those of a pool in another order, with other signs."""
    found = _POOL[chance.permutation(len(_POOL))[:count]] * chance.choice([-1, 1], NUMBERS).astype("<f4")
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def make(store: Store, clips: int) -> None:
    """Puts a dataset into a store: one version, as if one run had published it."""
    dataset, chance = DatasetStore(store, NAME), np.random.default_rng(1)
    recordings, where, kept = clips // OF_RECORDING, dict[str, str](), [0]

    files = dict[str, File]()

    def blocks() -> None:
        size = MOST_CLIPS // OF_RECORDING
        for first in range(0, recordings, size):
            table = rows(range(first, min(first + size, recordings)), chance)
            block = dataset.blocks.write(table.select(MEASURED))
            where.update(dict.fromkeys(table["recording"].unique().to_pylist(), block))
            voices = pa.array([f"s{1 + n:04d}" for n in chance.integers(0, max(1, clips // OF_SPEAKER), table.num_rows)])
            there = {"block": pa.repeat(block, table.num_rows), "voice": voices, "speaker": voices}
            there |= {"kept": pa.repeat(True, table.num_rows), "reason": pa.repeat("", table.num_rows)}
            kept[0] += table.num_rows
            columns = [there[n] if n in there else table[n] for n in schema(Decision).names]
            files[block] = dataset.table.write(block, pa.table(columns, schema=schema(Decision)))

    def change(_: list[Version]) -> Change:
        found = [recorded(n, where[recording(n)]) for n in range(recordings)]
        decisions = ((block, dataset.table.read(file)) for block, file in files.items())
        return Change(decisions, sorted(found, key=lambda r: r.recording), speakers(clips), lineage(kept[0]))

    blocks()
    dataset.publish("run-0", change)
    Ledger(store, NAME).write(lambda _: [ledger_row(n) for n in range(recordings)])
    jingle = made("jingle", 1, 9.0)
    prints = (thinned(with_sound(made(recording(n), 10 + n % 50, RECORDING_SECONDS), jingle, 3.0)) for n in range(recordings))
    while part := [f for _, f in zip(range(2000), prints, strict=False)]:
        FingerprintStore(store, NAME).write(part)
    first = min(recording(n) for n in range(recordings))
    repeats = [Repeat(f"{r}-3", r, 3.0, 12.0, first, 3.0, 0.99) for r in map(recording, range(recordings)) if r != first]
    RepeatStore(store, NAME).write(lambda _: repeats)


def account(number: int) -> Account:
    speech = OF_RECORDING * SAMPLES
    name, samples = recording(number), round(RECORDING_SECONDS * SAMPLE_RATE_HZ)
    return replace(
        empty(Account),
        recording=name,
        kind="feed",
        url=f"https://radio.example/{name}.mp3",
        title=f"Episode {name}",
        published="2026-01-01T00:00:00+00:00",
        samples=samples,
        seconds=RECORDING_SECONDS,
        media_sha256=f"media {name}",
        music_samples=samples - speech,
    )


def recorded(number: int, block: str) -> Recorded:
    known = {f: getattr(account(number), f) for f in Account.__dataclass_fields__}
    return Recorded(**known, run="run-0", block=block, kept_samples=OF_RECORDING * SAMPLES, rejected_samples=0)


def ledger_row(number: int) -> LedgerRow:
    known, names = account(number), LedgerRow.__dataclass_fields__.keys() & Account.__dataclass_fields__.keys()
    kept = {"run": "run-0", "outcome": "published", "kept_samples": OF_RECORDING * SAMPLES}
    return replace(empty(LedgerRow), **{n: getattr(known, n) for n in names}, **kept)


def speakers(clips: int) -> list[DatasetSpeaker]:
    count = max(1, clips // OF_SPEAKER)
    of, seconds = clips // count, clips // count * CLIP_SECONDS
    means = 0.3 * vectors(count, np.random.default_rng(2))
    return [DatasetSpeaker(f"s{1 + i:04d}", Vector(means[i].tobytes()), seconds, of, seconds, 1 / count, 1, "") for i in range(count)]


def lineage(clips: int) -> dict[str, object]:
    outside = clips // OF_RECORDING * (RECORDING_SECONDS - OF_RECORDING * SAMPLES / SAMPLE_RATE_HZ)
    seconds = {"kept_seconds": clips * SAMPLES / SAMPLE_RATE_HZ, "rejected_music_seconds": outside}
    facts = {"given": max(1, clips // OF_SPEAKER), "count": max(1, clips // OF_SPEAKER), "dominant": "s0001"}
    facts |= {"speech_seconds": seconds["kept_seconds"], "seconds": {"s0001": OF_SPEAKER * CLIP_SECONDS}}
    stages = {"publish": {"image": "x", "settings": {**RULES}}}
    return {"stages": stages, "sources_sha256": "0" * 64, "seconds": seconds, "speakers": facts, "clips": {"all": clips, "kept": clips}}


def batch(numbers: range, rules: dict[str, object]) -> Batch:
    """What a run found: these recordings, each with the jingle; the last one has a voice of its own."""
    jingle = made("jingle", 1, 9.0)
    prints = [with_sound(made(recording(n), 1000 + n, RECORDING_SECONDS), jingle, 5.0) for n in numbers]
    parts = [rows(numbers[i : i + 100], np.random.default_rng(i)) for i in range(0, len(numbers), 100)]
    found = pa.concat_tables([schema(DatasetRow).empty_table(), *parts])
    return Batch(
        [account(n) for n in numbers], found, lambda: iter(prints), "0" * 64, Lineage({"publish": {"image": "x", "settings": rules}})
    )


def publish_new(store: Store, clips: int) -> str:
    count = round(NEW_CLIPS / OF_RECORDING)
    first = len(Ledger(store, NAME).rows())
    new = batch(range(first, first + count), RULES)
    for sha256 in new.rows["audio_sha256"].to_pylist():
        store.write(audio_key(NAME, sha256), b"fLaC")
    numbers = range(first, first + count)
    Ledger(store, NAME).write(lambda _: [replace(ledger_row(n), run=f"run-{first}", outcome="", kept_samples=0) for n in numbers])
    began = time.monotonic()
    done = publish(store, NAME, f"run-{first}", new, parse(RULES))
    assert done.made and done.made.lineage["clips"]["all"] == (first + count) * OF_RECORDING
    return f"{time.monotonic() - began:.1f} s"


def publish_rules(store: Store, clips: int) -> str:
    rules, began = RULES | {"min_dnsmos": 2.5}, time.monotonic()
    done = publish(store, NAME, f"rules-{time.time()}", batch(range(0), rules), parse(rules))
    assert done.made
    return f"{time.monotonic() - began:.1f} s"


def publish_first_rules(store: Store, clips: int) -> str:
    """The rules of all later versions, so that these find their reasons in place."""
    done = publish(store, NAME, "run-a", batch(range(0), RULES), parse(RULES))
    assert done.made
    return ""


def publish_first(store: Store, clips: int) -> str:
    """All clips are new, in a dataset without a version; no two have one voice, so that nothing joins."""
    rules = {**RULES, "refuse_repeats": False}
    new = batch(range(clips // OF_RECORDING), rules)
    for sha256 in new.rows["audio_sha256"].to_pylist():
        store.write(audio_key("first", sha256), b"fLaC")
    began, spent = time.monotonic(), time.process_time()
    done = publish(store, "first", "run-0", new, parse(rules))
    assert done.made
    return f"{time.monotonic() - began:.1f} s, {time.process_time() - spent:.1f} s of processors, {done.speakers['count']} speakers"


FIRST = "publish as the first version"
STEPS = {
    FIRST: publish_first,
    "the rules for the first time": publish_first_rules,
    f"publish {NEW_CLIPS} new clips": publish_new,
    "publish by another rule": publish_rules,
}


def child(step: str, folder: str, clips: int) -> None:
    began = time.monotonic()
    said = STEPS[step](open_store(folder), clips)
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{clips:>10,} clips: {step}: {said or f'{time.monotonic() - began:.1f} s'}, {mb:.0f} MB at most", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, help="keeps the datasets here")
    parser.add_argument("--step", choices=[*STEPS, "make"])
    given = parser.parse_args()
    root = given.folder or Path(tempfile.mkdtemp(prefix="speechmill-"))
    for clips in given.clips:
        folder = root / str(clips)
        if given.step:
            child(given.step, str(folder), clips) if given.step != "make" else make(open_store(str(folder)), clips)
            continue
        for step in ["make", *STEPS]:
            if (step == "make" and folder.exists()) or (step == FIRST and clips > MOST_FIRST):
                continue
            options = ["--clips", str(clips), "--folder", str(root), "--step", step]
            if os.spawnv(os.P_WAIT, sys.executable, [sys.executable, __file__, *options]):
                raise SystemExit(1)
        if not given.folder:
            shutil.rmtree(folder)
