"""Measures the prosody of a clip for its row, and computes the inputs of classifiers and clusters.

All are of the clip's own sound relative to its own level and below TOP_HZ, so that neither loudness nor a low-pass at 5 kHz or a
codec changes them much. They are of a voice as well as of a tone: that is why they are compared within a voice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.shared.runs import runs_of
from components.shared.tone.contours import BANDS, MEANS, Contours, band_centres_hz
from components.shared.tone.sound import HOP, RATE_HZ

Numbers = NDArray[np.float64]

FRAME_SECONDS = HOP / RATE_HZ

LEAST_VOICED_FRAMES = 10
"""Frames of voice, 0.1 s, that a clip needs to get a tone."""

_REFERENCE_HZ = 100.0
_ACTIVE_DB = -25.0  # frames this far below the loudest ones are pauses
_FLOOR_DB = -30.0  # pauses are limited to this, since their level depends on the recording
_FAST = 200.0  # semitones per second; faster changes are octave errors of the pitch tracker

_F0 = ("f0_mean", "f0_low", "f0_middle", "f0_high", "f0_speed", "f0_rise", "f0_fall", "f0_segment_range", "f0_segment_slope")
_LEVEL = ("level_range", "level_rise", "level_fall", "peak_rate", "voiced_share", "segment_length", "pause_share")
_TIMBRE = ("harmonicity", "treble", "treble_loud", "treble_long", "treble_by_level", "treble_spread", "hammarberg", "bass", "flux")

MEASURES = (*_F0, *_LEVEL, *_TIMBRE, *(f"band_{i}" for i in range(BANDS)), *MEANS)
"""Names of a clip's measures, in order. docs/tone.md explains them."""


@dataclass(frozen=True)
class Prosody:
    """Pitch and voicing of a clip for its row. None without voiced frames."""

    f0_mean_hz: float | None
    f0_range_semitones: float | None
    f0_slope_semitones_per_second: float | None
    voiced_rate: float


def prosody(found: Contours) -> Prosody:
    """Computes the prosody of a clip; the slope is that of a line fitted through all voiced frames."""
    voiced = found.hz > 0
    if voiced.sum() < LEAST_VOICED_FRAMES:
        return Prosody(None, None, None, float(voiced.mean()))
    semitones, seconds = _semitones(found.hz[voiced]), np.flatnonzero(voiced).astype(np.float64) * FRAME_SECONDS
    low, high = np.percentile(semitones, [5, 95])
    mean_hz = _REFERENCE_HZ * 2 ** (semitones.mean() / 12)
    return Prosody(float(mean_hz), float(high - low), _slope(seconds, semitones), float(voiced.mean()))


def measures(found: Contours) -> Numbers | None:
    """Returns the measures in the order of MEASURES; None if too little is voiced."""
    voiced = found.hz > 0
    if voiced.sum() < LEAST_VOICED_FRAMES:
        return None
    numbers = [*_melody(found.hz), *_dynamics(found.db, voiced), *_timbre(found, voiced), *_long_term(found.bands_db), *_logs(found.means)]
    return np.array(numbers)


def _melody(hz: NDArray[np.float32]) -> list[float]:
    voiced = hz > 0
    semitones = np.where(voiced, _semitones(np.maximum(hz, 1)), np.nan)
    steps = np.diff(semitones) / FRAME_SECONDS
    steps = steps[np.abs(steps) < _FAST]  # also drops unvoiced frames
    runs = [semitones[a:b] for a, b in runs_of(voiced).tolist() if b - a >= 8]
    slopes = [_slope(np.arange(len(r), dtype=np.float64) * FRAME_SECONDS, r) for r in runs]
    ranges = [float(np.ptp(r)) for r in runs]
    return [
        float(np.nanmean(semitones)),
        *(float(p) for p in np.nanpercentile(semitones, [10, 50, 90])),
        _mean(np.abs(steps)),
        _mean(steps[steps > 0]),
        _mean(steps[steps < 0]),
        _mean(np.array(ranges)),
        float(np.median(slopes)) if slopes else 0.0,
    ]


