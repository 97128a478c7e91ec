"""Makes a show with sounds that `separate` removes, from the bundled sample.

The sample's episodes are too short for their whistle to be found. So this show joins both to one recording, adds a louder
whistle, and lets the sample's bell ring while people speak.
"""

from pathlib import Path

import numpy as np
import soundfile

from components.shared.audio import decode
from tests.sample import make as sample
from tests.sample.synth import EFFECTS, RATE_HZ, add, clock

WHISTLE = 0.012
"""Amplitude of the whistle that is added to the sample's own: 21 dB below speech."""
BELL, BELL_SECONDS = 0.12, (14.0, 43.0, 75.0, 91.0)
"""Amplitude of the bell, and the seconds at which it rings, all over speech without music."""


def make(folder: Path) -> Path:
    """Writes the show and a file that is no audio into a folder. Returns the bell's file, which lies beside the folder."""
    mix = np.concatenate([block[:, 0] for n in (1, 2) for block in decode(sample.AUDIO / f"episode-{n}.opus", RATE_HZ)]).astype(np.float64)
    mix += WHISTLE * np.sin(2 * np.pi * sample.WHISTLE_HZ * clock(len(mix) / RATE_HZ))
    bell = EFFECTS["bell"](np.random.default_rng())  # the bell uses no random numbers
    bell *= BELL / np.abs(bell).max()
    for seconds in BELL_SECONDS:
        add(mix, bell, seconds)
    folder.mkdir(parents=True)
    soundfile.write(folder / "An evening on the radio.flac", mix * (0.9 / max(float(np.abs(mix).max()), 0.9)), RATE_HZ)
    (folder / "lost.mp3").write_text("no sound")
    soundfile.write(folder.parent / "bell.wav", bell, RATE_HZ)
    return folder.parent / "bell.wav"
