"""Separates a recording of any length window by window, with the same samples as Spleeter's whole-file path.

Spleeter's network processes each segment of frames on its own, so streaming does not change the masked and overlap-added frames.
Spleeter puts a frame of zeros before a recording; windows and their frames begin there.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from components.separate.middle import middle
from components.separate.network import CHANNELS, OVERLAP, Config, Network, Spectra, Stft
from components.shared.audio import Samples
from components.shared.rows import SAMPLE_RATE_HZ

Item = TypeVar("Item")
Filter = Callable[[Spectra, Stft], Stft]
"""Returns the STFTs of one segment's instruments, shaped (instruments, channels, frames, bins), from their magnitudes, shaped
(frames, bins, channels, instruments), and the STFT of the mix."""

MOST_EVENLY = 0.5
"""Largest even loss of speech, relative to its remaining amplitude, that does not count as accompaniment: 3.5 dB."""


@dataclass(frozen=True)
class Window:
    """The samples of whole segments, including those shared with the next window's frames."""

    signal: Samples
    """Shaped (channels, samples)."""
    samples: int
    """Number of samples before the next window's frames, without padding after the recording."""


@dataclass(frozen=True)
class Part:
    """The results of a window."""

    tracks: Samples
    """Network input (the mix, or its middle), speech and, if kept, accompaniment, shaped (tracks, samples, channels)."""
    speech_power: NDArray[np.float32]
    """Mean square of each frame in the network's band, in [0, 1]."""
    other_power: NDArray[np.float32]
    """The same for the sound that the network removed from its input."""


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


def separated(
    windows: Iterator[Window],
    network: Network,
    keep_other: bool = False,
    stereo: bool = True,
    refine: Filter | None = None,
    in_middle: bool = False,
) -> Iterator[Part]:
    """Separates the windows of one recording into speech and everything else.

    Args:
        keep_other: Whether to return the accompaniment as well.
        stereo: Whether tracks have two channels; else one, their mean.
        refine: Filter that replaces the masks; needs a network loaded with instruments.
        in_middle: Whether sound that also lies at a side is subtracted from the middle first.
    """

    def folded(part: NDArray[Any]) -> NDArray[Any]:
        return part if stereo else part.mean(axis=0, keepdims=True)

    config = network.config
    taper = _hann(config.frame_length)
    change_sound, speech_sound, other_sound = (_Synthesis(taper, config.frame_step, network.compensation) for _ in range(3))
    before = config.frame_length
    for window, mix, heard, mask, instruments in _ahead(_listened(windows, network, taper, in_middle)):
        speech = heard * mask if refine is None or instruments is None else _refined(heard, instruments, config, refine)
        kept, taken = folded(speech), folded(heard - speech)
        powers = _powers(kept[..., : config.bins], taken[..., : config.bins], taper)
        sounds = [speech_sound.add(kept)]
        if keep_other:
            sounds.append(other_sound.add(folded(_others(mix, speech, config))))
        came = folded(window.signal).T
        if in_middle:
            change = change_sound.add(folded(heard - mix))
            came = came[: len(change)] + change  # zero where nothing was subtracted
        tracks = np.stack([track[before : window.samples] for track in (came, *sounds)])
        before = 0
        yield Part(tracks, *powers)


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yields the same items, each computed in a thread while the caller uses the previous one."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _listened(
    windows: Iterator[Window], network: Network, taper: Samples, in_middle: bool
) -> Iterator[tuple[Window, Stft, Stft, Spectra, Spectra | None]]:
    """Yields windows with their mix, the network's input, its mask of speech and, if requested, its instruments."""
    for window in windows:
        mix = heard = _stft(window.signal, taper, network.config.frame_step)
        mask, instruments = _estimated(heard, network)
        if in_middle and (heard := _in_middle(mix, mask, network.config)) is not mix:
            mask, instruments = _estimated(heard, network)
        yield window, mix, heard, mask, instruments


def _estimated(mix: Stft, network: Network) -> tuple[Spectra, Spectra | None]:
    """Returns the mask of speech, shaped like the mix, and the instruments' magnitudes if requested."""
    config = network.config
    magnitudes = np.abs(mix[..., : config.bins])
    batch = np.ascontiguousarray(magnitudes.transpose(1, 2, 0)).reshape(-1, config.segment_frames, config.bins, CHANNELS)
    mask, instruments = network.estimate(batch)
    return mask.transpose(2, 0, 1), instruments


def _refined(mix: Stft, instruments: Spectra, config: Config, refine: Filter) -> Stft:
    """Returns the speech, filtered segment by segment."""
    return np.concatenate([refine(instruments[s], mix[:, s])[config.speech] for s in _segments(mix, config)], axis=1)


def _others(mix: Stft, speech: Stft, config: Config) -> Stft:
    """Returns the mix without speech. It is silent above the network's band unless masks are extended."""
    other = mix - speech
    if not config.extended:
        other[..., config.bins :] = 0
    return other


def _in_middle(mix: Stft, mask: Spectra, config: Config) -> Stft:
    """Applies `middle` to each segment; returns the mix itself if no segment changes."""
    found = [middle(mix[:, s], mask[:, s], config.frame_step / SAMPLE_RATE_HZ) for s in _segments(mix, config)]
    return mix if all(np.shares_memory(f, mix) for f in found) else np.concatenate(found, axis=1)


def _segments(mix: Stft, config: Config) -> list[slice]:
    """The frames of each segment."""
    return [slice(start, start + config.segment_frames) for start in range(0, mix.shape[1], config.segment_frames)]


def _powers(speech: Stft, taken: Stft, taper: Samples) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the mean squares of the speech and of the accompaniment in each frame.

    Speech that the mask removed evenly is not accompaniment: an unsure network attenuates everything a little.
    """
    scale = np.float32(2 / (len(speech) * len(taper) * np.sum(np.square(taper))))
    ss, st, tt = (np.einsum("cfb,cfb->f", a, b.conj()).real * scale for a, b in ((speech, speech), (speech, taken), (taken, taken)))
    share = np.clip(st / np.maximum(ss, np.float32(1e-20)), 0, MOST_EVENLY)
    return ss, np.maximum(tt - 2 * share * st + np.square(share) * ss, 0)


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
