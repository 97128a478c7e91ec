"""Groups the clips of a shard by voice, and standardizes measures within each voice."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.rows import Clip
from components.shared.windows import Windows, read_windows

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]

PRIOR_CLIPS = 3.0
"""Weight, in clips, of the shard's mean and the model's deviation against those of a voice."""

LIMIT = 4.0
"""Standardized measures are clipped to plus and minus this."""

_PASSES = 5


def clip_vectors(windows: Path, clips: Sequence[Clip]) -> tuple[Matrix, str]:
    """Pools the windows whose middle lies inside a clip into its vector of length 1; zeros without windows. Shaped (clips, numbers).
    Returns the encoder of the windows as well.

    `tag_speaker` weights windows by their overlap instead; with that, clips would be grouped and named differently here.
    """
    vectors, voice_by = np.zeros((len(clips), 0)), ""
    places: dict[str, list[int]] = {}
    for i, clip in enumerate(clips):
        places.setdefault(clip.recording, []).append(i)
    for recording, found in read_windows(windows):
        if not voice_by:
            vectors, voice_by = np.zeros((len(clips), found.vectors.shape[1])), found.voice_by
        for i in places.get(recording, []):
            vectors[i] = _clip_vector(found, clips[i])
    return vectors, voice_by


def _clip_vector(windows: Windows, clip: Clip) -> Matrix:
    """Windows are ordered by time, so a clip's are neighbors. A clip between two middles gets the nearest window that overlaps it."""
    middles = (windows.starts + windows.ends) / 2
    first, last = np.searchsorted(middles, [clip.start, clip.end])
    if first == last:
        nearest = int(np.argmin(np.abs(middles - (clip.start + clip.end) / 2)))
        overlaps = windows.starts[nearest] < clip.end and windows.ends[nearest] > clip.start
        first, last = (nearest, nearest + 1) if overlaps else (0, 0)
    total = windows.vectors[first:last].sum(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(total))
    return total / length if length else total


def voices(vectors: Matrix, genders: Sequence[str], similarity: float) -> Labels:
    """Numbers the voice of every clip from 0 in order of appearance; clips of different genders are different voices.

    A clip joins the nearest group if their cosine is `similarity` or more, or starts a group. Then groups that are as near are
    joined, and every clip moves to the nearest one. Vectors have length 1, or are zeros: such clips are one voice per gender.
    """
    found = np.zeros(len(vectors), np.int64)
    count = 0
    known = np.linalg.norm(vectors, axis=1) > 0
    for gender in sorted(set(genders)):
        mine = np.array([g == gender for g in genders], bool)
        heard, unheard = np.flatnonzero(mine & known), np.flatnonzero(mine & ~known)
        if len(heard):
            groups = _groups(vectors[heard], similarity)
            found[heard] = groups + count
            count += int(groups.max()) + 1
        found[unheard] = count
        count += len(unheard) > 0
    _, first, labels = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[labels]


def _groups(vectors: Matrix, similarity: float) -> Labels:
    centroids: list[Matrix] = []
    for vector in vectors:
        closeness = [float(c @ vector) / float(np.linalg.norm(c)) for c in centroids]
        if closeness and max(closeness) >= similarity:
            centroids[int(np.argmax(closeness))] += vector
        else:
            centroids.append(vector.copy())
    middles = _joined(np.array(centroids), similarity)
    labels = np.zeros(len(vectors), np.int64)
    for _ in range(_PASSES):
        labels = np.argmax(vectors @ _units(middles).T, axis=1)
        used, labels = np.unique(labels, return_inverse=True)
        middles = _joined(np.array([vectors[labels == i].sum(axis=0) for i in range(len(used))]), similarity)
    return np.argmax(vectors @ _units(middles).T, axis=1)


def _joined(sums: Matrix, similarity: float) -> Matrix:
    """Joins the two nearest groups, given as sums of vectors, until none are similar enough."""
    while len(sums) > 1:
        units = _units(sums)
        closeness = units @ units.T - 2 * np.eye(len(sums))
        a, b = divmod(int(np.argmax(closeness)), len(sums))
        if closeness[a, b] < similarity:
            break
        sums[min(a, b)] += sums[max(a, b)]
        sums = np.delete(sums, max(a, b), axis=0)
    return sums


def _units(rows: Matrix) -> Matrix:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def standardized(measures: Matrix, labels: Labels, genders: Sequence[str], deviations: Matrix | None = None) -> Matrix:
    """Standardizes measures within their voice: (value - mean) / deviation, clipped to ±LIMIT.

    A voice's mean is shrunk toward that of all clips of its gender in the shard, and its deviation toward `deviations`, by default
    those of the shard's voices, with the weight of PRIOR_CLIPS clips. So a voice of few clips is compared with the others, and a
    constant voice is not amplified. `measures` are shaped (clips, measures), without NaN.
    """
    result = np.zeros_like(measures)
    usual = within(measures, labels) if deviations is None else deviations
    for label in np.unique(labels):
        mine = labels == label
        gender = genders[int(np.argmax(mine))]
        peers = np.array([g == gender for g in genders], bool)
        count, values = int(mine.sum()), measures[mine]
        mean = (values.sum(axis=0) + PRIOR_CLIPS * measures[peers].mean(axis=0)) / (count + PRIOR_CLIPS)
        square = (np.square(values - values.mean(axis=0)).sum(axis=0) + PRIOR_CLIPS * np.square(usual)) / (count + PRIOR_CLIPS)
        result[mine] = (values - mean) / np.sqrt(np.maximum(square, 1e-12))
    return np.clip(result, -LIMIT, LIMIT)


def within(measures: Matrix, labels: Labels) -> Matrix:
    """Pooled deviation within voices, shaped (measures,); the deviation of all clips if no voice has two."""
    _, voice, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.max() < 2:
        return measures.std(axis=0)
    means = np.array([measures[voice == i].mean(axis=0) for i in range(len(counts))])
    return np.sqrt(np.square(measures - means[voice]).sum(axis=0) / (len(measures) - len(counts)))
