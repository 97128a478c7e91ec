"""Norbert's multichannel Wiener filter, as in Spleeter's MWF, applied to each segment.

Spleeter filters the whole recording at once: it averages the stereo position of an instrument over all of it, and scales by its
loudest bin. Here both are per segment (6 to 12 seconds). A recording of one segment gives Spleeter's result. A longer one gives
different samples, which follow changes in the music. The overlap of frames fades one segment into the next.
"""

import numpy as np

from components.separate.network import Spectra, Stft
from components.separate.stream import Filter


def load_wiener() -> Filter:
    """Returns the filter."""
    import norbert

    def refine(magnitudes: Spectra, mix: Stft) -> Stft:
        parts = norbert.wiener(magnitudes, np.array(mix.transpose(1, 2, 0)))  # norbert scales its argument in place
        return parts.transpose(3, 2, 0, 1).astype(np.complex64)

    return refine
