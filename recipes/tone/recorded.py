# /// script
# requires-python = "==3.11.*"
# dependencies = ["librosa==0.11.0", "numpy"]
# ///
"""Records what librosa measures of a sound, for the test of the same means in numpy.

    PYTHONPATH=. uv run --script recipes/tone/recorded.py >tests/components/tag_tone/recorded.json

uv makes an environment for librosa that nothing else uses.
"""

import json

import numpy as np

from recipes.speakers.recorded import RATE_HZ, SECONDS, signal

FFT, HOP, LEVEL_RMS = 1024, 160, 0.1
"""As in components/tag_tone."""


def main() -> None:
    import librosa

    sound = signal(SECONDS[0])
    level = sound * np.float32(LEVEL_RMS / np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    power = np.abs(librosa.stft(level, n_fft=FFT, hop_length=HOP))[:, : len(sound) // HOP] ** 2
    mel = librosa.feature.melspectrogram(S=power, sr=RATE_HZ, n_fft=FFT)
    cepstra = librosa.feature.mfcc(S=librosa.power_to_db(mel, top_db=None), n_mfcc=40)
    chroma = librosa.feature.chroma_stft(S=power, sr=RATE_HZ, n_fft=FFT, tuning=0.0)
    means = np.concatenate([m.mean(axis=1, dtype=np.float64) for m in (cepstra, chroma, mel)])
    print(json.dumps([float(f"{mean:.7g}") for mean in means]).replace(", ", ",\n"))


if __name__ == "__main__":
    main()
