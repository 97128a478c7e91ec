"""Makes mixtures on the fly: speech in the middle, with music, effects and noise around it.

A window depends on (seed, index) only, so a resumed training gets the same windows as an uninterrupted one.
Sound is float32, shaped (frames, 2), at 44.1 kHz.
"""

import subprocess
import tempfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from components.shared.audio import ffmpeg
from components.shared.rows import SAMPLE_RATE_HZ
from components.train_separator.sounds import ACCOMPANIMENT, MIX, SPEECH, Sounds, Stereo, Window

Mono = NDArray[np.float32]

SPEECH_RMS = 0.1
OCTAVES_HZ = 62.5 * 2.0 ** np.arange(9)
BITRATES_KBITS = (64, 96, 128, 192)


@dataclass(frozen=True)
class Mixtures:
    """Windows made of speech, music and noises."""

    seed: int
    frames: int
    speech: Sounds
    """Clips of voices."""
    music: Sounds
    """Pieces of any length."""
    noises: Sounds | None = None
    """Effects and ambience that count as accompaniment, if there are any."""

    def window(self, index: int) -> Window:
        """Makes the window of an index. Most have speech over music at -10 to +20 dB; some have only one of the two."""
        rng, silence = np.random.default_rng((self.seed, index)), np.zeros((self.frames, 2), np.float32)
        kind = rng.choice(["both", "speech", "accompaniment"], p=[0.84, 0.09, 0.07])
        voice = _speech(rng, self.frames, self.speech) if kind != "accompaniment" else silence
        around = self._accompaniment(rng) if kind != "speech" else silence
        mix = voice + around
        gain = np.float32(rng.uniform(0.1, 0.95) / max(float(np.abs(mix).max()), 0.05))
        voice, around, mix = voice * gain, around * gain, mix * gain
        if rng.random() < 0.2:
            mix = coded(mix, int(rng.choice(BITRATES_KBITS)))
        return {MIX: mix, SPEECH: voice, ACCOMPANIMENT: around}

    def _accompaniment(self, rng: np.random.Generator) -> Stereo:
        noises = self.noises if self.noises and self.noises.files and rng.random() < 0.35 else None
        around = np.zeros((self.frames, 2), np.float32)
        if not noises or rng.random() < 0.6:
            around += _music(rng, self.frames, self.music)
        if noises:
            around += _noise(rng, self.frames, noises)
        return leveled(around, SPEECH_RMS * 10 ** (-rng.uniform(-10, 20) / 20))


def _speech(rng: np.random.Generator, frames: int, speech: Sounds) -> Stereo:
    """Utterances with pauses, sometimes two at once, in or near the middle."""
    bus = np.zeros(frames, np.float32)
    at = int(rng.uniform(-2, 1.5) * SAMPLE_RATE_HZ)
    while at < frames:
        clip = _voice(rng, speech)
        place(bus, clip, at)
        if rng.random() < 0.06:
            place(bus, _voice(rng, speech), at + int(rng.uniform(0, 2) * SAMPLE_RATE_HZ))
        at += len(clip) + int(rng.exponential(0.4) * SAMPLE_RATE_HZ)
    if rng.random() < 0.4:
        bus += (10 ** rng.uniform(-4.0, -2.6) * rng.standard_normal(frames)).astype(np.float32)
    side = rng.uniform(-0.3, 0.3) if rng.random() < 0.15 else 0.0
    return np.stack([bus * np.float32(1 + side), bus * np.float32(1 - side)], axis=1)


def _voice(rng: np.random.Generator, speech: Sounds) -> Mono:
    """One clip with random loudness, timbre and pitch."""
    clip = speech.whole(rng).mean(axis=1)
    if rng.random() < 0.5:
        factor = rng.uniform(0.88, 1.14)
        clip = np.interp(np.arange(0, len(clip) - 1, factor), np.arange(len(clip)), clip).astype(np.float32)
    if rng.random() < 0.5:
        clip = with_treble(clip, rng)
    return leveled(equalized(clip, rng, 5.0), SPEECH_RMS * 10 ** (rng.uniform(-7, 4) / 20))


