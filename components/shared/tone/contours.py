"""Contours of a clip, one value per frame of 10 ms, and 180 means commonly used in emotion recognition."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.shared.mel import slaney_edges_hz
from components.shared.tone.pitch import FRAME, pitch
from components.shared.tone.sound import EDGE, HOP, RATE_HZ
from components.shared.tone.spectra import CEPSTRA, CHROMA, FFT, MEL_BANDS, cepstra, chroma, mel_filters

Numbers = NDArray[np.float32]

LEVEL_RMS = 0.1
"""RMS that a clip is scaled to before the 180 means, so that they do not depend on its level."""

BANDS = 24
"""Mel bands from 100 Hz to TOP_HZ; all other spectral measures come from them."""

TOP_HZ = 4000.0
"""Above it, shows differ by their low-pass filters and codecs rather than by their speakers."""

BOTTOM_HZ = 100.0

MEANS = tuple(f"{name}_{i}" for name, count in (("mfcc", CEPSTRA), ("chroma", CHROMA), ("mel", MEL_BANDS)) for i in range(count))
"""Names of the 180 means."""


@dataclass(frozen=True)
class Contours:
    """Values per frame, and means over all frames."""

    hz: Numbers
    """Fundamental frequency, 0 where unvoiced."""
    strength: Numbers
    """Periodicity of each frame, 0 to 1."""
    db: Numbers
    """Level relative to the clip's RMS."""
    bands_db: Numbers
    """Level of each band relative to the clip's RMS, shaped (frames, BANDS)."""
    means: Numbers
    """The means, in the order of MEANS."""


def contours(blocks: Iterable[tuple[Numbers, int]], rms: float) -> Contours:
    """Measures a clip in one pass, from the blocks that sound.clip_blocks yields and its RMS, which is above 0."""
    hz, strength, db, bands = [], [], [], []
    sums, count = np.zeros(len(MEANS)), 0
    for samples, frames in blocks:
        found = pitch(samples[EDGE - FRAME // 2 :], frames, rms)
        spectrum = _power(samples[EDGE - FFT // 2 :] * np.float32(LEVEL_RMS / rms), frames)
        sums += _means(spectrum) * frames
        count += frames
        hz.append(found.hz)
        strength.append(found.strength)
        low = spectrum[round(50 * FFT / RATE_HZ) : round(TOP_HZ * FFT / RATE_HZ)]
        full = LEVEL_RMS**2 * float(np.sum(np.square(_window()))) * FFT / 2  # the clip's RMS as a sum over a spectrum
        db.append(_db(low.sum(axis=0) / full))
        bands.append(_db(mel_filters(BANDS, BOTTOM_HZ, TOP_HZ) @ spectrum / full).T)
    return Contours(
        np.concatenate(hz), np.concatenate(strength), np.concatenate(db), np.concatenate(bands), (sums / count).astype(np.float32)
    )


def band_centres_hz() -> NDArray[np.float64]:
    """Returns the center frequency of each of the BANDS in Hz."""
    return slaney_edges_hz(BANDS, BOTTOM_HZ, TOP_HZ)[1:-1]


def _window() -> Numbers:
    return np.hanning(FFT + 1)[:-1].astype(np.float32)


def _power(samples: Numbers, frames: int) -> Numbers:
    """Power spectra, shaped (FFT // 2 + 1, frames)."""
    views = np.lib.stride_tricks.sliding_window_view(samples, FFT)[::HOP][:frames]
    return np.square(np.abs(np.fft.rfft(views * _window(), axis=1))).T.astype(np.float32)


def _means(spectrum: Numbers) -> NDArray[np.float64]:
    """Returns the 180 means of a block."""
    mel = mel_filters(MEL_BANDS, 0, RATE_HZ / 2) @ spectrum
    return np.concatenate([m.mean(axis=1, dtype=np.float64) for m in (cepstra(mel), chroma(spectrum), mel)])


def _db(power: Numbers) -> Numbers:
    return (10 * np.log10(np.maximum(power, 1e-9))).astype(np.float32)
