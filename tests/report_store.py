"""A store with a synthetic dataset that contains everything a report can show."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.shared.audio import flac_bytes, pcm_sha256
from components.shared.events import EVENT
from components.shared.rows import SAMPLE_RATE_HZ, VOICE, DatasetRow, TimelineSpan
from components.shared.table import empty, to_table
from store.datasets import DatasetStore, audio_key, timeline_key
from store.interface import Store
from store.ledger import FAILED, Ledger, LedgerRow
from store.truth import Truth, write_truth
from tests.versions import put_version

NAME = "show"
HOSTILE = '<script>alert("title")</script>\'"><img src=x onerror=alert(1)>'
"""HTML in a title or a text, as a stranger may write it."""
REASONS = ("", "", "", "dnsmos", "", "too_short", "", "repeats:r0-00000000", "", "speaker")
SETTINGS = {"min_dnsmos": 2.5, "min_seconds": 1.5, "min_similarity": 0.84, "speakers": "dominant", "tones": ""}
LINEAGE = {
    "stages": {
        "publish": {"image": "speechmill/publish:0123456789abcdef", "settings": SETTINGS},
        "separate": {
            "image": "speechmill/separate:0123456789abcdef",
            "settings": {"threads": 2},
            "models": {"model": "small/0123456789ab"},
        },
    },
    "sources_sha256": "0" * 64,
    "seconds": {"kept_seconds": 0.0, "rejected_music_seconds": 61.5, "rejected_silence_seconds": 3.25},
}


def sound(seconds: float, seed: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A voice-like buzz with noise."""
    times = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    noise = np.random.default_rng(seed).normal(0, 0.01, len(times))
    buzz = sum(np.sin(2 * np.pi * (110 + 7 * seed) * k * times) / k for k in range(1, 30))
    return np.rint(8000 * (0.5 * buzz * (np.sin(6 * times) > 0) + noise)).clip(-32768, 32767).astype(np.int16)


def put_sound(store: Store, seconds: float, seed: int) -> str:
    pcm = sound(seconds, seed)
    sha256 = pcm_sha256(pcm)
    store.write(audio_key(NAME, sha256), flac_bytes(pcm))
    return sha256


def put_timeline(store: Store, recording: str, clips: int) -> str:
    """Puts a timeline: speech with music between, two people in turn, laughter, a whistle over all of it, and an effect."""
    heard = [TimelineSpan(recording, 6.0 * i, 6.0 * i + 5, "speech", ("female", "male")[i % 2]) for i in range(clips)]
    heard += [TimelineSpan(recording, 6.0 * i + 5, 6.0 * i + 6, ("music", "noise", "silence")[i % 3], "") for i in range(clips)]
    heard += [TimelineSpan(recording, 6.0 * i, 6.0 * i + 5, VOICE, str(i % 2)) for i in range(clips)]
    heard += [TimelineSpan(recording, 6.0 * i + 2, 6.0 * i + 4, EVENT, "laughter") for i in range(0, clips, 5)]
    heard += [TimelineSpan(recording, 0.0, 6.0 * clips, "tones", "6000 Hz"), TimelineSpan(recording, 7.0, 8.0, "sfx", HOSTILE)]
    file = io.BytesIO()
    pq.write_table(to_table(TimelineSpan, sorted(heard, key=lambda h: (h.start, h.end))), file)
    sha256 = hashlib.sha256(file.getvalue()).hexdigest()
    store.write(timeline_key(NAME, sha256), file.getvalue())
    return sha256


def rows(count: int, audio: Sequence[str], before: str, timelines: Sequence[str], of_recording: int = 10) -> list[DatasetRow]:
    """Clips with random scores, `of_recording` per recording. Every call gives the same rows."""
    chance, made = np.random.default_rng(0), []
    for i in range(count):
        recording, place = f"r{i // of_recording}", i % of_recording
        seconds, reason = 1.0 + 4.0 * chance.random(), REASONS[i % len(REASONS)]
        made.append(
            replace(
                empty(DatasetRow),
                clip=f"{recording}-{6000 * place:08d}",
                recording=recording,
                source=f"https://example.org/{recording}.mp3",
                title=HOSTILE if i // of_recording == 0 else f"Episode {i // of_recording} 저녁 바람",
                start=6.0 * place,
                end=6.0 * place + seconds,
                samples=round(seconds * SAMPLE_RATE_HZ),
                gender=("female", "male")[i % 2],
                speaker=f"s{1 + i % 7:04d}",
                tone=("calm", "angry", HOSTILE)[i % 3] if i % 11 else "",
                language="ko",
                text=f"{HOSTILE} 안녕하세요 {i}",
                audio_sha256=audio[i % len(audio)],
                before_sha256=before if i % 2 else "",
                timeline_sha256=timelines[(i // of_recording) % len(timelines)],
                similarity=0.6 + 0.4 * chance.random() if i % 5 else None,
                purity=0.5 + 0.5 * chance.random(),
                dnsmos_ovrl=1 + 3 * chance.random() if i % 9 else None,
                snr_db=40 * chance.random(),
                bandwidth_hz=4000 + 12000 * chance.random(),
                laughter=0.1 * (i % 4) if i % 2 else None,
                music=1.0,
                events_top=["Music"],
                events_by="yamnet",
                clipped_share=0.001 * chance.random() ** 4,
                confidence=-chance.random(),
                characters_per_second=9 + 4 * chance.random(),
                kept=not reason,
                reason=reason,
            )
        )
    return made


def make(store: Store, clips: int = 40) -> list[DatasetRow]:
    """Publishes a version with a failed download and known tones; returns its rows."""
    audio = [put_sound(store, 3.0, seed) for seed in range(3)]
    found = rows(clips, audio, put_sound(store, 3.0, 9), [put_timeline(store, f"r{i}", 10) for i in range(2)])
    kept = sum(r.samples for r in found if r.kept) / SAMPLE_RATE_HZ
    lineage = LINEAGE | {"seconds": LINEAGE["seconds"] | {"kept_seconds": kept}}  # type: ignore[operator]
    put_version(DatasetStore(store, NAME), found, lineage=lineage)
    lost = replace(empty(LedgerRow), recording="lost", title=HOSTILE, url="https://example.org/x", outcome=FAILED, reason=f"404 {HOSTILE}")
    Ledger(store, NAME).write(lambda _: [lost])
    write_truth(store, NAME, [Truth("r0.mp3", 0.0, 60.0, "calm"), Truth("https://example.org/r1.mp3", 0.0, 60.0, "angry")])
    return DatasetStore(store, NAME).rows(DatasetStore(store, NAME).version())
