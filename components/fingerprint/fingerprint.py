"""Computes Chromaprint's acoustic fingerprint: a hash of 32 bits per hop, over a window of 2.7 s.

Chromaprint's hop is 124 ms. A sound that is half a hop off has 5 to 13 % of its bits changed: of the
27 hashes of a 6 s jingle between speech, too few match exactly. So four fingerprints are taken, each
a quarter of a hop later: at most 4 % change, even after MP3 at 128 kb/s, and a third or more match.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.shared.audio import ffmpeg, ffmpeg_input

RATE_HZ = 11_025
STEP_SAMPLES = 1_365
"""Hop of Chromaprint's second algorithm (`-algorithm 1`), the default: a third of a frame of 4,096."""
SPAN_SECONDS = (4_096 + 19 * STEP_SAMPLES) / RATE_HZ
"""Window of one hash: 16 hops of a chroma that is smoothed over 5 frames."""
PHASES = 4
_FRAME_SAMPLES = 65_536
"""Frame size between ffmpeg's threads: passing its own small frames took as long as the work itself."""
HOP_SECONDS = STEP_SAMPLES / PHASES / RATE_HZ


def hashes(path: Path) -> NDArray[np.uint32]:
    """Returns the hashes of a FLAC file, mixed to mono; hash i begins at i * HOP_SECONDS.

    A file shorter than SPAN_SECONDS has none. Apart from the hashes, memory does not grow with length.

    Raises:
        ValueError: ffmpeg cannot read it.
    """
    if soundfile.info(path).duration < SPAN_SECONDS:  # ffmpeg fails on a stream without any sample
        return np.zeros(0, np.uint32)
    with tempfile.TemporaryDirectory() as scratch:
        files = [Path(scratch) / str(phase) for phase in range(PHASES)]
        done = subprocess.run([ffmpeg(), *ffmpeg_input(path), *_outputs(files)], capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"ffmpeg cannot read {path.name}: {(done.stderr.strip().splitlines() or ['it gives no reason'])[-1]}")
        phases = [np.fromfile(file, "<u4") for file in files]
    found = np.zeros(PHASES * len(phases[0]), np.uint32)
    for number, phase in enumerate(phases):
        found[number : PHASES * len(phase) : PHASES] = phase
    return found[: sum(len(phase) for phase in phases)]  # a later phase may have one less


def _outputs(files: list[Path]) -> list[str]:
    """Returns ffmpeg's arguments: one decoder, one fingerprint per file."""
    mono = (
        f"[0:a:0]aformat=sample_fmts=s16:sample_rates={RATE_HZ}:channel_layouts=mono,asetnsamples={_FRAME_SAMPLES}:p=0,asplit={len(files)}"
    )
    starts = [phase * STEP_SAMPLES // PHASES for phase in range(len(files))]
    graph = mono + "".join(f"[s{start}]" for start in starts)
    graph += "".join(f";[s{start}]atrim=start_sample={start},asetpts=PTS-STARTPTS[p{start}]" for start in starts)
    outputs = [
        ["-map", f"[p{start}]", "-f", "chromaprint", "-algorithm", "1", "-fp_format", "raw", f"file:{file}"]
        for start, file in zip(starts, files, strict=True)
    ]
    return ["-filter_complex", graph, *(argument for output in outputs for argument in output)]
