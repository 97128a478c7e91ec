"""DNSMOS P.835 as in Microsoft's script: estimated opinion scores of speech, background and both.

The script repeats a sound shorter than a window until it is longer than one, and hears every second of that, which is the same
speech up to nine times. Here one window of it is heard, which repeats the sound without up to 10 ms at its end, so that it is a
whole number of the network's frames. The network comes with Microsoft's package speechmos. The package's code is
not used: it imports librosa and processes every window a second time for a score outside P.835.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.shared.dnsmos_network import FRAME_HOP, WINDOW, DnsmosNetwork
from components.shared.task import StageError

RATE_HZ = 16_000
SHA256 = "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd"
"""Hash of sig_bak_ovr.onnx in speechmos 0.0.1.1 (MIT; in Microsoft's DNS-Challenge the same file is CC BY 4.0)."""
_POLYNOMIALS = np.array(
    [
        [-0.08397278, 1.22083953, 0.0052439],
        [-0.13166888, 1.60915514, -0.39604546],
        [-0.06766283, 1.11546468, 0.04602535],
    ]
)
"""Microsoft's polynomials from network outputs to MOS, for SIG, BAK and OVRL, highest power first."""


class Scores(NamedTuple):
    """Mean opinion scores, 1 to 5."""

    sig: float
    bak: float
    ovrl: float


@dataclass(frozen=True)
class Dnsmos:
    """The network, loaded."""

    network: DnsmosNetwork
    hop: int
    """Hop between windows in samples."""

    @property
    def name(self) -> str:
        """Network, hop and version of the windows, as tables name them."""
        return f"dnsmos-p835 {SHA256[:12]} every {self.hop / RATE_HZ:g} s, short in whole frames"

    def score(self, sound: NDArray[np.floating]) -> Scores:
        """Returns the mean of the windows' scores for mono sound at RATE_HZ in [-1, 1], shaped (samples,), not empty."""
        samples = np.asarray(sound, np.float32)
        if len(samples) < WINDOW:
            raw = self.network.outputs_repeated(samples[: max(1, len(samples) // FRAME_HOP) * FRAME_HOP])
        else:
            raw = self.network.outputs(samples, window_starts(len(samples), self.hop))
        a, b, c = _POLYNOMIALS.T
        return Scores(*map(float, np.mean(a * raw**2 + b * raw + c, axis=0)))


def window_starts(samples: int, hop: int) -> Sequence[int]:
    """Returns the first sample of each window of a sound that is at least a window long.

    As in Microsoft's script, whole seconds determine the number of windows: up to 1.99 s at the end are ignored.
    """
    count = int(samples // RATE_HZ - WINDOW / RATE_HZ) + 1
    return range(0, min(count * RATE_HZ, samples - WINDOW + 1), hop)


def load_dnsmos(hop_seconds: float = 1.0, threads: int = 0) -> Dnsmos:
    """Loads the network for `threads` CPU threads, 0 for one per core. Raises StageError if it is absent or not that of SHA256."""
    path = network_path()
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise StageError(
            f"expected the network of DNSMOS with sha256 {SHA256[:12]} in {path}, found {'another' if content else 'none'}: "
            "install this stage again from its pins (requirements.txt)"
        )
    return Dnsmos(DnsmosNetwork(content, threads), round(hop_seconds * RATE_HZ))


def network_path() -> Path:
    """Returns the path of the network in the package speechmos."""
    spec = find_spec("speechmos")  # without importing it, since it imports librosa
    folder = Path(spec.origin).parent if spec and spec.origin else Path("speechmos")
    return folder / "dnsmos_models" / "sig_bak_ovr.onnx"
