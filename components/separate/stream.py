"""Separates a recording of any length window by window, with the same samples as Spleeter's whole-file path.

Spleeter's network processes each segment of frames on its own, so streaming does not change the masked and overlap-added frames.
Spleeter puts a frame of zeros before a recording; windows and their frames begin there.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import fft

from components.separate.network import CHANNELS, OVERLAP, Config, Network, Spectra, Stft
from components.shared.audio import Samples

Item = TypeVar("Item")


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
        keep_other: Whether to return the accompaniment as well.
        stereo: Whether tracks have two channels; else one, their mean.
    """

    def folded(part: Stft) -> Stft:
        return part if stereo else part.mean(axis=0, keepdims=True)

    config = network.config
    taper = _hann(config.frame_length)
    speech_sound, other_sound = (_Synthesis(taper, config.frame_step, network.compensation) for _ in range(2))
    before = config.frame_length
    for window, mix, mask in _ahead(_masks(windows, network, taper)):
        speech = mix * mask
        sounds = [speech_sound.add(folded(speech))]
        if keep_other:
            sounds.append(other_sound.add(folded(_others(mix, speech, config))))
        yield np.stack([track[before : window.samples] for track in sounds])
        before = 0


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yields the same items, each computed in a thread while the caller uses the previous one."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _masks(windows: Iterator[Window], network: Network, taper: Samples) -> Iterator[tuple[Window, Stft, Spectra]]:
    """Yields windows with their STFT and their mask of speech, shaped like it."""
    config = network.config
    for window in windows:
        mix = _stft(window.signal, taper, config.frame_step)
        magnitudes = np.abs(mix[..., : config.bins])
        batch = np.ascontiguousarray(magnitudes.transpose(1, 2, 0)).reshape(-1, config.segment_frames, config.bins, CHANNELS)
        yield window, mix, network.mask(batch).transpose(2, 0, 1)


def _others(mix: Stft, speech: Stft, config: Config) -> Stft:
    """Returns the mix without speech. It is silent above the network's band unless masks are extended."""
    other = mix - speech
    if not config.extended:
        other[..., config.bins :] = 0
    return other


def _hann(length: int) -> Samples:
    """Periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


def _stft(signal: Samples, taper: Samples, step: int) -> Stft:
    """Returns the STFT of the whole frames of a signal shaped (channels, samples)."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, len(taper), axis=1)[:, ::step]
    return fft.rfft(frames * taper, axis=-1, overwrite_x=True)


class _Synthesis:
    """Streaming inverse STFT."""

    def __init__(self, taper: Samples, step: int, compensation: float) -> None:
        self._taper, self._step = taper * np.float32(compensation), step
        self._tail: Samples | None = None

    def add(self, stft: Stft) -> Samples:
        """Adds frames; returns the samples that are now complete, shaped (samples, channels)."""
        channels, frames, _ = stft.shape
        pieces = fft.irfft(stft, len(self._taper), axis=-1) * self._taper
        pieces = pieces.reshape(channels, frames, OVERLAP, self._step)
        sums = np.zeros((channels, frames + OVERLAP - 1, self._step), np.float32)
        if self._tail is not None:
            sums[:, : OVERLAP - 1] = self._tail
        for i in range(OVERLAP):
            sums[:, i : i + frames] += pieces[:, :, i]
        self._tail = sums[:, frames:]
        return sums[:, :frames].reshape(channels, -1).T
