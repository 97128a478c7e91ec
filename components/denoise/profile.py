"""`profile`: spectral gating with a noise profile, as in Audacity: attenuates sound no louder than the recording's noise.

The gate is that of noisereduce, in stationary mode. The profile is a given span, or the quietest quarter seconds without speech. Digital
silence is not used, because it contains no noise.
"""

import heapq
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.shared.pieces import pieces
from components.shared.rows import SAMPLE_RATE_HZ, to_samples
from components.shared.steps import Filter, Mono, Prepared, Sound, Span, Step, Stream
from components.shared.task import report

CHUNK = SAMPLE_RATE_HZ // 4
LEAST_CHUNKS, MOST_CHUNKS = 2, 40
"""Minimum and maximum chunks of the profile (0.5 and 10 s); in between it is a tenth of the audio without speech."""
MOST_SECONDS = 60.0
"""Maximum length of a given span; the rest of it is not used."""
BESIDE_SPEECH = SAMPLE_RATE_HZ // 10
"""Samples before and after speech that may hold breaths or reverberation, so they count as speech."""
SILENCE = 10 ** (-90 / 20)
"""RMS below which a sound holds only rounding to 16 bits."""

REDUCTION_DB = 12.0
"""Attenuation of noise, Audacity's default. With more attenuation the remaining noise warbles."""
FFT, STEP = 1024, 256
SIZE, MARGIN = 1 << 17, 1 << 13
"""Samples of a piece and of its margins: multiples of STEP. The margin exceeds the reach of the FFT and of the mask's smoothing."""

Gate = Callable[[Mono], Mono]


def own_profile() -> Step:
    """Returns a step that takes the noise profile from the quietest parts without speech."""
    return Step(lambda sound: _prepared(sound, quietest(sound.stream(), sound.samples, sound.speech)), passes=1)


def named_profile(start_seconds: float, stop_seconds: float) -> Step:
    """Returns a step that takes the noise profile from a span of every recording."""
    stop_seconds = min(stop_seconds, start_seconds + MOST_SECONDS)
    span = to_samples(start_seconds), to_samples(stop_seconds)
    return Step(lambda sound: _prepared(sound, between(sound.stream(), span)), passes=1)


def _prepared(sound: Sound, noise: Mono) -> Prepared:
    """Returns the gate for a recording. Without usable noise it changes nothing, and logs that."""
    if len(noise) >= LEAST_CHUNKS * CHUNK and np.sqrt(np.mean(np.square(noise))) >= SILENCE:
        return Prepared(gated(load_gate(noise)))
    report(f"{sound.recording}: profile found less than {LEAST_CHUNKS * CHUNK / SAMPLE_RATE_HZ:g} s of noise: it changes nothing")
    return Prepared(lambda stream: stream)


def quietest(stream: Stream, samples: int, speech: tuple[Span, ...]) -> Mono:
    """Returns the quietest quarter seconds without speech, concatenated in order; each fades in and out."""
    heap: list[tuple[float, int, Mono]] = []
    heard = 0
    free = _without_speech(samples, speech)
    for index, piece in enumerate(pieces(stream, CHUNK, 0)):
        level = float(np.sqrt(np.mean(np.square(piece.samples))))
        if piece.own == CHUNK and free[index] and level >= SILENCE:
            heard += 1
            (heapq.heappush if len(heap) < MOST_CHUNKS else heapq.heappushpop)(heap, (-level, -piece.start, piece.samples))
    wanted = max(LEAST_CHUNKS, heard // 10)
    chosen = sorted((-start, chunk) for _, start, chunk in sorted(heap, reverse=True, key=lambda c: c[:2])[:wanted])
    fade = signal.windows.tukey(CHUNK, 0.08)  # 10 ms at both ends, to avoid clicks between chunks
    return np.concatenate([np.zeros(0), *(chunk * fade for _, chunk in chosen)])


def _without_speech(samples: int, speech: tuple[Span, ...]) -> NDArray[np.bool_]:
    """Returns whether each chunk is free of speech, shaped (chunks,)."""
    free = np.ones(-(-samples // CHUNK), bool)
    for start, stop in speech:
        free[max(0, start - BESIDE_SPEECH) // CHUNK : -(-(stop + BESIDE_SPEECH) // CHUNK)] = False
    return free


def between(stream: Stream, span: Span) -> Mono:
    """Returns the samples of a span inside the recording. It reads the whole stream, because progress counts whole passes."""
    found, at = [np.zeros(0)], 0
    for block in stream:
        found.append(block[max(0, span[0] - at) : max(0, span[1] - at)])
        at += len(block)
    return np.concatenate(found)


def load_gate(noise: Mono) -> Gate:
    """Returns noisereduce's stationary gate; a frequency's threshold is 1.5 standard deviations above its mean level in the noise."""
    from noisereduce.spectralgate.stationary import SpectralGateStationary

    gate = SpectralGateStationary(
        y=np.zeros(1),
        sr=SAMPLE_RATE_HZ,
        y_noise=noise,
        n_std_thresh_stationary=1.5,
        chunk_size=None,
        clip_noise_stationary=False,
        padding=0,
        n_fft=FFT,
        win_length=FFT,
        hop_length=STEP,
        time_constant_s=None,
        freq_mask_smooth_hz=500,
        time_mask_smooth_ms=50,
        tmp_folder=None,
        prop_decrease=1 - 10 ** (-REDUCTION_DB / 20),
        use_tqdm=False,
        n_jobs=1,
    )
    return lambda sound: gate.spectral_gating_stationary(sound[None])[0]


def gated(gate: Gate) -> Filter:
    """Returns a filter that applies a gate piece by piece."""

    def run(stream: Stream) -> Iterator[Mono]:
        for piece in pieces(stream, SIZE, MARGIN):
            yield gate(piece.samples)[MARGIN : MARGIN + piece.own]

    return run
