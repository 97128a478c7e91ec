"""Measures clips one by one, then compares them within their voices and names their tones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import read
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Tone, Vector, span
from components.shared.tone.classifier import Classifier
from components.shared.tone.contours import contours
from components.shared.tone.measures import MEASURES, Prosody, measures, prosody
from components.shared.tone.sound import BLOCK_FRAMES, clip_blocks
from components.shared.tone.voices import standardized
from components.tag_tone.clusters import AROUSAL, NAME, NAME_GIVEN, PROSODY, clustered

Matrix = NDArray[np.float64]

_SILENT = Prosody(None, None, None, 0.0)


@dataclass(frozen=True)
class MeasuredClip:
    """Measurements of a clip."""

    clip: Clip
    energy_db: float | None
    """None for digital silence."""
    prosody: Prosody
    measures: Matrix | None
    """The measures in the order of MEASURES; None without voiced frames."""
    features: Vector


@dataclass(frozen=True)
class Named:
    """Tone of a clip, and its arousal relative to its voice."""

    tone: str
    probability: float | None
    arousal: float | None


_UNNAMED = Named("", None, None)


def measure_clips(audio: Path, clips: Sequence[Clip], done: Callable[[float], None]) -> Iterator[MeasuredClip]:
    """Measures clips of the recordings in a folder; calls `done` with the seconds of each."""
    for clip in clips:
        yield measure_clip(audio / f"{clip.recording}.flac", clip)
        done(clip.end - clip.start)


def measure_clip(file: Path, clip: Clip) -> MeasuredClip:
    """Measures one clip in blocks: first its level, then everything else relative to it."""
    start, end = span(clip)
    rms = _rms(file, start, end)
    if rms == 0:
        return MeasuredClip(clip, None, _SILENT, None, Vector(b""))
    found = contours(clip_blocks(file, start, end), rms)
    return MeasuredClip(clip, 20 * float(np.log10(rms)), prosody(found), measures(found), Vector(found.means.astype("<f4").tobytes()))


def _rms(file: Path, start: int, end: int) -> float:
    block, total = BLOCK_FRAMES * SAMPLE_RATE_HZ // 100, 0.0
    for a in range(start, end, block):
        samples = read(file, a, min(a + block, end)).mean(axis=1, dtype=np.float64) / 32_768
        total += float(samples @ samples)
    return float(np.sqrt(total / max(end - start, 1)))


def tones(
    clips: Sequence[MeasuredClip], voices: NDArray[np.int64], classifier: Classifier | None, clusters: int, compared: bool
) -> list[Tone]:
    """Returns a row for every clip of a shard, in order, with a tone by the classifier or, without one, by clusters of each voice.

    With 0 `clusters` a criterion chooses their number. If `compared`, the classifier gets measures relative to the clip's voice.
    """
    measured = [i for i, c in enumerate(clips) if c.measures is not None]
    names = _named([clips[i] for i in measured], voices[measured], classifier, clusters, compared) if measured else []
    named = dict(zip(measured, names, strict=True))
    by = f"{classifier.model.name}/{classifier.model.version}" if classifier else NAME_GIVEN if clusters else NAME
    return [_row(c, named.get(i, _UNNAMED), by) for i, c in enumerate(clips)]


def _row(clip: MeasuredClip, named: Named, by: str) -> Tone:
    p = clip.prosody
    melody = (p.f0_mean_hz, p.f0_range_semitones, p.f0_slope_semitones_per_second)
    return Tone(clip.clip.clip, named.tone, named.probability, named.arousal, *melody, clip.energy_db, p.voiced_rate, by, clip.features)


def _named(
    clips: Sequence[MeasuredClip], voices: NDArray[np.int64], classifier: Classifier | None, clusters: int, compared: bool
) -> list[Named]:
    arousal = _arousal(clips, voices)
    if classifier:
        pairs: list[tuple[str, float | None]] = [*_classified(clips, voices, classifier, compared)]
    else:
        pairs = [(name, None) for name in _clusters(clips, voices, arousal, clusters)]
    return [Named(name, probability, float(a)) for (name, probability), a in zip(pairs, arousal, strict=True)]


def _classified(
    clips: Sequence[MeasuredClip], voices: NDArray[np.int64], classifier: Classifier, compared: bool
) -> list[tuple[str, float]]:
    table = np.array([c.measures for c in clips])[:, classifier.columns]
    if compared:
        points = standardized(table, voices, [c.clip.gender for c in clips], classifier.deviations)
    else:
        points = (table - classifier.means) / classifier.deviations
    found = classifier.probabilities(points)
    best = np.argmax(found, axis=1)
    return [(classifier.classes[b], float(row[b])) for b, row in zip(best, found, strict=True)]


def _numbers(clips: Sequence[MeasuredClip], names: Sequence[str]) -> Matrix:
    """Returns columns by name, from MEASURES or from the clip's row, shaped (clips, names)."""
    own = {
        "f0_range": [c.prosody.f0_range_semitones for c in clips],
        "f0_slope": [c.prosody.f0_slope_semitones_per_second for c in clips],
        "energy_db": [c.energy_db for c in clips],
    }
    table = np.array([c.measures for c in clips])
    return np.stack([np.array(own[n], float) if n in own else table[:, MEASURES.index(n)] for n in names], axis=1)


def _arousal(clips: Sequence[MeasuredClip], voices: NDArray[np.int64]) -> Matrix:
    """Returns the mean of the AROUSAL measures, standardized within the voice, minus the voice's mean."""
    mean = standardized(_numbers(clips, AROUSAL), voices, [c.clip.gender for c in clips]).mean(axis=1)
    for voice in np.unique(voices):
        mean[voices == voice] -= mean[voices == voice].mean()
    return mean


def _clusters(clips: Sequence[MeasuredClip], voices: NDArray[np.int64], arousal: Matrix, wanted: int) -> list[str]:
    points = standardized(_numbers(clips, PROSODY), voices, [c.clip.gender for c in clips])
    names = [""] * len(clips)
    for voice in np.unique(voices):
        mine = np.flatnonzero(voices == voice)
        for i, name in zip(mine, clustered(points[mine], arousal[mine], wanted), strict=True):
            names[i] = name
    return names
