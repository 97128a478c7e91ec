"""Speaks made-up words with many espeak-ng voices.

    .venv/bin/python -m recipes.speech_2stems_small.voices --out FOLDER --utterances 400 --seed 1

Needs the program espeak-ng. Each utterance is a function of the seed and its number. The words have no meaning: the training only
needs many different voices.
"""

import argparse
import io
import subprocess
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE_HZ = 44_100
LANGUAGES = ("ko", "ko", "ko", "en-us", "en-gb", "de", "fr-fr", "es", "it", "pt-br", "nl", "pl", "tr", "sv", "fi", "id", "vi", "ja")
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "klatt", "klatt2", "klatt3", "croak")
CONSONANTS, VOWELS = "bdfghjklmnprstvwz", ("a", "e", "i", "o", "u", "ai", "ou", "ei")
HANGUL_FIRST, HANGUL_COUNT = 0xAC00, 11_172


def words(rng: np.random.Generator, language: str, count: int) -> str:
    """Made-up words of random syllables: Hangul for Korean, Latin letters for other languages."""

    def syllable() -> str:
        if language == "ko":
            return chr(HANGUL_FIRST + int(rng.integers(HANGUL_COUNT)))
        return str(rng.choice(list(CONSONANTS))) + str(rng.choice(VOWELS)) + (str(rng.choice(list("nrsltm"))) if rng.random() < 0.3 else "")

    return " ".join("".join(syllable() for _ in range(int(rng.integers(1, 5)))) for _ in range(count))


def speak(rng: np.random.Generator) -> np.ndarray:
    """One mono utterance at 44.1 kHz, shaped (samples,)."""
    language = str(rng.choice(LANGUAGES))
    voice = f"{language}+{rng.choice(VARIANTS)}"
    options = ["-v", voice, "-p", str(int(rng.integers(15, 86))), "-s", str(int(rng.integers(120, 210)))]
    text = words(rng, language, int(rng.integers(4, 12)))
    wave = subprocess.run(["espeak-ng", *options, "--stdout", text], check=True, capture_output=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wave), dtype="float32")
    return resample_poly(samples, RATE_HZ, rate).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--utterances", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for number in range(args.utterances):
        soundfile.write(args.out / f"{number:04d}.flac", speak(np.random.default_rng((args.seed, number))) * 0.8, RATE_HZ)


if __name__ == "__main__":
    main()
