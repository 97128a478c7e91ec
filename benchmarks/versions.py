"""Time and memory of the commands that show, compare and query versions, on a large dataset. There is no peer.

    PYTHONPATH=. .venv/bin/python benchmarks/versions.py [--clips 1000000] [--folder FOLDER] [--no-vectors]

The dataset is synthetic: blocks of 32,768 clips, 150 clips per recording. Its second version has another rule and a block of new
recordings, and rewrites one block in ten. A folder that already holds the dataset is used as it is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from components.shared.table import empty, schema
from components.shared.table import to_table as rows_to_table
from store.datasets import Change, DatasetStore
from store.objects import open_store
from store.version_rows import DatasetSpeaker, Decision, Recorded

BLOCK_CLIPS, RECORDING_CLIPS = 32_768, 150
SPEAKERS, NUMBERS = 400, 192
TONES = ("neutral", "happy", "sad", "angry", "")
WORDS = ("the", "a", "of", "we", "you", "then", "dataset", "voice", "music", "hello", "what", "is", "going", "on", "here", "today")
QUERIES = (
    "select count(*) from clips",
    "select speaker, count(*), sum(samples) / 44100 / 3600 as hours from clips where kept group by all order by hours desc limit 5",
    "select tone, avg(dnsmos_ovrl), avg(snr_db) from clips where kept group by all",
    "select clip, title, text from clips where kept and text like '%music hello what%' limit 20",
)


def block(number: int, count: int, vectors: bool) -> tuple[pa.Table, pa.Table]:
    """A block's measurements, and its decisions without the name of the block."""
    rng = np.random.default_rng(number)
    names = np.array([f"{number:06x}{i:010x}" for i in range(-(-count // RECORDING_CLIPS))])
    recordings = np.repeat(names, RECORDING_CLIPS)[:count]
    places = np.arange(count) % RECORDING_CLIPS
    samples = rng.integers(SAMPLE_RATE_HZ, 12 * SAMPLE_RATE_HZ, count)
    texts = [" ".join(WORDS[j] for j in row) for row in rng.integers(0, len(WORDS), (count, 12))]
    columns: dict[str, object] = {
        "clip": [f"{r}-{20_000 * p:08d}" for r, p in zip(recordings, places, strict=True)],
        "recording": recordings,
        "source": [f"https://a.example/{r}.mp3" for r in recordings],
        "title": [f"Episode {r}" for r in recordings],
        "start": 20.0 * places,
        "end": 20.0 * places + samples / SAMPLE_RATE_HZ,
        "samples": samples,
        "gender": np.array(["female", "male"])[rng.integers(0, 2, count)],
        "tone": np.array(TONES)[rng.integers(0, len(TONES), count)],
        "language": np.array(["ko", "en"])[rng.integers(0, 2, count)],
        "audio_sha256": [f"{n:064x}" for n in rng.integers(0, 2**62, count)],
        "text": texts,
    }
    numbers = [f.name for f in schema(DatasetRow) if f.nullable]
    columns |= {n: np.round(rng.normal(3, 1, count), 4) for n in numbers}
    if vectors:
        values = rng.normal(0, 0.07, count * NUMBERS).astype("<f4")
        columns["vector"] = pa.ListArray.from_arrays(np.arange(0, count * NUMBERS + 1, NUMBERS, dtype=np.int32), values)
    nothing = rows_to_table(DatasetRow, [empty(DatasetRow)])
    filled = [pa.array(columns[f.name], f.type) if f.name in columns else pa.repeat(nothing[f.name][0], count) for f in schema(DatasetRow)]
    rows = pa.table(filled, schema=schema(DatasetRow))
    kept = rng.random(count) < 0.8
    speakers = np.array([f"s{n:04d}" for n in range(1, SPEAKERS + 1)])[rng.integers(0, SPEAKERS, count)]
    decided = {"voice": speakers, "speaker": speakers, "kept": kept, "reason": np.where(kept, "", "too_noisy"), "block": [""] * count}
    return rows, pa.table({f.name: pa.array(decided[f.name], f.type) if f.name in decided else rows[f.name] for f in schema(Decision)})


def recorded(name: str, decisions: pa.Table, run: str) -> list[Recorded]:
    sums = pa.TableGroupBy(decisions, ["recording", "kept"], use_threads=False).aggregate([("samples", "sum")]).to_pydict()
    found: dict[str, Recorded] = {}
    for recording, kept, samples in zip(*sums.values(), strict=True):
        row = found.get(recording) or replace(
            empty(Recorded), recording=recording, run=run, block=name, url=f"https://a.example/{recording}"
        )
        more = {"kept_samples": row.kept_samples + samples} if kept else {"rejected_samples": row.rejected_samples + samples}
        found[recording] = replace(row, samples=row.samples + samples, **more)
    return list(found.values())


def lineage(decisions: list[pa.Table], seconds: float) -> dict[str, object]:
    count, kept = sum(d.num_rows for d in decisions), sum(pc.sum(d["kept"]).as_py() for d in decisions)
    return {
        "stages": {"publish": {"image": "publish:1", "settings": {"min_snr_db": seconds}}},
        "sources_sha256": "5" * 64,
        "clips": {"all": count, "kept": kept},
        "seconds": {"kept_seconds": sum(pc.sum(d.filter(d["kept"])["samples"]).as_py() for d in decisions) / SAMPLE_RATE_HZ},
        "speakers": {"given": SPEAKERS, "count": SPEAKERS, "dominant": "", "speech_seconds": 0.0, "seconds": {}},
    }


def make(folder: Path, clips: int, vectors: bool) -> None:
    """Publishes both versions."""
    dataset, light, recordings = DatasetStore(open_store(str(folder)), "large"), dict[str, pa.Table](), list[Recorded]()
    speakers = [replace(empty(DatasetSpeaker), speaker=f"s{n:04d}") for n in range(1, SPEAKERS + 1)]

    def blocks(first: int, count: int, run: str) -> Iterator[tuple[str, pa.Table]]:
        for number in range(first, first + -(-count // BLOCK_CLIPS)):
            rows, decisions = block(number, min(BLOCK_CLIPS, count - (number - first) * BLOCK_CLIPS), vectors)
            name = dataset.blocks.write(rows)
            place = decisions.schema.get_field_index("block")
            decisions = decisions.set_column(place, decisions.schema.field(place), pa.repeat(name, decisions.num_rows))
            light[name] = decisions.select(["samples", "kept"])
            recordings.extend(recorded(name, decisions, run))
            yield name, decisions

    first = list(dataset.table.write(n, d) for n, d in blocks(0, clips, "run-1"))

    def one(_: object) -> Change:
        return Change(
            ((f.block, dataset.table.read(f)) for f in first),
            sorted(recordings, key=lambda r: r.recording),
            speakers,
            lineage([*light.values()], 0),
        )

    dataset.publish("run-1", one)

    def changed() -> Iterator[tuple[str, pa.Table]]:
        for file in first[::10]:
            decisions = dataset.table.read(file)
            rejected = pc.less(decisions["samples"], 2 * SAMPLE_RATE_HZ)
            kept, reason = pc.and_(decisions["kept"], pc.invert(rejected)), pc.if_else(rejected, "too_short", decisions["reason"])
            for name, values in (("kept", kept), ("reason", reason)):
                place = decisions.schema.get_field_index(name)
                decisions = decisions.set_column(place, decisions.schema.field(place), values)
            light[file.block] = decisions.select(["samples", "kept"])
            yield file.block, decisions
        yield from blocks(len(first), BLOCK_CLIPS, "run-2")

    second = list(changed())
    change = Change(second, sorted(recordings, key=lambda r: r.recording), speakers, lineage([*light.values()], 2))
    dataset.publish("run-2", lambda _: change)


def measured(*arguments: str) -> None:
    """Runs a command of speechmill in a new process, and prints its seconds, its processor's seconds and its peak memory."""
    program = ["-c", "from pipelines.commands.cli import main; main()", *arguments]
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, *program], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = used.ru_utime + used.ru_stime
    failed = f" FAILED with {os.waitstatus_to_exitcode(status)}" if status else ""
    shown = " ".join(arguments[:-2])  # without the store
    print(
        f"{time.monotonic() - began:6.2f} s, {seconds:6.2f} s of processors, {used.ru_maxrss / 1024:5.0f} MB: {shown[:120]}{failed}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--no-vectors", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        if not (folder / "datasets" / "large").exists():
            make(folder, given.clips, not given.no_vectors)
        store = ("--store", str(folder))
        for name in ("list", "versions large", "show large", "show large --json", "diff large 1 2"):
            measured("dataset", *name.split(), *store)
        for query in QUERIES:
            measured("dataset", "sql", "large", query, *store)


if __name__ == "__main__":
    main()
