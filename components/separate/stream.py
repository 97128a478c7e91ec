"""Speech and accompaniment of a recording of any length, window by window: the samples that Spleeter's whole-file path gives.

Spleeter's network sees segments of frames, each on its own, so the frames of a stream, masked and added up again, are those of the
whole recording. Spleeter puts a frame of zeros before a recording: windows and their frames begin there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from components.separate.middle import middle, narrowed
from components.separate.network import CHANNELS, OVERLAP, Config, Network, Spectra
from components.shared.audio import Samples
from components.shared.rows import SAMPLE_RATE_HZ

Stft = NDArray[np.complex64]
"""Shaped (channels, frames, frame_length / 2 + 1)."""
Filter = Callable[[Spectra, Stft], Stft]
"""Makes the STFT of every instrument, shaped (instruments, channels, frames, bins), of their magnitudes, shaped (frames, bins,
channels, instruments), and the mix's STFT, over one segment."""


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
    """Mix, speech and, if it is kept, accompaniment, shaped (tracks, samples, channels): of the recording alone."""
    speech_power: NDArray[np.float32]
    """Of each frame inside the network's band, as its mean square in [0, 1]."""
    other_power: NDArray[np.float32]


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
    config = network.config
    taper = _hann(config.frame_length)
    speech_sound, other_sound = (_Synthesis(taper, config.frame_step, network.compensation) for _ in range(2))
    before = config.frame_length
    for window in windows:
        mix = _stft(window.signal, taper, config.frame_step)
        magnitudes = np.abs(mix[..., : config.bins])
        batch = np.ascontiguousarray(magnitudes.transpose(1, 2, 0)).reshape(-1, config.segment_frames, config.bins, CHANNELS)
        mask, instruments = network.estimate(batch)
        mask = mask.transpose(2, 0, 1)
        if refine is not None and instruments is not None:
            speech, other = _refined(mix, instruments, config, refine)
        elif in_middle:
            speech, other = _in_middle(mix, mask, config)
        else:
            speech, other = _masked(mix, mask, config)
        powers = _powers(speech[..., : config.bins], taper), _powers(other[..., : config.bins], taper)
        if not stereo:
            speech, other = speech.mean(axis=0, keepdims=True), other.mean(axis=0, keepdims=True)
        sounds = [speech_sound.add(speech), *([other_sound.add(other)] if keep_other else [])]
        whole = window.signal.T if stereo else window.signal.T.mean(axis=1, keepdims=True)
        tracks = np.stack([track[before : window.samples] for track in (whole, *sounds)])
        before = 0
        yield Part(tracks, *powers)


def _masked(mix: Stft, mask: Spectra, config: Config) -> tuple[Stft, Stft]:
    """Speech and accompaniment by Spleeter's masks. Inside the band these add up to 1, so what is not speech is accompaniment."""
    speech = mix * mask
    other = mix - speech
    if not config.extended:
        other[..., config.bins :] = 0
    return speech, other


def _refined(mix: Stft, instruments: Spectra, config: Config, refine: Filter) -> tuple[Stft, Stft]:
    """Speech and accompaniment by a filter of each segment."""
    speech, other = np.empty_like(mix), np.empty_like(mix)
    for start in range(0, mix.shape[1], config.segment_frames):
        segment = slice(start, start + config.segment_frames)
        parts = refine(instruments[segment], mix[:, segment])
        speech[:, segment] = parts[config.speech]
        other[:, segment] = np.delete(parts, config.speech, axis=0).sum(axis=0)
    return speech, other


def _in_middle(mix: Stft, mask: Spectra, config: Config) -> tuple[Stft, Stft]:
    """Speech and accompaniment by the masks of what is left of each segment when its sides are subtracted."""
    speech = np.empty_like(mix)
    frame_seconds, frame_power = config.frame_step / SAMPLE_RATE_HZ, float(np.sum(np.square(_hann(config.frame_length))))
    for start in range(0, mix.shape[1], config.segment_frames):
        segment = slice(start, start + config.segment_frames)
        found = middle(mix[:, segment], mask[:, segment], frame_seconds, frame_power)
        speech[:, segment] = (mix[:, segment] - found.removed) * narrowed(mask[:, segment], found.left)
    return speech, mix - speech


def _powers(stft: Stft, taper: Samples) -> NDArray[np.float32]:
    """Mean squares of the sound in each frame."""
    scale = 2 / (len(stft) * len(taper) * np.sum(np.square(taper)))
    return np.einsum("cfb,cfb->f", stft.real, stft.real) * scale + np.einsum("cfb,cfb->f", stft.imag, stft.imag) * scale


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
