"""Takes a voice out of a stretch of a recording, and judges whether that made it better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.shared.audio import Samples, from_pcm16, to_pcm16
from components.shared.dnsmos import Dnsmos
from components.shared.mel import FRAME, Signal
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.vectors import embed_windows
from components.shared.voice_encoder import Encoder
from components.shared.voicefilter import STFT, Magnitudes, Mask, Stft, level_of
from components.shared.window_plan import windows_of

WIDE = Stft(1102, 441, 3308)
"""The spectra of VoiceFilter at 44.1 kHz: frames at the same times, and frequencies 0.02 % closer to each other."""
CONTEXT = round(2.0 * SAMPLE_RATE_HZ)
"""Samples that the network hears before and after a stretch: its LSTM and its convolutions look both ways."""
FADE = SAMPLE_RATE_HZ // 100
"""Samples over which the extracted voice takes the place of the sound of before, inside the stretch."""
TOP_BINS = slice(400, 600)
"""Frequencies, 5.3 to 8 kHz, whose mean mask is that of all above 8 kHz, which the network does not hear."""
_UP, _DOWN = 160, 441  # from SAMPLE_RATE_HZ to the network's rate

Masks = Callable[[Magnitudes, NDArray[np.float32]], Mask]
"""The mask of the magnitudes of a sound, and the vector of a voice."""


class Judgement(NamedTuple):
    """What two sounds of a stretch are worth; None where nothing can be measured."""

    similarity_before: float | None
    similarity_after: float | None
    dnsmos_before: float | None
    dnsmos_after: float | None

    def is_better(self, min_similarity_gain: float) -> bool:
        """Whether the similarity rises by as much and DNSMOS does not fall. What cannot be measured is not better."""
        if self.similarity_before is None or self.similarity_after is None or self.dnsmos_before is None or self.dnsmos_after is None:
            return False
        gain = self.similarity_after - self.similarity_before
        return gain > 0 and gain >= min_similarity_gain and self.dnsmos_after >= self.dnsmos_before


@dataclass(frozen=True)
class Judge:
    """Compares the sound of a stretch with the extracted voice."""

    encoder: Encoder
    dnsmos: Dnsmos

    def judge(self, before: NDArray[np.int16], after: NDArray[np.int16], vector: NDArray[np.float32]) -> Judgement:
        """Judges two sounds at SAMPLE_RATE_HZ, shaped (samples, channels)."""
        sounds = [narrow(from_pcm16(pcm)) for pcm in (before, after)]
        alike = [self._similarity(sound, vector) for sound in sounds]
        scores = [self.dnsmos.score(np.clip(sound, -1, 1)).ovrl if np.any(sound) else None for sound in sounds]
        return Judgement(*alike, *scores)

    def _similarity(self, sound: Signal, vector: NDArray[np.float32]) -> float | None:
        spans, _ = windows_of(np.array([[0, len(sound) // FRAME]]), hop_seconds=0.8)
        total = embed_windows(iter([sound]), spans, self.encoder, batch_windows=16)[0].vectors.sum(axis=0, dtype=np.float64)
        length = float(np.linalg.norm(total))
        return float(total @ vector / length) if length > 0 else None


def extracted(pcm: NDArray[np.int16], start: int, stop: int, vector: NDArray[np.float32], masks: Masks) -> NDArray[np.int16]:
    """Returns the samples start to stop of a sound with the voice of a vector alone, shaped (stop - start, channels).

    `pcm` is the stretch with its context, shaped (samples, channels). At its edges the stretch fades from and to the sound as it is.
    """
    sound = from_pcm16(pcm)
    heard = narrow(sound)
    mask = masks(np.abs(STFT.spectrum(heard)) * np.float32(level_of(heard)), vector)[: WIDE.frames(len(sound))]
    above = WIDE.fft // 2 + 1 - mask.shape[1]
    wide = np.concatenate([mask, np.repeat(mask[:, TOP_BINS].mean(axis=1, keepdims=True), above, axis=1)], axis=1)
    own = np.stack([WIDE.signal(WIDE.spectrum(channel) * wide, len(sound)) for channel in sound.T], axis=1)[start:stop]
    weight = _faded(stop - start)[:, None]
    return to_pcm16(sound[start:stop] * (1 - weight) + own * weight)


def narrow(sound: Samples) -> Signal:
    """Returns the mean of the channels of a sound shaped (samples, channels), at 16 kHz."""
    return signal.resample_poly(sound.mean(axis=1), _UP, _DOWN).astype(np.float32)


def _faded(samples: int) -> NDArray[np.float32]:
    """1, but over FADE samples at each end it rises from 0."""
    edge = np.minimum(np.arange(samples), np.arange(samples)[::-1])
    return np.minimum(edge / FADE, 1).astype(np.float32)
