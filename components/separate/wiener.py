"""Norbert's multichannel Wiener filter, as Spleeter's MWF has it, over one segment after the other.

Spleeter gives norbert the whole recording: where each instrument lies in the stereo image is one average over all of it, and the
numbers are scaled by its loudest bin. Here both are of a segment (6 to 12 seconds). So for a recording of a single segment the
result is Spleeter's, and for a longer one it is not the same samples: it follows music that changes. Segments meet within the
overlap of their frames, which fades one into the other.
"""

import numpy as np

from components.separate.network import Spectra, Stft
from components.separate.stream import Filter


def load_wiener() -> Filter:
    """The filter of a segment's magnitudes and mix."""
    import norbert

    def refine(magnitudes: Spectra, mix: Stft) -> Stft:
        parts = norbert.wiener(magnitudes, np.array(mix.transpose(1, 2, 0)))  # it scales the array that it is given
        return parts.transpose(3, 2, 0, 1).astype(np.complex64)

    return refine
