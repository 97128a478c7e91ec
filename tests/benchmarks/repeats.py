"""Time and memory of finding what a new hour repeats of a thousand stored ones, and speed of the fingerprint itself.

    PYTHONPATH=. .venvs/publish/bin/python tests/benchmarks/repeats.py [--stored-hours 1000] [--new-hours 1]

Fingerprints are made of chance: bits that flip one by one, as those of sound do. In each new hour is a minute of three stored ones.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from components.fingerprint.fingerprint import HOP_SECONDS, SPAN_SECONDS, hashes
from components.publish.matching import THINNED, thinned
from components.publish.repeats import found
from components.shared.audio import FlacWriter
from components.shared.rows import SAMPLE_RATE_HZ, Fingerprint
from store.fingerprints import FingerprintStore
from store.objects import open_store

FLIPPED = 0.04
"""Share of the bits that differ from one hash to the next."""


def made(name: str, seed: int, seconds: float, hops: int = 1) -> Fingerprint:
    """A fingerprint of no sound, a hash every so many hops."""
    rng, hop_seconds = np.random.default_rng(seed), hops * HOP_SECONDS
    flips = np.packbits(rng.random((round(seconds / hop_seconds), 32), np.float32) < hops * FLIPPED, axis=1).view("<u4")[:, 0].copy()
    flips[0] = rng.integers(2**32)
    return Fingerprint(name, hop_seconds, SPAN_SECONDS, np.bitwise_xor.accumulate(flips).astype("<u4").tobytes())


def with_minutes(new: Fingerprint, stored: list[Fingerprint]) -> Fingerprint:
    """The same with a minute of each of some others in it, at the tenth, twentieth … minute."""
    minute, values = round(60 / HOP_SECONDS), np.frombuffer(new.hashes, "<u4").copy()
    for number, other in enumerate(stored, 1):
        values[number * 10 * minute : (number * 10 + 1) * minute] = np.frombuffer(other.hashes, "<u4")[5 * minute : 6 * minute]
    return Fingerprint(new.recording, HOP_SECONDS, SPAN_SECONDS, values.tobytes())


def matching(stored_hours: int, new_hours: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FingerprintStore(open_store(folder), "show")
        copied = [made(f"old{seed:05d}", seed, 3600) for seed in range(3)]
        for fingerprint in copied:
            store.write(thinned(fingerprint))
        for seed in range(3, stored_hours):
            store.write(made(f"old{seed:05d}", seed, 3600, THINNED))
        new = [with_minutes(made(f"new{n:05d}", stored_hours + n, 3600), copied) for n in range(new_hours)]
        for fingerprint in new:
            store.write(thinned(fingerprint))
        size = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / (stored_hours + new_hours)
        before, began, spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic(), time.process_time()
        repeats = found(store, new, {f.recording for f in new}, lambda recording: ("", recording))
        print(
            f"{new_hours} new hours and {stored_hours} stored ones: {time.process_time() - spent:.1f} s of a processor, "
            f"{time.monotonic() - began:.1f} s, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB "
            f"({before / 1024:.0f} MB before); {len(repeats)} repeats"
        )
        print(f"an hour takes {size / 1000:.0f} kB in the store, {len(new[0].hashes) / 1000:.0f} kB in a part")


def taking(minutes: int) -> None:
    minute = np.random.default_rng(0).normal(0, 0.1, (60 * SAMPLE_RATE_HZ, 2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.flac"
        with FlacWriter(path, channels=2) as file:
            for _ in range(minutes):
                file.write(minute)
        hashes(path)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = used.ru_utime + used.ru_stime
    print(f"fingerprint: {minutes * 60 / spent:.0f} s of audio a processor second, peak {used.ru_maxrss / 1024:.0f} MB, {minutes} minutes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored-hours", type=int, default=1000)
    parser.add_argument("--new-hours", type=int, default=1)
    parser.add_argument("--minutes", type=int, default=60, help="of audio, for the fingerprint")
    given = parser.parse_args()
    taking(given.minutes)
    matching(given.stored_hours, given.new_hours)
