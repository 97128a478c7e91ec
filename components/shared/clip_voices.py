"""The voices of the clips of a shard, by the windows that `diarize` heard, grouped over all its recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.shared.encoders import vectors_of
from components.shared.rows import Clip
from components.shared.table import by_recording
from components.shared.voices import Labels, Numbers, Voice, added, groups, table
from components.shared.windows import REFERENCE_TABLE, Windows, covered, read_windows

INSIDE_SHARE = 0.75
"""Share of a window inside a clip from which on it counts: below, it holds too much of what surrounds the clip."""

LEAST_SHARE = 0.25
"""Share of a window from which on it may stand for a clip without one inside; less will do if it is half of the clip."""

UNHEARD_SECONDS = 0.1
"""Length that stands for that of a clip without windows."""


@dataclass(frozen=True)
class ClipVoices:
    """The voices of clips, in the order of the clips."""

    totals: Numbers
    """Sum of the vectors of each clip's windows, shaped (clips, numbers); zeros without windows."""
    seconds: Numbers
    """Seconds of each clip that these windows cover, shaped (clips,); UNHEARD_SECONDS without windows."""
    labels: Labels
    """The voice of each clip, from 0, shaped (clips,); -1 without windows."""
    voice_totals: Numbers
    """Sums of the vectors of each voice, shaped (voices, numbers)."""
    voice_seconds: Numbers
    """Seconds of each voice, shaped (voices,)."""
    voice_by: str
    """The encoder, as in the column `voice_by`; empty without any window."""

    @property
    def heard(self) -> NDArray[np.bool_]:
        """Which clips have a voice."""
        return self.labels >= 0


def clip_voices(turns: Path, clips: Sequence[Clip]) -> ClipVoices:
    """Reads the windows of the artifact `turns` one recording at a time. A clip has the voice that most of its windows have."""
    cut, voice_by = by_recording(clips), ""
    own: dict[str, tuple[int, Voice]] = {}
    local: list[Voice] = []
    for recording, windows in read_windows(turns):
        voice_by, index = windows.voice_by, {}
        for voice in np.unique(windows.voices).tolist():
            index[voice] = len(local)
            local.append(_voice(windows, np.flatnonzero(windows.voices == voice)))
        for clip in cut[recording]:
            inside, number = _inside(clip, windows)
            if len(inside):
                own[clip.clip] = index[number], _voice(windows, inside, clip.start, clip.end)
    totals, seconds = table(local)
    labels = groups(totals, seconds, vectors_of(voice_by)) if local else np.zeros(0, np.int64)
    nobody = (-1, Voice(np.zeros(totals.shape[1]), UNHEARD_SECONDS))
    found = [own.get(clip.clip, nobody) for clip in clips]
    of_clip = np.array([labels[i] if i >= 0 else -1 for i, _ in found], np.int64)
    return ClipVoices(*table([v for _, v in found]), of_clip, added(totals, labels), added(seconds, labels), voice_by)


def clip_voice(clip: Clip, windows: Windows) -> Voice | None:
    """The voice of one clip by the windows of its recording; None if none overlaps it."""
    inside, _ = _inside(clip, windows)
    return _voice(windows, inside, clip.start, clip.end) if len(inside) else None


def _voice(windows: Windows, which: Labels, start: float = 0.0, end: float = np.inf) -> Voice:
    """The voice of some windows, heard for what they cover between two times."""
    total = windows.vectors[which].sum(axis=0, dtype=np.float64)
    return Voice(total, covered(windows.starts[which].clip(start, end), windows.ends[which].clip(start, end)))


def reference_voice(turns: Path) -> tuple[Voice | None, NDArray[np.float32]]:
    """The voice of the reference, None without one, and the vectors of its windows, shaped (windows, numbers)."""
    own = [windows for _, windows in read_windows(turns, REFERENCE_TABLE)]
    if not own:
        return None, np.zeros((0, 0), np.float32)
    vectors = np.concatenate([windows.vectors for windows in own])
    return Voice(vectors.sum(axis=0, dtype=np.float64), sum(covered(w.starts, w.ends) for w in own)), vectors


def _inside(clip: Clip, windows: Windows) -> tuple[Labels, int]:
    """The windows of a clip's main voice in it, and the voice: those inside, or the one that overlaps most, if that is enough."""
    first, last = int(np.searchsorted(windows.ends, clip.start, "right")), int(np.searchsorted(windows.starts, clip.end, "left"))
    near = np.arange(first, last)
    if not len(near):
        return near, -1
    starts, ends = windows.starts[near], windows.ends[near]
    overlap = np.minimum(ends, clip.end) - np.maximum(starts, clip.start)
    share = overlap / (ends - starts)
    enough = (share >= LEAST_SHARE) | (overlap >= (clip.end - clip.start) / 2)
    if not enough.any():
        return near[:0], -1
    near = near[enough & (share >= min(float(share[enough].max()), INSIDE_SHARE))]
    voices = windows.voices[near]
    voice = int(np.bincount(voices).argmax())
    return near[voices == voice], voice
