"""No filter holds more of a longer recording."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.denoise.settings import BEST, FILTERS
from components.shared.rows import SAMPLE_RATE_HZ
from tests.artifacts import write_flac

CODE = """
import sys
from pathlib import Path
from components.denoise.chain import build_chain
from components.denoise.denoise import denoise
source, target, chain = sys.argv[1:]
speech = tuple((second * 44_100, (second + 3) * 44_100) for second in range(0, 30, 5))
denoise(Path(source), Path(target), build_chain(chain, 1), lambda _: None, speech)
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")))
"""
SECONDS = {
    "lowpass:5000:36:2, highpass:80:24:1, notch:6000:30, loudness:-23": (60, 240),
    "profile, loudness:-23": (90, 270),
    "best:profile|highpass:80:24:1, loudness:-23": (60, 180),
    "rnnoise, deepfilter:4, loudness:-23": (30, 150),  # slow
}
"""Chains with a short and a long recording each."""


def sound(seconds: int) -> np.ndarray:
    """Noise over a whistle."""
    noise = np.random.default_rng(0).normal(0, 0.01, seconds * SAMPLE_RATE_HZ)
    noise += 0.01 * np.sin(2 * np.pi * 6000 * np.arange(len(noise)) / SAMPLE_RATE_HZ)
    return noise


def peak_megabytes(folder: Path, chain: str, seconds: int) -> float:
    """The most memory of a process that does it."""
    arguments = [str(write_flac(folder / f"{seconds}.flac", sound(seconds))), str(folder / "out.flac"), chain]
    return int(subprocess.run([sys.executable, "-c", CODE, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout) / 1000


def test_every_filter_is_in_a_chain() -> None:
    assert {*FILTERS, BEST} <= {
        entry.split(":")[0].strip() for chain in SECONDS for entry in chain.replace("|", ",").replace(BEST, f"{BEST},").split(",")
    }


@pytest.mark.parametrize("chain", SECONDS)
def test_memory_is_flat_in_the_length(tmp_path: Path, chain: str) -> None:
    short, long = (peak_megabytes(tmp_path, chain, seconds) for seconds in SECONDS[chain])
    more_seconds = SECONDS[chain][1] - SECONDS[chain][0]
    assert long - short < 0.25 * more_seconds * SAMPLE_RATE_HZ * 8 / 1e6, "a quarter of the sound itself"
