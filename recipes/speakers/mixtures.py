"""Builds the test recordings: each speaker's utterances one after the other, clean, over music or ambience, on the
telephone, and in a room.

An utterance lies at the same time in every condition, so all conditions are compared on the same speech.
"""

import csv
import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import FlacWriter, Samples, decode
from components.shared.rows import SAMPLE_RATE_HZ, Recording
from components.shared.table import write_rows

SPEECH_RMS = 0.1
PAUSE_SECONDS = 0.6
MOST_UTTERANCES = 8
"""Utterances used per speaker, so that no corpus dominates because it has more of them."""
LEFT_GAIN, RIGHT_GAIN = 1.3, 0.7
"""Gains of the music in the two channels: it lies to one side, as in a broadcast. Speech and ambience are in the middle."""

CONDITIONS = {
    "clean": None,
    "talk": ("music", -18.0, -12.0),
    "bed": ("music", -12.0, -5.0),
    "ambience": ("noise", -15.0, -15.0),
    "phone": None,
    "room": None,
}
"""What is mixed under the speech, and the range of its level relative to the speech, in dB."""
PHONE_HZ = (300.0, 3400.0)
"""The band of a telephone."""
ROOM_SECONDS = (0.2, 0.5)
"""Time in which a room's sound falls by 60 dB, and ROOM_DB, how far it lies below the direct sound."""
ROOM_DB = (4.0, 10.0)


@dataclass(frozen=True)
class Utterance:
    """One utterance, and its start and end in its speaker's recordings, in seconds."""

    path: str
    speaker: str
    gender: str
    language: str
    start: float
    end: float


def recording_id(condition: str, speaker: str) -> str:
    """The id of a speaker's recording in a condition."""
    return hashlib.sha256(f"{condition} {speaker}".encode()).hexdigest()[:16]


def chosen(data: Path, split: str, left_out: Iterable[str]) -> tuple[dict[str, list[dict[str, str]]], dict[str, list[dict[str, str]]]]:
    """Chooses rows of the manifest: utterances by speaker, and music and ambience by kind ("music", "noise")."""
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == split]
    speakers, beds = defaultdict(list), defaultdict(list)
    for row in rows:
        if row["kind"] in ("speech", "emotion") and row["speaker"] not in left_out:
            speakers[row["speaker"]].append(row)
        elif row["kind"] == "music" and "vocal" not in row["label"]:
            beds["music"].append(row)
        elif row["corpus"] == "ambience":
            beds["noise"].append(row)
    order = {name: sorted(rows, key=lambda r: zlib.crc32(r["path"].encode())) for name, rows in speakers.items()}
    return {name: rows[:MOST_UTTERANCES] for name, rows in sorted(order.items())}, beds


def write_mixtures(
    data: Path, speakers: dict[str, list[dict[str, str]]], beds: dict[str, list[dict[str, str]]], conditions: Sequence[str], folder: Path
) -> list[Utterance]:
    """Writes a recordings artifact, one stereo recording per speaker and condition; returns where each utterance lies."""
    music = {row["path"]: _load(data / row["path"]) for rows in beds.values() for row in rows}
    recordings, found = [], []
    for speaker, rows in speakers.items():
        voices = [(row, _leveled(_trimmed(_load(data / row["path"])))) for row in rows]
        found += _places(speaker, voices)
        for condition in conditions:
            name = recording_id(condition, speaker)
            rng = np.random.default_rng(int(name, 16))
            with FlacWriter(folder / "audio" / f"{name}.flac", channels=2) as file:
                for _, clean in voices:
                    voice = _heard(clean, condition, rng)
                    under = _bed(CONDITIONS[condition], beds, music, len(voice), rng)
                    pause = np.zeros((_pause_samples(), 2), np.float32)
                    file.write(np.concatenate([_stereo(voice, under, to_one_side="noise" not in (CONDITIONS[condition] or ())), pause]))
            seconds = file.samples / SAMPLE_RATE_HZ
            title = f"{condition} {speaker}"
            recordings.append(Recording(name, "local", title, title, "", "", "", seconds, file.samples, name, "", "", "", ""))
    write_rows(folder, Recording, recordings)
    return found


