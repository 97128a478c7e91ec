"""The fingerprint of a recording, as Chromaprint takes it: 32 bits for every place of a grid, from the 2.7 s that begin there.

Chromaprint's grid is coarse, 124 ms, and the same sound half a grid step off has 5 to 13 % of its bits changed: of a jingle of
6 s between speech too few of its 27 hashes stay whole to be found by. So it is taken four times, each a quarter of a step later
(at most 4 % changed, and a third or more of the hashes whole, through an MP3 of 128 kb/s).
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
"""Of Chromaprint's second algorithm (`-algorithm 1`), its default: a third of a frame of 4,096."""
SPAN_SECONDS = (4_096 + 19 * STEP_SAMPLES) / RATE_HZ
"""Of one hash: 16 steps of a chroma that is smoothed over 5 frames."""
PHASES = 4
_FRAME_SAMPLES = 65_536
"""What ffmpeg hands from one of its threads to another at a time: of its own small frames that alone took as long as the work."""
HOP_SECONDS = STEP_SAMPLES / PHASES / RATE_HZ


def hashes(path: Path) -> NDArray[np.uint32]:
    """The hashes of a FLAC file of any length, in bounded memory but for themselves: number i begins at i * HOP_SECONDS.

    Shorter than a hash's span there is none. Channels are mixed to mono.

    Raises:
        ValueError: ffmpeg cannot read it.
    """
    if soundfile.info(path).duration < SPAN_SECONDS:  # ffmpeg fails on a stream without any sample
        return np.zeros(0, np.uint32)
    with tempfile.TemporaryDirectory() as scratch:
        files = [Path(scratch) / str(phase) for phase in range(PHASES)]
        done = subprocess.run([ffmpeg(), *ffmpeg_input(path), *_outputs(files)], capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"ffmpeg cannot read {path.name}: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
        phases = [np.fromfile(file, "<u4") for file in files]
    found = np.zeros(PHASES * len(phases[0]), np.uint32)
    for number, phase in enumerate(phases):
        found[number : PHASES * len(phase) : PHASES] = phase
    return found[: sum(len(phase) for phase in phases)]  # a later phase may have one less


def _outputs(files: list[Path]) -> list[str]:
    """ffmpeg's arguments: one decoding, one fingerprint a file."""
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
