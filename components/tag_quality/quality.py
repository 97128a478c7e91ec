"""Measures the quality of a clip with all meters."""

import numpy as np
from numpy.typing import NDArray

from components.shared.bandwidth import bandwidth_hz
from components.shared.dnsmos import RATE_HZ, Dnsmos, Scores
from components.shared.rows import SAMPLE_RATE_HZ, Quality
from components.tag_quality.blocks import resampled
from components.tag_quality.clipping import clipped_share
from components.tag_quality.levels import loudness_lufs, true_peak_dbtp
from components.tag_quality.noise import MIN_SECONDS, snr_db

_METERS = "noise-floor-snr 1, speech-bandwidth 1, bs1770-4 pyloudnorm-0.2.0, true-peak-4x 1, clipped-tops 1"
"""Names and versions of the other meters. A version rises when the meter's results change."""

_UP, _DOWN = 160, 441  # from SAMPLE_RATE_HZ to RATE_HZ


def measure(clip: str, samples: NDArray[np.int16], dnsmos: Dnsmos) -> Quality:
    """Measures a clip. A score is None if its meter cannot measure the clip.

    Args:
        clip: Its id.
        samples: Mono at SAMPLE_RATE_HZ; shaped (samples,).
        dnsmos: The network.
    """
    scores, snr = _narrow_scores(samples, dnsmos)
    return Quality(
        clip=clip,
        dnsmos_sig=scores.sig if scores else None,
        dnsmos_bak=scores.bak if scores else None,
        dnsmos_ovrl=scores.ovrl if scores else None,
        snr_db=snr,
        bandwidth_hz=bandwidth_hz(samples),
        loudness_lufs=loudness_lufs(samples),
        true_peak_dbtp=true_peak_dbtp(samples),
        clipped_share=clipped_share(samples),
        quality_by=f"{dnsmos.name}, {_METERS}",
    )


def _narrow_scores(samples: NDArray[np.int16], dnsmos: Dnsmos) -> tuple[Scores | None, float | None]:
    """Returns DNSMOS and the SNR, which are measured at 16 kHz."""
    narrow, filled = np.empty(-(-len(samples) * _UP // _DOWN), np.float32), 0
    for block in resampled(samples, _UP, _DOWN, np.float32):
        narrow[filled : filled + len(block)] = block
        filled += len(block)
    snr = snr_db(narrow, RATE_HZ)
    can_score = len(samples) >= MIN_SECONDS * SAMPLE_RATE_HZ and np.any(samples)
    return dnsmos.score(np.clip(narrow, -1, 1, out=narrow)) if can_score else None, snr