def downmixed(stereo: Path, mono: Path, rows: Iterable[Recording]) -> None:
    """Writes the recordings as a mono voices artifact, as `separate` would without removing anything."""
    for row in rows:
        with FlacWriter(mono / "audio" / f"{row.recording}.flac") as file:
            for block in decode(stereo / "audio" / f"{row.recording}.flac", SAMPLE_RATE_HZ):
                file.write(block)
    write_rows(mono, Recording, rows)


def _places(speaker: str, voices: list[tuple[dict[str, str], Samples]]) -> list[Utterance]:
    found, at = [], 0
    for row, voice in voices:
        gender = {"F": "female", "M": "male"}[row["gender"]]
        language = re.split("[-_]", row["lang"])[0]
        start, end = at / SAMPLE_RATE_HZ, (at + len(voice)) / SAMPLE_RATE_HZ
        found.append(Utterance(row["path"], speaker, gender, language, start, end))
        at += len(voice) + _pause_samples()
    return found


def _bed(
    kind: tuple[str, float, float] | None,
    beds: dict[str, list[dict[str, str]]],
    sounds: dict[str, Samples],
    samples: int,
    rng: np.random.Generator,
) -> Samples:
    """A random piece of this length at a random level of the condition; silence for a clean one."""
    if kind is None:
        return np.zeros(samples, np.float32)
    name, low_db, high_db = kind
    sound = sounds[beds[name][rng.integers(len(beds[name]))]["path"]]
    piece = np.take(sound, np.arange(samples) + rng.integers(len(sound)), mode="wrap")
    return _leveled(piece) * np.float32(10 ** (rng.uniform(low_db, high_db) / 20))


def _heard(voice: Samples, condition: str, rng: np.random.Generator) -> Samples:
    """The voice as it is heard on the telephone or in a room, of the same length and level; as it is in other conditions."""
    if condition == "phone":
        spectrum, hz = np.fft.rfft(voice), np.fft.rfftfreq(len(voice), 1 / SAMPLE_RATE_HZ)
        spectrum[(hz < PHONE_HZ[0]) | (hz > PHONE_HZ[1])] = 0
        return _leveled(np.fft.irfft(spectrum, len(voice)).astype(np.float32))
    if condition == "room":
        fall = rng.uniform(*ROOM_SECONDS)
        tail = rng.standard_normal(round(fall * SAMPLE_RATE_HZ)) * 10 ** (-3 * np.linspace(0, 1, round(fall * SAMPLE_RATE_HZ)))
        tail *= 10 ** (-rng.uniform(*ROOM_DB) / 20) / np.sqrt(np.sum(tail**2))
        tail[0] += 1
        size = len(voice) + len(tail)
        return _leveled(np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(tail, size), size)[: len(voice)].astype(np.float32))
    return voice


def _stereo(voice: Samples, under: Samples, to_one_side: bool) -> Samples:
    left, right = (LEFT_GAIN, RIGHT_GAIN) if to_one_side else (1.0, 1.0)
    mixed = np.stack([voice + left * under, voice + right * under], axis=1).astype(np.float32)
    return mixed * np.float32(min(1.0, 0.98 / max(float(np.abs(mixed).max()), 1e-6)))


def _load(path: Path) -> Samples:
    return np.concatenate([block[:, 0] for block in decode(path, SAMPLE_RATE_HZ)])


def _trimmed(samples: Samples) -> Samples:
    """Cuts off both ends where they stay below a fiftieth of the peak."""
    loud: NDArray[np.int64] = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 50)
    pad = SAMPLE_RATE_HZ // 20
    return samples[max(0, int(loud[0]) - pad) : int(loud[-1]) + pad]


def _leveled(samples: Samples) -> Samples:
    return samples * np.float32(SPEECH_RMS / max(float(np.sqrt(np.mean(samples**2))), 1e-6))


def _pause_samples() -> int:
    return round(PAUSE_SECONDS * SAMPLE_RATE_HZ)
