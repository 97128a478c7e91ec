"""Episodes of a show that share a jingle, an advertisement and a minute of talk, as separate MP3s, and their fingerprints."""

import csv
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.fingerprint.fingerprint import HOP_SECONDS, SPAN_SECONDS, hashes
from components.shared.audio import FlacWriter, decode, ffmpeg
from components.shared.rows import SAMPLE_RATE_HZ, Fingerprint
from tests.artifacts import write_flac
from tests.places import DATA

Sound = NDArray[np.float64]
SHARED = {"jingle": 6.0, "advertisement": 20.0, "minute": 60.0}
"""What comes back, and how long it is."""
LAYOUT = {
    "one": (13.37, "jingle", 9.2, "advertisement", 8.0),
    "two": (7.501, "jingle", 11.1, "minute", 6.3),
    "three": (10.045, "advertisement", 8.21, "jingle", 7.77, "minute", 9.9),
}
"""The episodes in the order of their publication: what they share, and seconds of what they do not."""
DATES = {"one": "2026-01-01", "two": "2026-01-08", "three": "2026-01-15", "rerun": "2026-01-22"}
CUT_SECONDS = 4.321
"""So much less of the first episode is in its rerun."""


@dataclass(frozen=True)
class Show:
    fingerprints: dict[str, Fingerprint]
    seconds: dict[str, float]
    starts: dict[tuple[str, str], float]
    """Where what is shared begins, by episode and name."""


class Synthetic:
    """Notes, each sound another melody; what stands for speech glides, with pauses."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(5)

    def music(self, seconds: float) -> Sound:
        return self._notes(seconds, glide=0.0)

    def talk(self, seconds: float) -> Sound:
        return self._notes(seconds, glide=0.5)

    def _notes(self, seconds: float, glide: float) -> Sound:
        count, at = round(seconds * SAMPLE_RATE_HZ), 0
        sound = np.zeros(count)
        while at < count:
            t = np.arange(min(round(self._rng.uniform(0.1, 0.4) * SAMPLE_RATE_HZ), count - at)) / SAMPLE_RATE_HZ
            for note in 110 * 2 ** (self._rng.uniform(0, 36, 3) / 12):
                sound[at : at + len(t)] += np.sin(2 * np.pi * note * (t + glide * self._rng.uniform(-1, 1) * t**2)) * np.exp(-3 * t)
            at += len(t) + round(glide * 0.1 * SAMPLE_RATE_HZ)
        return sound


class Real:
    """Utterances, each taken once, and excerpts of music, each of another piece."""

    def __init__(self) -> None:
        with (DATA / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        speech = [r["path"] for r in rows if r["corpus"].startswith(("librispeech", "emotiontts_ko"))]
        music = [r["path"] for r in rows if r["kind"] == "music" and float(r["duration_s"]) > 30]
        rng = np.random.default_rng(6)
        self._speech, self._music = iter(rng.permutation(speech).tolist()), iter(rng.permutation(music).tolist())

    def music(self, seconds: float) -> Sound:
        return np.resize(self._sound(next(self._music)), round(seconds * SAMPLE_RATE_HZ))

    def talk(self, seconds: float) -> Sound:
        count, parts = round(seconds * SAMPLE_RATE_HZ), list[Sound]()
        while sum(map(len, parts)) < count:
            parts.append(self._sound(next(self._speech)))
        return np.concatenate(parts)[:count]

    @staticmethod
    def _sound(path: str) -> Sound:
        return np.concatenate(list(decode(DATA / path, SAMPLE_RATE_HZ)))[:, 0].astype(np.float64)


def made(source: Synthetic | Real, folder: Path) -> Show:
    """The episodes, and a rerun of the first one in another encoding."""

    def level(sound: Sound, rms: float) -> Sound:
        return sound * rms / np.sqrt(np.mean(sound**2))

    def over(talk: Sound, music: Sound) -> Sound:
        return level(talk, 0.1) + level(music, 0.02)

    seconds = SHARED["advertisement"]
    shared = {
        "jingle": level(source.music(SHARED["jingle"]), 0.1),
        "advertisement": over(source.talk(seconds), source.music(seconds)),
        "minute": level(source.talk(SHARED["minute"]), 0.1),
    }
    sounds, starts = {}, {}
    for name, parts in LAYOUT.items():
        own = iter(over(source.talk(n), source.music(n)) for n in parts if not isinstance(n, str))
        at, pieces = 0.0, list[Sound]()
        for part in parts:
            pieces.append(shared[part] if isinstance(part, str) else next(own))
            if isinstance(part, str):
                starts[name, part] = at
            at += len(pieces[-1]) / SAMPLE_RATE_HZ
        sounds[name] = np.concatenate(pieces)
    sounds["rerun"] = 0.6 * sounds["one"][round(CUT_SECONDS * SAMPLE_RATE_HZ) :]
    bit_rates = {"rerun": "64k"}
    found = {n: taken(n, s, folder, bit_rates.get(n, "128k")) for n, s in sounds.items()}
    return Show(found, {n: len(s) / SAMPLE_RATE_HZ for n, s in sounds.items()}, starts)


def taken(name: str, sound: Sound, folder: Path, bit_rate: str) -> Fingerprint:
    """The fingerprint of what comes out of an MP3."""
    wave, encoded, decoded = (folder / f"{name}{end}" for end in (".flac", ".mp3", "-again.flac"))
    subprocess.run([ffmpeg(), "-v", "error", "-i", write_flac(wave, sound), "-b:a", bit_rate, encoded], check=True)
    with FlacWriter(decoded) as file:
        for block in decode(encoded, SAMPLE_RATE_HZ):
            file.write(block)
    return Fingerprint(name, HOP_SECONDS, SPAN_SECONDS, hashes(decoded).tobytes())


def clips(seconds: float, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """A recording cut anywhere, in clips of 2 to 9 s."""
    start = 0.0
    while (end := start + float(rng.uniform(2, 9))) < seconds:
        yield start, end
        start = end
