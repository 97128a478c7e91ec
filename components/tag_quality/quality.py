"""Measures the quality of a clip with all meters."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.shared.audio import from_pcm16
from components.shared.bandwidth import bandwidth_hz
from components.shared.dnsmos import RATE_HZ, Dnsmos
from components.shared.rows import SAMPLE_RATE_HZ, Quality
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
    sound = from_pcm16(samples)
    narrow = signal.resample_poly(sound, _UP, _DOWN)
    can_score = len(samples) >= MIN_SECONDS * SAMPLE_RATE_HZ and np.any(samples)
    scores = dnsmos.score(np.clip(narrow, -1, 1)) if can_score else None
    return Quality(
        clip=clip,
        dnsmos_sig=scores.sig if scores else None,
        dnsmos_bak=scores.bak if scores else None,
        dnsmos_ovrl=scores.ovrl if scores else None,
        snr_db=snr_db(narrow, RATE_HZ),
        bandwidth_hz=bandwidth_hz(sound),
        loudness_lufs=loudness_lufs(sound),
        true_peak_dbtp=true_peak_dbtp(sound),
        clipped_share=clipped_share(samples),
        quality_by=f"{dnsmos.name}, {_METERS}",
    )