def _dynamics(db: NDArray[np.float32], voiced: NDArray[np.bool_]) -> list[float]:
    from scipy.signal import find_peaks

    loudest = float(np.percentile(db, 90))
    active = db > loudest + _ACTIVE_DB
    first, last = np.flatnonzero(active)[[0, -1]]
    seconds = max((last + 1 - first) * FRAME_SECONDS, 0.2)
    window = np.hanning(11)[1:-1]
    smooth = np.convolve(np.pad(np.maximum(db, loudest + _FLOOR_DB), len(window) // 2, "edge"), window / window.sum(), "valid")
    steps = np.diff(smooth) / FRAME_SECONDS
    peaks, _ = find_peaks(smooth, height=loudest - 20, prominence=2)
    low, high = np.percentile(db[voiced], [10, 90])
    lengths = [(b - a) * FRAME_SECONDS for a, b in runs_of(voiced).tolist()]
    return [
        float(high - low),
        _mean_by_size(steps[steps > 0]),
        _mean_by_size(steps[steps < 0]),
        float(len(peaks) / seconds),
        float(voiced[first : last + 1].mean()),
        float(np.log(np.mean(lengths))),
        float(1 - active[first : last + 1].mean()),
    ]


def _timbre(found: Contours, voiced: NDArray[np.bool_]) -> list[float]:
    bands, db, centres = found.bands_db[voiced].astype(np.float64), found.db[voiced], band_centres_hz()
    power = 10 ** (bands / 10)
    high, low = power[:, centres > 1000].sum(axis=1), power[:, centres <= 1000].sum(axis=1)
    treble = 10 * np.log10(high / low)
    peaks = bands[:, centres < 2000].max(axis=1) - bands[:, centres >= 2000].max(axis=1)
    strength = np.clip(found.strength[voiced].astype(np.float64), 0.3, 0.999)
    moves = np.abs(np.diff(found.bands_db, axis=0))[voiced[1:] & voiced[:-1]]
    return [
        float(np.mean(10 * np.log10(strength / (1 - strength)))),
        float(treble.mean()),
        float(treble[db >= np.percentile(db, 60)].mean()),
        float(10 * np.log10(high.sum() / low.sum())),
        _slope(db.astype(np.float64), treble),
        float(treble.std()),
        float(peaks.mean()),
        float(np.mean(10 * np.log10(power[:, centres < 500].sum(axis=1) / power.sum(axis=1)))),
        _mean(moves),
    ]


def _long_term(bands_db: NDArray[np.float32]) -> list[float]:
    """Returns the share of each band in the clip's power, in dB."""
    power = np.mean(10 ** (bands_db.astype(np.float64) / 10), axis=0)
    return list(10 * np.log10(power / power.sum()))


def _logs(means: NDArray[np.float32]) -> list[float]:
    """Returns the 180 means with mel bands in dB, since their powers differ by factors of a million."""
    return [*(float(m) for m in means[:52]), *(10 * np.log10(np.maximum(means[52:].astype(np.float64), 1e-9)))]


def _semitones(hz: NDArray[np.float32]) -> Numbers:
    return 12 * np.log2(hz.astype(np.float64) / _REFERENCE_HZ)


def _mean(values: Numbers) -> float:
    return float(np.mean(values)) if values.size else 0.0


def _mean_by_size(values: Numbers) -> float:
    """Returns the mean weighted by absolute size, so that many values near 0 do not count."""
    return float(np.sum(np.square(values)) / np.sum(values)) if values.size else 0.0


def _slope(x: Numbers, y: Numbers) -> float:
    """Returns the slope of a least-squares line; 0 if x does not vary."""
    spread = x - x.mean()
    square = float(spread @ spread)
    return float(spread @ (y - y.mean())) / square if square > 1e-9 else 0.0
