"""Time and memory of finding repeated sounds in `publish`, and speed of the fingerprint. There is no peer.

    PYTHONPATH=. .venvs/publish/bin/python benchmarks/repeats.py [--stored-hours 1000] [--new-hours 1] [--episodes 1000] …

Measures four cases: a loop of 8 s that repeats for hours; many new episodes that share five sounds; new hours that each contain a
minute of three stored hours; and the fingerprint of real samples. The fingerprints of the first three cases are random: a few bits
differ from one hash to the next, as in fingerprints of sound. Prints CPU seconds, seconds, peak memory and the repeats found.
"""

import argparse
import resource
import tempfile
import time
from dataclasses import replace
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
    """A random fingerprint with one hash every `hops` hops."""
    rng, hop_seconds = np.random.default_rng(seed), hops * HOP_SECONDS
    flips = (
        np.packbits(rng.random((round((seconds - SPAN_SECONDS) / hop_seconds), 32), np.float32) < hops * FLIPPED, axis=1)
        .view("<u4")[:, 0]
        .copy()
    )
    flips[0] = rng.integers(2**32)
    return Fingerprint(name, hop_seconds, SPAN_SECONDS, np.bitwise_xor.accumulate(flips).astype("<u4").tobytes())


def looped(name: str, period_seconds: float, seconds: float) -> Fingerprint:
    """A fingerprint that repeats with a period."""
    turn = np.frombuffer(made(name, 0, period_seconds + SPAN_SECONDS).hashes, "<u4")
    return Fingerprint(name, HOP_SECONDS, SPAN_SECONDS, np.resize(turn, round((seconds - SPAN_SECONDS) / HOP_SECONDS)).tobytes())


def with_sound(new: Fingerprint, sound: Fingerprint, start_seconds: float) -> Fingerprint:
    """The fingerprint with the hashes of a sound from a time on."""
    values, start = np.frombuffer(new.hashes, "<u4").copy(), round(start_seconds / HOP_SECONDS)
    values[start : start + len(sound.hashes) // 4] = np.frombuffer(sound.hashes, "<u4")
    return Fingerprint(new.recording, HOP_SECONDS, SPAN_SECONDS, values.tobytes())


def with_minutes(new: Fingerprint, stored: list[Fingerprint]) -> Fingerprint:
    """The fingerprint with one minute of each stored one, at minutes 10, 20 and so on."""
    minute = 4 * round(60 / HOP_SECONDS)
    for number, other in enumerate(stored, 1):
        new = with_sound(new, replace(other, hashes=other.hashes[5 * minute : 6 * minute]), number * 600)
    return new


def found_in(store: FingerprintStore, new: list[Fingerprint], what: str) -> None:
    """Writes the new fingerprints to a store, finds the repeats and prints time and memory."""
    store.write([thinned(fingerprint) for fingerprint in new])
    before, began, spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic(), time.process_time()
    repeats = found(store, new, {f.recording for f in new}, lambda recording: ("", recording))
    print(
        f"{what}: {time.process_time() - spent:.1f} s of a processor, {time.monotonic() - began:.1f} s, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB ({before / 1024:.0f} MB before); {len(repeats)} repeats",
        flush=True,
    )


def matching(stored_hours: int, new_hours: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FingerprintStore(open_store(folder), "show")
        copied = [made(f"old{seed:05d}", seed, 3600) for seed in range(3)]
        store.write([*map(thinned, copied), *(made(f"old{seed:05d}", seed, 3600, THINNED) for seed in range(3, stored_hours))])
        new = [with_minutes(made(f"new{n:05d}", stored_hours + n, 3600), copied) for n in range(new_hours)]
        found_in(store, new, f"{new_hours} new hours and {stored_hours} stored ones")
        size = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / (stored_hours + new_hours)
        print(f"an hour takes {size / 1000:.0f} kB in the store, {len(new[0].hashes) / 1000:.0f} kB in a part")


def looping(hours: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found_in(FingerprintStore(open_store(folder), "show"), [looped("hold", 8.0, 3600 * hours)], f"a loop of 8 s for {hours:g} hours")


def sharing(episodes: int, sounds: int, minutes: int) -> None:
    """Many new episodes at once that share sounds of 6 to 10 s, at different times in each."""
    shared = [made(f"sound{n}", n, 6.0 + n % 5) for n in range(sounds)]
    new = []
    for n in range(episodes):
        episode = made(f"new{n:05d}", 1000 + n, 60.0 * minutes)
        for number, sound in enumerate(shared):
            episode = with_sound(episode, sound, 60.0 * minutes * (number + 0.1 + 0.5 * n / episodes) / sounds)
        new.append(episode)
    with tempfile.TemporaryDirectory() as folder:
        store = FingerprintStore(open_store(folder), "show")
        found_in(store, new, f"{episodes} new episodes of {minutes} minutes with {sounds} sounds in each")


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
    parser.add_argument("--loop-hours", type=float, default=3)
    parser.add_argument("--episodes", type=int, default=1000, help="of ten minutes, that are new at once")
    given = parser.parse_args()
    looping(given.loop_hours)  # first, since a peak of memory never falls
    sharing(given.episodes, 5, 10)
    matching(given.stored_hours, given.new_hours)
    taking(given.minutes)
