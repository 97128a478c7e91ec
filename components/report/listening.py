"""Chooses clips for the page and encodes their sound and spectrograms as data URLs."""

import base64
import hashlib
import io
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.report.amounts import reason_of, seconds_of
from components.shared.events import events_of
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, to_samples

CLIPS = 12
"""Number of clips on a page."""
MOST_SECONDS = 8.0
"""Longer clips are cut to this length, so that the page stays small."""
BITRATE_LEVEL = 0.88
"""64 kb/s as a libsndfile compression level, on its scale for 32 to 320 kb/s."""
WIDTH, HEIGHT = 320, 128
"""Size of a spectrogram in pixels. A column is a window of WINDOW samples; rows go from 0 Hz at the bottom to half the sample rate."""
WINDOW = 1024
LOWEST_DB, HIGHEST_DB = -110.0, -20.0
"""Levels drawn black and brightest, of a sine relative to full scale."""

Pcm = NDArray[np.int16]


@dataclass(frozen=True)
class Sound:
    """A sound as data URLs."""

    audio: str
    """MP3."""
    spectrogram: str
    """PNG."""


@dataclass(frozen=True)
class ClipSounds:
    """A clip to listen to."""

    row: DatasetRow
    sound: Sound
    before: Sound | None
    """The same seconds of the downloaded recording, if the dataset has them."""
    cut: bool
    """Whether the clip is longer than MOST_SECONDS."""

    @property
    def events(self) -> list[str]:
        """What is heard beside speech."""
        return events_of(self.row)


def choose(rows: Iterable[DatasetRow], count: int = CLIPS) -> list[DatasetRow]:
    """Chooses example clips: half of them kept, by turns from every voice and tone, and half rejected, by turns from every reason.

    Clips that have their original sound come first, then short ones. A hash of the clip's id decides the rest.
    """
    kept: dict[Any, list[DatasetRow]] = defaultdict(list)
    rejected: dict[Any, list[DatasetRow]] = defaultdict(list)
    for row in rows:
        if row.kept:
            kept[row.speaker, row.tone].append(row)
        else:
            rejected[reason_of(row)].append(row)
    good, bad = list(_in_turn(kept, count)), list(_in_turn(rejected, count))
    half = max(count // 2, count - len(bad))
    chosen = good[:half]
    return chosen + bad[: count - len(chosen)]


def _in_turn(groups: dict[Any, list[DatasetRow]], count: int) -> Iterable[DatasetRow]:
    """At most `count` rows: the first of every group, longest group first, then the second of each, and so on."""
    order = sorted(groups, key=lambda key: (-sum(r.samples for r in groups[key]), key))
    queues = deque(deque(sorted(groups[key], key=_preference)[:count]) for key in order)
    for _ in range(count):
        if not queues:
            return
        queue = queues.popleft()
        yield queue.popleft()
        if queue:
            queues.append(queue)


def _preference(row: DatasetRow) -> tuple[bool, bool, bytes]:
    chance = hashlib.sha256(row.clip.encode()).digest()
    return not row.before_sha256, not 1.5 <= seconds_of(row) <= MOST_SECONDS, chance


def listen(rows: Sequence[DatasetRow], load: Callable[[str], bytes]) -> list[ClipSounds]:
    """Encodes the sound of clips; `load` returns the FLAC file of a hash."""
    palette = load_palette()

    def sound(sha256: str) -> Sound:
        pcm, _ = soundfile.read(io.BytesIO(load(sha256)), dtype="int16")
        part = pcm[: to_samples(MOST_SECONDS)]
        return Sound(_url("audio/mpeg", mp3(part)), _url("image/png", png(spectrogram(part), palette)))

    return [
        ClipSounds(r, sound(r.audio_sha256), sound(r.before_sha256) if r.before_sha256 else None, seconds_of(r) > MOST_SECONDS)
        for r in rows
    ]


def mp3(pcm: Pcm) -> bytes:
    """Encodes mono samples at SAMPLE_RATE_HZ as MP3, which every browser plays."""
    file = io.BytesIO()
    soundfile.write(
        file,
        pcm,
        SAMPLE_RATE_HZ,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=BITRATE_LEVEL,
    )
    return file.getvalue()


def spectrogram(pcm: Pcm) -> NDArray[np.uint8]:
    """Levels of mono samples over time and frequency: 0 to 63, shaped (HEIGHT, WIDTH), highest frequency first."""
    window = np.hanning(WINDOW + 1)[:-1]
    padded = np.pad(pcm.astype(np.float64) / 32_768, WINDOW // 2)
    starts = np.linspace(0, max(len(padded) - WINDOW, 0), WIDTH).astype(np.int64)
    frames = padded[starts[:, None] + np.arange(WINDOW)] * window
    power = (np.abs(np.fft.rfft(frames, axis=1)[:, :-1]) * 2 / window.sum()) ** 2  # 1 for a full-scale sine
    bands = power.reshape(WIDTH, HEIGHT, -1).max(axis=2)
    decibels = 10 * np.log10(np.maximum(bands, 1e-20))
    levels = np.clip((decibels - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB), 0, 1)
    return np.rint(63 * levels).astype(np.uint8).T[::-1]


def load_palette() -> bytes:
    """Red, green and blue of the 64 levels of a spectrogram, one byte each."""
    from matplotlib import colormaps

    return (colormaps["magma"](np.linspace(0, 1, 64))[:, :3] * 255).astype(np.uint8).tobytes()


def png(levels: NDArray[np.uint8], palette: bytes) -> bytes:
    """Encodes levels as a PNG in the colors of a palette."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(levels), "L")
    image.putpalette(palette)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
