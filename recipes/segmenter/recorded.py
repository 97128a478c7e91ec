# /// script
# requires-python = "==3.11.*"
# dependencies = ["inaSpeechSegmenter==0.8.0", "imageio-ffmpeg", "numpy", "onnxruntime", "pyarrow", "soundfile", "tensorflow-cpu==2.21.0"]
# ///
"""Records what inaSpeechSegmenter computes, for the tests of `segment`, which has its networks in ONNX Runtime.

    PYTHONPATH=. uv run --script recipes/segmenter/recorded.py .venvs/segment/models tests/components/segment/recorded.json

The folder is what components/segment/models.txt installs. uv makes an environment for these packages that nothing else uses.
With --audio FILE it writes instead what benchmarks/segment.py compares with: the package's labels of this file, its time and memory.
The package prints a line per call of a network.
"""

import argparse
import json
import resource
import tempfile
import time
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.audio import FlacWriter, decode, ffmpeg
from components.shared.rows import SAMPLE_RATE_HZ
from recipes.speakers.recorded import signal
from tests.places import SAMPLE

SIGNAL_SECONDS = 4.0
SHOWN_FRAMES = range(0, 398, 40)
"""Frames of the signal whose energies and spectra are recorded."""
SHOWN_PATCHES = range(0, 166, 15)
"""Patches of the signal whose classes are recorded."""
NOISE_SECONDS = (0.05, 0.1, 0.65, 0.68, 0.7, 0.705, 0.715, 0.72, 1.0, 1.01)
EPISODES = ("episode-1", "episode-2")
TIED_CASES = 30
"""Sequences of few different probabilities, so that several ways through the states are equally probable."""


def noise(seconds: float) -> NDArray[np.float64]:
    """White noise at 44.1 kHz, shaped (samples,)."""
    return 0.1 * np.random.default_rng(7).standard_normal(round(seconds * SAMPLE_RATE_HZ))


def tied(seed: int) -> tuple[NDArray[np.float32], float]:
    """Probabilities of states, shaped (steps, states), some of them zero, and the exponent of a change."""
    rng = np.random.default_rng(seed)
    steps, states = int(rng.integers(1, 60)), int(rng.integers(2, 4))
    return rng.choice([0, 1e-30, 0.1, 0.25, 0.5, 1], (steps, states)).astype(np.float32), float(rng.choice([0, 0.5, 1, 5]))


def features() -> dict[str, Any]:
    """Energies and spectra of the signal."""
    from inaSpeechSegmenter.sidekit_mfcc import mfcc

    _, energies, _, spectra = mfcc(signal(SIGNAL_SECONDS), get_mspec=True)
    shown = list(SHOWN_FRAMES)
    return {"energies": _short(energies[shown]), "spectra": [_short(s) for s in spectra[shown]]}


def classes(package: Any) -> dict[str, Any]:
    """Probabilities that each network gives to patches of the signal."""
    from inaSpeechSegmenter.sidekit_mfcc import mfcc

    spectra = mfcc(signal(SIGNAL_SECONDS), get_mspec=True)[3]
    found = {}
    for kind in (package.SpeechMusic, package.SpeechMusicNoise, package.Gender):
        network = kind(32)
        patches, _ = package._get_patches(np.ascontiguousarray(spectra[:, : kind.nmel]), 68, 2)
        shown = patches[[p + 17 for p in SHOWN_PATCHES], :, :, None]  # after the copies of the first patch
        found[kind.model_fname] = [_short(p) for p in network.nn.predict(shown, verbose=0)]
    return found


def paths() -> list[str]:
    """The most probable states of the tied sequences."""
    from inaSpeechSegmenter.pyannote_viterbi import viterbi_decoding
    from inaSpeechSegmenter.viterbi_utils import diag_trans_exp

    found = []
    for seed in range(TIED_CASES):
        chosen, exponent = tied(seed)
        with np.errstate(divide="ignore"):
            states = viterbi_decoding(np.log(chosen), diag_trans_exp(exponent, chosen.shape[1]))
        found.append("".join(str(int(s)) for s in states))
    return found


def labels(segmenter: Any, path: Path) -> list[tuple[str, int]]:
    """Names and numbers of labels, 20 ms each, of the stretches of a recording."""
    names = [n for n, a, b in segmenter(str(path)) for _ in range(round(a * 50), round(b * 50))]
    return [(name, len(list(same))) for name, same in groupby(names)]


def recorded(package: Any) -> dict[str, Any]:
    found = {"features": features(), "classes": classes(package), "paths": paths(), "noise": [], "sample": {}}
    engines = {engine: package.Segmenter(engine, ffmpeg=ffmpeg()) for engine in ("smn", "sm")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.flac"
        for seconds in NOISE_SECONDS:
            soundfile.write(path, noise(seconds), SAMPLE_RATE_HZ, "PCM_16")
            found["noise"].append(labels(engines["smn"], path))
        for name in EPISODES:
            with FlacWriter(path) as file:
                for block in decode(SAMPLE / f"{name}.opus", SAMPLE_RATE_HZ):
                    file.write(block)
            found["sample"][name] = {engine: labels(segmenter, path) for engine, segmenter in engines.items()}
    return found


def measured(package: Any, path: Path, engine: str) -> dict[str, Any]:
    """The package's labels of a recording, and the seconds and megabytes that they take."""
    segmenter = package.Segmenter(engine, ffmpeg=ffmpeg())
    start, cpu = time.monotonic(), cpu_seconds()
    found = labels(segmenter, path)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.monotonic() - start, "cpu_seconds": cpu_seconds() - cpu, "peak_mb": peak_mb, "labels": found}


def cpu_seconds() -> float:
    """CPU time of this process and of those that it waited for, such as ffmpeg."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in uses)


def _short(numbers: NDArray[np.floating]) -> list[float]:
    return [float(f"{n:.6g}") for n in numbers]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--engine", choices=["smn", "sm"], default="smn")
    options = parser.parse_args()
    from inaSpeechSegmenter import segmenter as package

    package.get_remote = lambda name: str(options.models / "inaSpeechSegmenter" / name)
    found = measured(package, options.audio, options.engine) if options.audio else recorded(package)
    options.out.write_text(json.dumps(found).replace("], ", "],\n") + "\n")


if __name__ == "__main__":
    main()
