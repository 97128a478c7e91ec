"""Speech and accompaniment of a recording of any length, window by window: the samples that Spleeter's whole-file path gives.

Spleeter's network sees segments of frames, each on its own, so the frames of a stream, masked and added up again, are those of the
whole recording. Spleeter puts a frame of zeros before a recording: windows and their frames begin there.
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
"""Makes the STFT of every instrument, shaped (instruments, channels, frames, bins), of their magnitudes, shaped (frames, bins,
channels, instruments), and the mix's STFT, over one segment."""

MOST_EVENLY = 0.5
"""Of the speech's amplitude that may have been taken evenly: 3.5 dB."""


@dataclass(frozen=True)
class Window:
    """The samples of whole segments of frames, the samples that the next window's frames share with them included."""

    signal: Samples
    """Shaped (channels, samples)."""
    samples: int
    """Those before the next window's frames, without what lies after the recording's end."""


@dataclass(frozen=True)
class Part:
    """What was made of a window."""

    tracks: Samples
    """What the network heard (the mix, or its middle), speech and, if it is kept, accompaniment, of the recording alone.

    Shaped (tracks, samples, channels).
    """
    speech_power: NDArray[np.float32]
    """Of each frame inside the network's band, as its mean square in [0, 1]."""
    other_power: NDArray[np.float32]
    """Of what the network took from what it heard."""


def windows(blocks: Iterator[Samples], config: Config, segments: int = 1) -> Iterator[Window]:
    """Windows of so many segments, the last one of as many as it takes; none for a recording without samples.

    Args:
        blocks: The recording, shaped (samples, channels). One channel becomes two that are equal.

    Raises:
        ValueError: There are more than two channels, of which Spleeter would leave out the others.
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
    """The windows of one recording divided into speech and everything else.

    Args:
        keep_other: Whether the accompaniment is made too.
        stereo: Whether tracks have two channels; else one, the mean of them.
        refine: Makes the parts of a segment instead of the masks; the network was loaded with its instruments.
        in_middle: Whether what lies at a side is subtracted from the middle first.
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
            came = came[: len(change)] + change  # nothing at all where nothing was subtracted
        tracks = np.stack([track[before : window.samples] for track in (came, *sounds)])
        before = 0
        yield Part(tracks, *powers)


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same, each made in a thread while the one before is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _listened(
    windows: Iterator[Window], network: Network, taper: Samples, in_middle: bool
) -> Iterator[tuple[Window, Stft, Stft, Spectra, Spectra | None]]:
    """Windows with the mix, what the network heard of it, the mask of that and, if they are asked for, its instruments."""
    for window in windows:
        mix = heard = _stft(window.signal, taper, network.config.frame_step)
        mask, instruments = _estimated(heard, network)
        if in_middle and (heard := _in_middle(mix, mask, network.config)) is not mix:
            mask, instruments = _estimated(heard, network)
        yield window, mix, heard, mask, instruments


def _estimated(mix: Stft, network: Network) -> tuple[Spectra, Spectra | None]:
    """The network's mask of speech, shaped like the mix, and the instruments' magnitudes if they are asked for."""
    config = network.config
    magnitudes = np.abs(mix[..., : config.bins])
    batch = np.ascontiguousarray(magnitudes.transpose(1, 2, 0)).reshape(-1, config.segment_frames, config.bins, CHANNELS)
    mask, instruments = network.estimate(batch)
    return mask.transpose(2, 0, 1), instruments


def _refined(mix: Stft, instruments: Spectra, config: Config, refine: Filter) -> Stft:
    """Speech by a filter of each segment."""
    return np.concatenate([refine(instruments[s], mix[:, s])[config.speech] for s in _segments(mix, config)], axis=1)


def _others(mix: Stft, speech: Stft, config: Config) -> Stft:
    """What of the mix is not speech: above the network's band nothing, unless masks are extended to it."""
    other = mix - speech
    if not config.extended:
        other[..., config.bins :] = 0
    return other


def _in_middle(mix: Stft, mask: Spectra, config: Config) -> Stft:
    """The mix without what lies at its sides, segment by segment; the mix itself where nothing does."""
    found = [middle(mix[:, s], mask[:, s], config.frame_step / SAMPLE_RATE_HZ) for s in _segments(mix, config)]
    return mix if all(np.shares_memory(f, mix) for f in found) else np.concatenate(found, axis=1)


def _segments(mix: Stft, config: Config) -> list[slice]:
    """The frames of each segment."""
    return [slice(start, start + config.segment_frames) for start in range(0, mix.shape[1], config.segment_frames)]


def _powers(speech: Stft, taken: Stft, taper: Samples) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean squares of the speech and of what was taken from around it in each frame.

    What was taken evenly from all of the speech is no accompaniment: a network in doubt makes everything a little weaker.
    """
    scale = np.float32(2 / (len(speech) * len(taper) * np.sum(np.square(taper))))
    ss, st, tt = (np.einsum("cfb,cfb->f", a, b.conj()).real * scale for a, b in ((speech, speech), (speech, taken), (taken, taken)))
    share = np.clip(st / np.maximum(ss, np.float32(1e-20)), 0, MOST_EVENLY)
    return ss, np.maximum(tt - 2 * share * st + np.square(share) * ss, 0)


def _hann(length: int) -> Samples:
    """Periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


def _stft(signal: Samples, taper: Samples, step: int) -> Stft:
    """STFT of a signal shaped (channels, samples), of the whole frames in it."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, len(taper), axis=1)[:, ::step]
    return fft.rfft(frames * taper, axis=-1, overwrite_x=True)


class _Synthesis:
    """Inverse STFT of frames that come bit by bit."""

    def __init__(self, taper: Samples, step: int, compensation: float) -> None:
        self._taper, self._step = taper * np.float32(compensation), step
        self._tail: Samples | None = None

    def add(self, stft: Stft) -> Samples:
        """Takes the next frames; gives the samples that no later frame adds to, shaped (samples, channels)."""
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
