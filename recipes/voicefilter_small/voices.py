"""Speaks made-up words with voices of espeak-ng, each of which is a speaker of its own.

    .venv/bin/python -m recipes.voicefilter_small.voices --out FOLDER --voices 40 --utterances 5 --seed 1

Needs the program espeak-ng. A voice is a function of the seed and its number: language, variant, pitch and speed.
"""

import argparse
import io
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from recipes.speech_2stems_small.voices import LANGUAGES, VARIANTS, words


def speak(rng: np.random.Generator, language: str, options: list[str]) -> tuple[np.ndarray, int]:
    """One utterance, shaped (samples,), and its rate."""
    text = words(rng, language, int(rng.integers(6, 14)))
    wave = subprocess.run(["espeak-ng", *options, "--stdout", text], check=True, capture_output=True).stdout
    return soundfile.read(io.BytesIO(wave), dtype="float32")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--voices", type=int, default=40)
    parser.add_argument("--utterances", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for number in range(args.voices):
        rng = np.random.default_rng((args.seed, number))
        language = str(rng.choice(LANGUAGES))
        options = ["-v", f"{language}+{rng.choice(VARIANTS)}", "-p", str(int(rng.integers(10, 95))), "-s", str(int(rng.integers(120, 210)))]
        folder = args.out / f"espeak-{number:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        for utterance in range(args.utterances):
            sound, rate_hz = speak(rng, language, options)
            soundfile.write(folder / f"{utterance}.flac", sound * 0.8, rate_hz)


if __name__ == "__main__":
    main()
