"""Makes mixtures of two voices on the fly, with noise, music, reverberation and telephones.

A mixture depends on (seed, index) only, so a resumed training gets the same mixtures as an uninterrupted one.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.shared.mel import FRAME, RATE_HZ, Signal
from components.shared.training import Batch
from components.shared.vectors import embed_windows
from components.shared.voice_encoder import Encoder, load_encoder
from components.shared.voicefilter import STFT, level_of
from components.shared.window_plan import WINDOW_FRAMES
from components.train_voicefilter.sounds import File, resampled
from components.train_voicefilter.sources import PIECE_SECONDS, Piece, Speakers

SAMPLES = round(PIECE_SECONDS * RATE_HZ)
RATIOS_DB, HARD_DB, HARD_SHARE = (-5.0, 15.0), (-5.0, 5.0), 0.5
"""Level of the voice over the other one. In some mixtures neither is much louder: there its vector alone tells which is wanted."""
TEMPOS = (0.8, 0.9, 1.0, 1.12, 1.25)
"""Factors by which speech is played faster: each makes another voice of a speaker, higher or lower, with its own vector."""
MOST_KNOWN = 3
"""Pieces by which a voice is known, at most."""
REMEMBERED = 20_000
"""Vectors that a process remembers: 20 MB."""
_ALONE, _ABSENT = 0.07, 0.05
"""Shares of the mixtures with only the voice, and without it."""


class Mixture(NamedTuple):
    """Signals of SAMPLES samples, and a vector."""

    mixture: Signal
    voice: Signal
    """What of the mixture is the wanted voice."""
    vector: NDArray[np.float32]
    """Vector of the voice, of length 1, from other speech than that in the mixture."""


@dataclass
class Mixtures:
    """Mixtures of speakers. Every process loads its own encoder when it makes its first mixture."""

    seed: int
    speakers: Speakers
    engine: str
    noises: Sequence[File] = ()
    music: Sequence[File] = ()
    plain: bool = False
    """Whether all mixtures are of two voices at 0 dB and nothing else, as validation needs them."""
    _encoder: Encoder | None = field(default=None, repr=False, compare=False)
    _vectors: "OrderedDict[tuple[str, int, int], NDArray[np.float32]]" = field(default_factory=OrderedDict, repr=False, compare=False)

    def __call__(self, index: int) -> Batch:
        """Makes the example of an index: magnitudes shaped (frames, BINS), and a vector."""
        made = self.mixture(index)
        gain = level_of(made.mixture)
        whole, wanted = STFT.spectrum(made.mixture * gain), STFT.spectrum(made.voice * gain)
        size = np.abs(whole)
        # A mask cannot turn a phase: it can at best leave the part of the voice that is in phase with the mixture.
        in_phase = np.clip((wanted * whole.conj()).real / np.maximum(size, 1e-9), 0, size)
        return {"mixture": size.astype(np.float32), "target": in_phase.astype(np.float32), "voice": made.vector}

    def mixture(self, index: int) -> Mixture:
        """Makes the mixture of an index."""
        rng = np.random.default_rng((self.seed, index))
        names = list(self.speakers)
        weights = np.sqrt([len(self.speakers[name]) for name in names])
        one, other = rng.choice(len(names), 2, replace=False, p=weights / weights.sum())
        tempo, other_tempo = (2, 2) if self.plain else rng.integers(len(TEMPOS), size=2).tolist()
        order = rng.permutation(len(self.speakers[names[one]]))
        vector = self._vector(names[one], order[1 : 1 + int(rng.integers(1, MOST_KNOWN + 1))].tolist(), tempo)
        voice = self._speech(rng, self.speakers[names[one]][order[0]], tempo)
        around = self._speech(rng, self.speakers[names[other]][int(rng.integers(len(self.speakers[names[other]])))], other_tempo)
        if self.plain:
            return Mixture(voice + around * _ratio(voice, around, 0.0), voice, vector)
        if rng.random() < 0.2:
            voice, around = reverberated(voice, rng), reverberated(around, rng)
        around = around * _ratio(voice, around, rng.uniform(*(HARD_DB if rng.random() < HARD_SHARE else RATIOS_DB)))
        kind = rng.random()
        if kind < _ALONE:
            around = np.zeros_like(around)
        elif kind < _ALONE + _ABSENT:
            voice = np.zeros_like(voice)
        speech = voice + around
        if rng.random() < 0.25:
            around = around + self._noise(rng) * _ratio(speech, np.float32(1), rng.uniform(5, 30))
        if self.music and rng.random() < 0.1:
            found = _whole(_unit(_part(rng, self.music)))
            around = around + found * _ratio(speech, np.float32(1), rng.uniform(5, 25))
        if rng.random() < 0.1:
            voice, around = telephone(voice), telephone(around)
        return Mixture(voice + around, voice, vector)

    def _speech(self, rng: np.random.Generator, piece: Piece, tempo: int) -> Signal:
        """A piece at a random place, scaled to an RMS of 1 while it lasts."""
        found = _unit(spoken(piece, tempo))
        room = SAMPLES - len(found)
        if room < 0:
            return found[int(rng.integers(1 - room)) :][:SAMPLES]
        return _whole(np.concatenate([np.zeros(int(rng.integers(room + 1)), np.float32), found]))

    def _noise(self, rng: np.random.Generator) -> Signal:
        """A recorded noise, or one whose power falls by 0 to 6 dB an octave."""
        if self.noises and rng.random() < 0.7:
            return _whole(_unit(_part(rng, self.noises)))
        spectrum = np.fft.rfft(rng.standard_normal(SAMPLES))
        spectrum *= np.maximum(np.arange(len(spectrum)), 20.0) ** -rng.uniform(0, 1)
        return _unit(np.fft.irfft(spectrum, SAMPLES).astype(np.float32))

    def _vector(self, speaker: str, which: Sequence[int], tempo: int) -> NDArray[np.float32]:
        total = np.sum([self._vector_of(speaker, number, tempo) for number in which], axis=0)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)

    def _vector_of(self, speaker: str, number: int, tempo: int) -> NDArray[np.float32]:
        """The vector of a piece."""
        key = (speaker, number, tempo)
        if key not in self._vectors:
            if self._encoder is None:
                self._encoder = load_encoder(self.engine, threads=1)
            self._vectors[key] = vector_of(spoken(self.speakers[speaker][number], tempo), self._encoder)
            if len(self._vectors) > REMEMBERED:
                self._vectors.popitem(last=False)
        return self._vectors[key]


def spoken(piece: Piece, tempo: int) -> Signal:
    """The sound of a piece, played faster by one of TEMPOS."""
    return resampled(piece.file.read(piece.start, piece.seconds), round(100 * TEMPOS[tempo]), 100)


def vector_of(sound: Signal, encoder: Encoder) -> NDArray[np.float32]:
    """Returns the voice vector of the middle of a sound, up to 1.6 s; zeros for silence."""
    frames = len(sound) // FRAME
    first = max(0, (frames - WINDOW_FRAMES) // 2)
    spans = np.array([[first, min(frames, first + WINDOW_FRAMES)]])
    return np.asarray(embed_windows(iter([sound]), spans, encoder, batch_windows=8)[0].vectors.sum(axis=0), np.float32)


def reverberated(sound: Signal, rng: np.random.Generator) -> Signal:
    """Adds the reverberation of a random room, which falls by 60 dB in 0.1 to 0.6 s."""
    time = np.arange(round(0.5 * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / rng.uniform(0.1, 0.6))
    tail *= 10 ** (rng.uniform(-12, 0) / 20) / np.linalg.norm(tail)
    tail[0] = 1.0
    return np.asarray(signal.fftconvolve(sound, tail)[: len(sound)], np.float32)


def telephone(sound: Signal) -> Signal:
    """Leaves what a telephone lets through, 300 to 3400 Hz."""
    band = signal.butter(4, (300, 3400), "bandpass", fs=RATE_HZ, output="sos")
    return np.asarray(signal.sosfilt(band, sound), np.float32)


def _part(rng: np.random.Generator, files: Sequence[File]) -> Signal:
    file = files[int(rng.integers(len(files)))]
    return file.read(rng.uniform(0, max(0.0, file.seconds - PIECE_SECONDS)), PIECE_SECONDS)


def _whole(sound: Signal) -> Signal:
    """The first SAMPLES samples of a sound, with silence after its end."""
    found = np.zeros(SAMPLES, np.float32)
    found[: len(sound)] = sound[:SAMPLES]
    return found


def _unit(sound: Signal) -> Signal:
    """Scales a sound to an RMS of 1; silence stays silent."""
    rms = float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0
    return sound / np.float32(rms) if rms > 1e-6 else sound


def _ratio(voice: Signal, other: Signal | np.float32, level_db: float) -> np.float32:
    """The factor that makes another sound quieter than the voice by a level."""
    energies = [float(np.sqrt(np.mean(np.square(sound)))) for sound in (voice, other)]
    return np.float32(10 ** (-level_db / 20) * energies[0] / energies[1]) if min(energies) > 1e-6 else np.float32(1)
