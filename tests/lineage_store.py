"""A store with a small dataset whose sources, licenses, languages and reasons differ, and with sound."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from components.shared.audio import flac_bytes
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, TimelineSpan, Vector
from components.shared.table import empty
from store.datasets import DatasetStore, audio_key, timeline_key
from store.objects import open_store
from store.parquet import to_bytes
from tests.versions import put_version

NAME = "radio"
RUN = "20261130T101112-a1b2c3"
HOSTILE = "<b>|x|</b>\n# *news*"
BY, BY_TEXT = "https://creativecommons.org/licenses/by/4.0/", "CC BY-SA 4.0"
WORDS = Vector(np.array([0.0, 0.4, 0.5, 0.9], "<f4").tobytes())
LINEAGE: dict[str, Any] = {
    "stages": {
        "publish": {"image": "registry.example/speechmill/publish:0123456789abcdef", "settings": {"min_dnsmos": 2.5, "genders": ""}},
        "cut": {"image": "speechmill/cut:0123456789abcdef", "settings": {"max_seconds": 12.0}},
        "separate": {
            "image": "speechmill/separate:0123456789abcdef",
            "settings": {"threads": 0},
            "models": {"model": "small/0123456789ab", "effects": "none/000000000000"},
        },
    },
    "sources_sha256": "ab" * 32,
    "seconds": {"kept_seconds": 6.0, "rejected_dnsmos_seconds": 2.0, "rejected_music_seconds": 4.0},
    "speakers": {"names": {"s0001": "pengsu"}, "dominant": "s0001"},
}


def clip(recording: str, start: float, source: str, channel: str, licence: str, **known: Any) -> DatasetRow:
    """A clip of two seconds, kept if it has no reason."""
    return replace(
        empty(DatasetRow),
        clip=f"{recording}-{round(start * 1000):08d}",
        recording=recording,
        source=source,
        title=HOSTILE,
        channel=channel,
        licence=licence,
        start=start,
        end=start + 2.0,
        samples=2 * SAMPLE_RATE_HZ,
        audio_sha256=f"aa{recording}",
        timeline_sha256=f"aa{recording}",
        kept="reason" not in known,
        **known,
    )


SAID = {"text": "안녕 하세요", "language": "ko", "words": ["안녕", "하세요"], "word_times": WORDS}
ROWS = [
    clip("0aa", 0.0, "https://radio.example/a.mp3", "Evening", BY, speaker="s0001", dnsmos_ovrl=3.5, **SAID),
    clip("0aa", 2.0, "https://radio.example/a.mp3", "Evening", BY, speaker="s0002", reason="dnsmos", dnsmos_ovrl=1.5),
    clip("0bb", 0.0, "https://radio.example/shows/b.mp3?id=7", HOSTILE, BY_TEXT, speaker="s0001", text="hello", language="en-us"),
    clip("0cc", 4.0, "/srv/tapes/c.wav", "", "", speaker="s0002"),
]


def fill(folder: Path, rows: Sequence[DatasetRow] = ROWS, lineage: dict[str, Any] = LINEAGE, run: str = RUN) -> Path:
    """Publishes the rows as the next version in a store, with the sound of their clips; returns the store's folder."""
    store = open_store(str(folder))
    for row in rows:
        store.write(audio_key(NAME, row.audio_sha256), flac_bytes(np.zeros(row.samples, np.int16)))
        spans = [TimelineSpan(row.recording, 0.0, 10.0, "speech", "")]
        store.write(timeline_key(NAME, row.timeline_sha256), to_bytes(TimelineSpan, spans))
    assert put_version(DatasetStore(store, NAME), rows, run, lineage)
    return folder
