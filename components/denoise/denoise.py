"""Applies a chain to a recording of any length in constant memory."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import soundfile

from components.denoise.chain import Chain
from components.denoise.loudness import gain_db, measure
from components.shared.audio import BLOCK_SECONDS, FlacWriter
from components.shared.rows import SAMPLE_RATE_HZ, Choice, to_samples
from components.shared.steps import Sound, Span, Stream, mono, prepared


class Result(NamedTuple):
    """The measurements and changes of a recording."""

    loudness_lufs: float
    """Loudness before the gain; -inf for silence or less than 0.4 s; nan if the chain has no target loudness."""
    gain_db: float
    held_back: bool
    """Whether the result stays below the target loudness, because its peak would be too high."""
    clipped_samples: int
    """Number of samples above full scale after the gain."""
    choices: tuple[Choice, ...]


def denoise(
    source: Path,
    target: Path,
    chain: Chain,
    done: Callable[[float], None],
    speech: tuple[Span, ...] = (),
    block_seconds: float = BLOCK_SECONDS,
) -> Result:
    """Applies a chain to a recording and writes the result: mono, with the same length and timeline.

    Steps with an analysis read the recording first; the last pass filters it. If the chain has a target loudness, a temporary file beside
    `target` holds the filtered sound as floats until its gain is known, so that no network runs twice.

    Args:
        source: FLAC file at SAMPLE_RATE_HZ, named after its recording.
        done: Called after each block with its share of the recording's seconds; the shares of all passes add up to its length.
        speech: The stretches of speech, in order.
        block_seconds: Does not change the result.
    """

    def stream() -> Iterator[np.ndarray]:
        for block in mono(source, block_seconds):
            yield block
            done(len(block) / SAMPLE_RATE_HZ / chain.passes)

    todo, sound = prepared(chain.steps, Sound(source.stem, stream, soundfile.info(source).frames, speech))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=target.parent) as waiting:
        loudness, gain, held_back, filtered = np.nan, 0.0, False, sound.stream()
        if chain.loudness_lufs is not None:
            meter = measure(_written(filtered, waiting))
            loudness, gain = meter.loudness_lufs(), gain_db(meter, chain.loudness_lufs)
            held_back = bool(np.isfinite(loudness)) and loudness + gain < chain.loudness_lufs - 1e-9
            filtered = _read(waiting)
        clipped = _write(filtered, 10 ** (gain / 20), target)
    return Result(loudness, gain, held_back, clipped, todo.choices)


def _written(stream: Stream, file: IO[bytes]) -> Stream:
    """Writes a stream to a file as float32 and yields its blocks."""
    for block in stream:
        file.write(block.astype(np.float32).tobytes())
        yield block


def _read(file: IO[bytes]) -> Stream:
    """Yields the stream that `_written` wrote to a file."""
    file.seek(0)
    while data := file.read(to_samples(BLOCK_SECONDS) * 4):
        yield np.frombuffer(data, np.float32).astype(np.float64)


def _write(stream: Stream, factor: float, target: Path) -> int:
    """Writes a stream times a factor to a FLAC file; returns the number of clipped samples."""
    clipped = 0
    with FlacWriter(target) as file:
        for block in stream:
            scaled = block * factor
            clipped += int(np.count_nonzero(np.abs(scaled) > 1))
            file.write(scaled)
    return clipped
