"""Measures clips one by one, then compares them within their voices and names their tones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import read
from components.shared.rows import SAMPLE_RATE_HZ, Clip, Tone, Vector, span
from components.tag_tone.classifier import Classifier
from components.tag_tone.clusters import AROUSAL, NAME, NAME_GIVEN, PROSODY, clustered
from components.tag_tone.contours import contours
from components.tag_tone.measures import MEASURES, Prosody, measures, prosody
from components.tag_tone.sound import BLOCK_FRAMES, clip_blocks
from components.tag_tone.voices import standardized

Matrix = NDArray[np.float64]

_SILENT = Prosody(None, None, None, 0.0)


@dataclass(frozen=True)
class Heard:
    """Measurements of a clip."""

    clip: Clip
    energy_db: float | None
    """None for digital silence."""
    prosody: Prosody
    measures: Matrix | None
    """In the order of MEASURES; None without voiced frames."""
    features: Vector


@dataclass(frozen=True)
class Named:
    """Name of a clip's tone, and its arousal relative to its voice."""

    tone: str
    probability: float | None
    arousal: float | None


_UNNAMED = Named("", None, None)


def hear(audio: Path, clips: Sequence[Clip], done: Callable[[float], None]) -> Iterator[Heard]:
    """Measures clips of the recordings in a folder; calls `done` with the seconds of each."""
    for clip in clips:
        yield hear_clip(audio / f"{clip.recording}.flac", clip)
        done(clip.end - clip.start)


def hear_clip(file: Path, clip: Clip) -> Heard:
    """Measures one clip in blocks: first its level, then everything else relative to it."""
    start, end = span(clip)
    rms = _rms(file, start, end)
    if rms == 0:
        return Heard(clip, None, _SILENT, None, Vector(b""))
    found = contours(clip_blocks(file, start, end), rms)
    return Heard(clip, 20 * float(np.log10(rms)), prosody(found), measures(found), Vector(found.means.astype("<f4").tobytes()))


def _rms(file: Path, start: int, end: int) -> float:
    block, total = BLOCK_FRAMES * SAMPLE_RATE_HZ // 100, 0.0
    for a in range(start, end, block):
        samples = read(file, a, min(a + block, end)).mean(axis=1, dtype=np.float64) / 32_768
        total += float(samples @ samples)
    return float(np.sqrt(total / max(end - start, 1)))


def tones(heard: Sequence[Heard], voices: NDArray[np.int64], classifier: Classifier | None, clusters: int, compared: bool) -> list[Tone]:
    """Returns a row for every clip, in order.

    Args:
        heard: The clips of a shard.
        voices: The voice of each clip, shaped (clips,).
        classifier: Names the tones; None makes clusters instead.
        clusters: Number of clusters per voice; 0 chooses it by a criterion.
        compared: Whether the classifier gets measures relative to the clip's voice.
    """
    told = [i for i, h in enumerate(heard) if h.measures is not None]
    named = dict(zip(told, _named([heard[i] for i in told], voices[told], classifier, clusters, compared), strict=True)) if told else {}
    by = f"{classifier.model.name}/{classifier.model.version}" if classifier else NAME_GIVEN if clusters else NAME
    return [_row(h, named.get(i, _UNNAMED), by) for i, h in enumerate(heard)]


def _row(heard: Heard, named: Named, by: str) -> Tone:
    p = heard.prosody
    melody = (p.f0_mean_hz, p.f0_range_semitones, p.f0_slope_semitones_per_second)
    return Tone(heard.clip.clip, named.tone, named.probability, named.arousal, *melody, heard.energy_db, p.voiced_rate, by, heard.features)


def _named(heard: Sequence[Heard], voices: NDArray[np.int64], classifier: Classifier | None, clusters: int, compared: bool) -> list[Named]:
    arousal = _arousal(heard, voices)
    if classifier:
        pairs: list[tuple[str, float | None]] = [*_classified(heard, voices, classifier, compared)]
    else:
        pairs = [(name, None) for name in _clusters(heard, voices, arousal, clusters)]
    return [Named(name, probability, float(a)) for (name, probability), a in zip(pairs, arousal, strict=True)]


def _classified(heard: Sequence[Heard], voices: NDArray[np.int64], classifier: Classifier, compared: bool) -> list[tuple[str, float]]:
    table = np.array([h.measures for h in heard])[:, classifier.columns]
    if compared:
        points = standardized(table, voices, [h.clip.gender for h in heard], classifier.deviations)
    else:
        points = (table - classifier.means) / classifier.deviations
    found = classifier.probabilities(points)
    best = np.argmax(found, axis=1)
    return [(classifier.classes[b], float(row[b])) for b, row in zip(best, found, strict=True)]


def _numbers(heard: Sequence[Heard], names: Sequence[str]) -> Matrix:
    """Columns by name, from MEASURES or from the clip's row, shaped (clips, names)."""
    own = {
        "f0_range": [h.prosody.f0_range_semitones for h in heard],
        "f0_slope": [h.prosody.f0_slope_semitones_per_second for h in heard],
        "energy_db": [h.energy_db for h in heard],
    }
    table = np.array([h.measures for h in heard])
    return np.stack([np.array(own[n], float) if n in own else table[:, MEASURES.index(n)] for n in names], axis=1)


def _arousal(heard: Sequence[Heard], voices: NDArray[np.int64]) -> Matrix:
    """Mean of the AROUSAL measures, standardized within the voice, minus the voice's own mean."""
    mean = standardized(_numbers(heard, AROUSAL), voices, [h.clip.gender for h in heard]).mean(axis=1)
    for voice in np.unique(voices):
        mean[voices == voice] -= mean[voices == voice].mean()
    return mean


def _clusters(heard: Sequence[Heard], voices: NDArray[np.int64], arousal: Matrix, wanted: int) -> list[str]:
    points = standardized(_numbers(heard, PROSODY), voices, [h.clip.gender for h in heard])
    names = [""] * len(heard)
    for voice in np.unique(voices):
        mine = np.flatnonzero(voices == voice)
        for i, name in zip(mine, clustered(points[mine], arousal[mine], wanted), strict=True):
            names[i] = name
    return names