def _music(rng: np.random.Generator, frames: int, music: Sounds) -> Stereo:
    """Background music: unchanged, narrowed, or to one side. It may begin or end inside the window."""
    found = music.draw(rng, frames)
    piece = np.zeros((frames, 2), np.float32)
    place(piece, equalized(found, rng, 4.0), int(rng.integers(frames)) if rng.random() < 0.15 else 0)
    if rng.random() < 0.15:
        piece[int(rng.integers(frames)) :] = 0
    placement = rng.random()
    if placement < 0.45:
        return piece
    middle = piece.mean(axis=1, keepdims=True)
    if placement < 0.65:
        return piece * np.float32(0.3) + middle * np.float32(0.7)
    side = np.float32(rng.uniform(-0.6, 0.6))
    return np.concatenate([middle * (1 + side), middle * (1 - side)], axis=1)


def _noise(rng: np.random.Generator, frames: int, noises: Sounds) -> Stereo:
    """One to four noises at random places, which may be longer than the window."""
    bus = np.zeros((frames, 2), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        found = equalized(noises.draw(rng, frames), rng, 4.0)
        place(bus, leveled(found, SPEECH_RMS * 10 ** (rng.uniform(-10, 4) / 20)), int(rng.integers(-len(found) // 2, frames)))
    return bus


def place(bus: NDArray[np.float32], sound: NDArray[np.float32], at: int) -> None:
    """Adds a sound to a bus at frame `at`, which may be negative. Parts outside the bus are cut off."""
    start, stop = max(at, 0), min(at + len(sound), len(bus))
    if start < stop:
        bus[start:stop] += sound[start - at : stop - at]


def leveled(sound: NDArray[np.float32], rms: float) -> NDArray[np.float32]:
    """Scales a sound so that the RMS of its loudest channel is `rms`; silence stays silent."""
    found = float(np.sqrt(np.mean(np.square(sound), axis=0).max()))
    return sound * np.float32(rms / found) if found > 1e-6 else sound


def equalized(sound: NDArray[np.float32], rng: np.random.Generator, max_db: float) -> NDArray[np.float32]:
    """Applies a random smooth equalizer curve of at most ±`max_db` in each octave."""
    if len(sound) < 2:
        return sound
    size = fft.next_fast_len(len(sound), real=True)
    spectrum = fft.rfft(sound, size, axis=0)
    octave = np.log2(np.maximum(fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ), 20) / OCTAVES_HZ[0])
    gains_db = np.interp(octave, np.arange(len(OCTAVES_HZ)), rng.uniform(-max_db, max_db, len(OCTAVES_HZ)))
    gains = (10 ** (gains_db / 20)).astype(np.float32)
    return fft.irfft(spectrum * (gains if sound.ndim == 1 else gains[:, None]), size, axis=0)[: len(sound)].astype(np.float32)


def with_treble(voice: Mono, rng: np.random.Generator) -> Mono:
    """Adds sound above 8 kHz to a voice recorded at 16 kHz: a weaker, shifted copy of its band from 4 to 8 kHz.

    Without it a network would learn that everything above 8 kHz is music.
    """
    upper = signal.sosfilt(signal.butter(4, 4_000, "highpass", fs=SAMPLE_RATE_HZ, output="sos"), voice)
    time = np.arange(len(voice)) / SAMPLE_RATE_HZ
    shifted = upper * 2 * np.cos(2 * np.pi * rng.uniform(3_500, 5_000) * time)
    above = signal.sosfilt(signal.butter(4, 7_500, "highpass", fs=SAMPLE_RATE_HZ, output="sos"), shifted)
    return (voice + above * 10 ** (rng.uniform(-14, 0) / 20)).astype(np.float32)


def coded(mix: Stereo, bitrate_kbits: int) -> Stereo:
    """Encodes and decodes a mixture as MP3; the timeline stays the same."""
    raw = ["-f", "f32le", "-ac", "2", "-ar", str(SAMPLE_RATE_HZ)]
    with tempfile.TemporaryDirectory() as scratch:
        path = f"{scratch}/mix.mp3"
        command = [ffmpeg(), "-v", "error", "-y", *raw, "-i", "-", "-b:a", f"{bitrate_kbits}k", path]
        subprocess.run(command, input=mix.tobytes(), check=True)
        done = subprocess.run([ffmpeg(), "-v", "error", "-i", path, *raw, "-"], check=True, capture_output=True).stdout
    decoded = np.frombuffer(done, np.float32).reshape(-1, 2)
    out = np.zeros_like(mix)
    place(out, decoded, 0)
    return out
