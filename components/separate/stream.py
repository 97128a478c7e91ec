"""Separates a recording of any length window by window, with the same samples as Spleeter's whole-file path.

Spleeter's network processes each segment of frames on its own, so streaming does not change the masked and overlap-added frames.
Spleeter puts a frame of zeros before a recording; windows and their frames begin there.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import fft

from components.separate.network import OVERLAP, Config, Network, Spectra, Stft
from components.separate.unet import CHANNELS
from components.shared.audio import Samples

COMPENSATION = 2 / 3
"""Spleeter's factor for overlap-added frames."""
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Window:
    """The samples of whole segments, including those shared with the next window's frames."""

    signal: Samples
    """Shaped (channels, samples)."""
    samples: int
    """Number of samples before the next window's frames, without padding after the recording."""


def windows(blocks: Iterator[Samples], config: Config, segments: int = 1) -> Iterator[Window]:
    """Yields windows of `segments` segments, fewer in the last one; none for a recording without samples.

    Blocks are shaped (samples, channels). Mono becomes two equal channels. Raises ValueError if there are more than two channels;
    Spleeter would ignore the others.
    """
    segment, shared = config.segment_frames * config.frame_step, config.frame_length - config.frame_step
    held = np.zeros((config.frame_length, CHANNELS), np.float32)
    empty = True
    for block in blocks:
        if block.shape[1] > CHANNELS:
            raise ValueError(f"expected a recording of one or two channels, found {block.shape[1]}")
        empty = empty and not len(block)
        held = np.concatenate([held, np.broadcast_to(block, (len(block), CHANNELS))])
        while len(held) >= segments * segment + shared:
            yield Window(held[: segments * segment + shared].T, segments * segment)
            held = held[segments * segment :]
    if not empty:
        frames = -(-len(held) // config.frame_step)
        whole = -(-frames // config.segment_frames) * segment + shared
        yield Window(np.pad(held, ((0, whole - len(held)), (0, 0))).T, len(held))


def separated(windows: Iterator[Window], network: Network, keep_other: bool = False, stereo: bool = True) -> Iterator[Samples]:
    """Separates the windows of one recording; yields speech and, if kept, everything else, shaped (tracks, samples, channels).

    Args:
        windows: Windows of the recording, in order.
        network: The network. It says how many windows are processed at a time.
        keep_other: Whether to return the accompaniment as well.
        stereo: Whether tracks have two channels; else one, their mean.
    """
    config = network.config
    taper = _hann(config.frame_length)

    def work(window: Window) -> tuple[int, Samples]:
        mix = _stft(window.signal, taper, config.frame_step)
        tracks = _tracks(mix, _mask(mix, network), config, keep_other, stereo)
        return window.samples, _sounds(tracks, taper * np.float32(COMPENSATION), config.frame_step)

    before, tail = config.frame_length, None
    for samples, sounds in _in_turn(windows, work, network.windows):
        if tail is not None:
            sounds[..., : tail.shape[-1]] += tail
        tail = sounds[..., -(config.frame_length - config.frame_step) :]
        yield sounds[..., before:samples].transpose(0, 2, 1)
        before = 0


def _in_turn(items: Iterator[Item], work: Callable[[Item], Result], threads: int) -> Iterator[Result]:
    """Yields the results of items in their order. `threads` are worked on at a time, while the caller uses an earlier one."""
    with ThreadPoolExecutor(threads) as pool:
        coming: deque[Future[Result]] = deque()
        for item in items:
            coming.append(pool.submit(work, item))
            if len(coming) > threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def _mask(mix: Stft, network: Network) -> Spectra:
    """Returns the mask of speech in the network's band."""
    config = network.config
    low = np.abs(mix[..., : config.bins])
    segments = low.reshape(CHANNELS, -1, config.segment_frames, config.bins).transpose(1, 0, 2, 3)
    return network.mask(np.ascontiguousarray(segments)).transpose(1, 0, 2, 3).reshape(low.shape)


def _tracks(mix: Stft, mask: Spectra, config: Config, keep_other: bool, stereo: bool) -> Stft:
    """Returns the speech, and the rest if kept, shaped (tracks, channels, frames, bins).

    Above the network's band both are silent, or share the sound by the mean of the band's mask.
    """
    low, high = mix[..., : config.bins], mix[..., config.bins :]

    def folded(part: Stft) -> Stft:
        return part if stereo else part.mean(axis=0, keepdims=True)

    tracks = np.zeros((1 + keep_other, CHANNELS if stereo else 1, *mix.shape[1:]), mix.dtype)
    tracks[0, ..., : config.bins] = folded(low * mask)
    if config.extended:
        tracks[0, ..., config.bins :] = folded(high * mask.mean(axis=-1, keepdims=True))
    if keep_other:
        band = slice(None) if config.extended else slice(config.bins)
        tracks[1, ..., band] = folded(mix[..., band]) - tracks[0, ..., band]
    return tracks


def _hann(length: int) -> Samples:
    """Periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


def _stft(signal: Samples, taper: Samples, step: int) -> Stft:
    """Returns the STFT of the whole frames of a signal shaped (channels, samples)."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, len(taper), axis=1)[:, ::step]
    return fft.rfft(frames * taper, axis=-1, overwrite_x=True)


def _sounds(spectra: Stft, taper: Samples, step: int) -> Samples:
    """Returns the overlapping frames of STFTs shaped (tracks, channels, frames, bins), added up: shaped (tracks, channels, samples)."""
    pieces = fft.irfft(spectra, len(taper), axis=-1, overwrite_x=True)
    pieces *= taper
    *tracks, frames, _ = pieces.shape
    pieces = pieces.reshape(*tracks, frames, OVERLAP, step)
    sums = np.zeros((*tracks, frames + OVERLAP - 1, step), np.float32)
    for i in range(OVERLAP):
        sums[..., i : i + frames, :] += pieces[..., i, :]
    return sums.reshape(*tracks, -1)
