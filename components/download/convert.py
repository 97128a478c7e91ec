"""Converts media files to FLAC at SAMPLE_RATE_HZ. It decodes a file twice, as a stream: to measure it, and to mix what was measured."""

import re
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.download.levels import measure
from components.download.mix import mixed, plan
from components.download.policy import ItemError, check_length
from components.download.protection import protection
from components.download.streams import BLOCK, decoded, encoder, last_line, media_input
from components.download.timeline import MOST_SECONDS, Timeline, timeline
from components.shared.audio import ffmpeg, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.task import one_line

_LEFT = ("FL", "BL", "FLC", "SL", "TFL", "TBL", "WL", "SDL", "TSL", "BFL", "SSL", "TTL", "DL", "BIL")
_RIGHT = ("FR", "BR", "FRC", "SR", "TFR", "TBR", "WR", "SDR", "TSR", "BFR", "SSR", "TTR", "DR", "BIR")
_MIDDLE = ("FC", "BC", "TC", "TFC", "TBC", "BFC", "LFE")
"""Loudspeakers by ffmpeg's names. LFE is among them because files of several microphones state it, too."""

_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)
_FILE_START = re.compile(r"^  Duration: .*, start: (\d+\.\d+)", re.MULTILINE)
_STREAM_START = re.compile(r", start (\d+\.\d+)")
_INPUT = re.compile(r"^Input #0, ", re.MULTILINE)
_OWN_CLOCK = re.compile(r"^Input #0, (mov|matroska)", re.MULTILINE)
"""Containers whose timestamps count from the beginning of what they show. Those of streams count from any time."""
_AUDIO_STREAM = re.compile(r"^ {2,4}Stream #0:(\d+)(\S*): Audio: (.*)((?:\n {4,}.*)*)", re.MULTILINE)
"""Number, language, description and metadata of a stream."""
_LANGUAGE = re.compile(r"\((\w+)\)")
_TITLE = re.compile(r"^ +title +: (.*)$", re.MULTILINE)
_LAYOUT = re.compile(r" Hz, ([^,]+)")
_NO_LAYOUT = re.compile(r"(\d+) channels(?: \((.*)\))?|ambisonic (\d)$")


@dataclass(frozen=True)
class Media:
    """The audio stream of a file that is taken, as the headers state it."""

    stream: int
    """Its number among all streams of the file."""
    channels: int
    """Channels that ffmpeg decodes: 1, 2, or all if they have no stated layout."""
    seconds: float
    """Length as the container states it; 0 if it states none, since ffmpeg would only guess."""
    start: float = 0.0
    """Time from the beginning of the file to what ffmpeg gives as zero, in seconds."""
    late: float = 0.0
    """Time from the beginning of the file to the start of the stream, in seconds; 0 if the headers do not say."""
    track: str = ""
    """Which one of several audio tracks it is, or empty."""
    other_tracks: tuple[str, ...] = ()

    @property
    def filters(self) -> str:
        """ffmpeg's filters that give these channels, as floats from the beginning: sums of integers would be clipped."""
        pan = ""
        if self.channels == 1:
            half = "+".join(f"0.5*{name}" for name in (*_LEFT, *_RIGHT))
            pan = f"pan=mono|c0={'+'.join(_MIDDLE)}+{half},"
        elif self.channels == 2:
            pan = f"pan=stereo|c0={'+'.join((*_LEFT, *_MIDDLE))}|c1={'+'.join((*_RIGHT, *_MIDDLE))},"
        return f"aformat=sample_fmts=fltp,{pan}aresample={SAMPLE_RATE_HZ}:osf=flt"


class _Track(NamedTuple):
    """An audio stream as ffmpeg describes it."""

    stream: int
    id_and_language: str
    description: str
    metadata: str

    @property
    def channels(self) -> int:
        """1 or 2 for loudspeakers, which ffmpeg mixes by name, else the number of channels."""
        stated = _LAYOUT.search(self.description)
        layout = stated[1] if stated else ""
        if (found := _NO_LAYOUT.match(layout)) and not set((found[2] or "?").split("+")) <= {*_LEFT, *_RIGHT, *_MIDDLE}:
            return int(found[1]) if found[1] else (int(found[3]) + 1) ** 2
        return 1 if layout == "mono" else 2

    def named(self, number: int) -> str:
        """Its number with its language and title."""
        language, title = _LANGUAGE.search(self.id_and_language), _TITLE.search(self.metadata)
        known = ", ".join(one_line(found[1]) for found in (language, title) if found)
        return f"track {number} ({known})" if known else f"track {number}"


@dataclass(frozen=True)
class Converted:
    """A recording."""

    samples: int
    """Length in frames."""
    notes: str
    """What the conversion changed, or empty."""


def probe(path: Path) -> Media:
    """Reads the headers of a media file and chooses its default audio track.

    Raises:
        ItemError: The file is empty, is not audio, is encrypted, or has no audio stream.
    """
    if path.stat().st_size == 0:
        raise ItemError("empty file")
    # without an output file, ffmpeg describes the input and fails
    command = [ffmpeg(), *media_input(path), "-hide_banner", "-v", "info"]
    text = subprocess.run(command, stderr=subprocess.PIPE, check=False).stderr.decode(errors="replace")
    tracks = [_Track(int(number), *others) for number, *others in sorted(_AUDIO_STREAM.findall(text), key=lambda found: int(found[0]))]
    taken = next((n for n, track in enumerate(tracks) if "(default)" in track.description), 0)
    if by := protection(path, text, tracks[taken].stream if tracks else 0):
        raise ItemError(f"encrypted ({by}): get it without copy protection")
    if not _INPUT.search(text):
        raise ItemError(f"not audio: {last_line(text.splitlines(), path)}")
    if not tracks:
        raise ItemError("no audio stream")
    return Media(
        stream=tracks[taken].stream,
        channels=tracks[taken].channels,
        seconds=_stated_seconds(text),
        **_starts(text, tracks[taken].description),
        track=f"track {taken + 1} of {len(tracks)}" if len(tracks) > 1 else "",
        other_tracks=tuple(track.named(n) for n, track in enumerate(tracks, 1) if n != taken + 1),
    )


def _starts(text: str, description: str) -> dict[str, float]:
    """The times `start` and `late` of a stream."""
    file, stream = (float(found[1]) if found else 0.0 for found in (_FILE_START.search(text), _STREAM_START.search(description)))
    if _OWN_CLOCK.search(text) and file <= MOST_SECONDS:
        return {"start": file, "late": stream}
    return {"start": 0.0, "late": max(0.0, stream - file)}


def _stated_seconds(text: str) -> float:
    stated, start = _DURATION.search(text), _FILE_START.search(text)
    if not stated or "Estimating duration from bitrate" in text:
        return 0.0
    seconds = int(stated[1]) * 3600 + int(stated[2]) * 60 + float(stated[3])
    return seconds - float(start[1]) if start and "\nInput #0, ogg" in f"\n{text}" else seconds  # of Ogg, ffmpeg states the end


def to_flac(source: Path, target: Path, media: Media, max_seconds: float = 0.0, most_channels: int = 2) -> Converted:
    """Converts an audio stream to 16-bit FLAC, atomically. Every voice stays audible, and at its second.

    Skips parts of the stream that cannot be decoded. If a stream changes its channels, ffmpeg mixes them to those that it begins with.

    Args:
        source: The media file.
        target: The FLAC file to write.
        media: What `probe` found.
        max_seconds: Longest stream; 0 is no limit. A second more is decoded at most, since a small file can decode to days of sound.
        most_channels: 1 for mono, 2 for stereo where the stream has it.

    Raises:
        ItemError: ffmpeg fails, or the stream holds no samples, or too many.
        OSError: The disk is full.
    """
    heard: list[Timeline] = []
    listed = decoded(source, media.stream, media.filters, media.channels, max_seconds, lambda frames: heard.append(timeline(frames)))
    with closing(listed) as blocks:
        levels = measure(blocks, media.channels)
    if not levels.samples:
        raise ItemError("no sound: its audio stream holds no samples")
    check_length(levels.samples / SAMPLE_RATE_HZ, max_seconds)
    if levels.silenced == levels.samples * media.channels:
        raise ItemError("no sound: none of its samples is a number")
    # of some formats ffmpeg counts from the start of the stream, of others the headers do not say when that is
    mix, times = plan(levels, most_channels), heard[0].late(max(media.late, media.start + heard[0].first))
    samples = 0
    with encoder(target, mix.channels) as write, closing(decoded(source, media.stream, media.filters, media.channels)) as blocks:
        for block in _filled((to_pcm16(b) for b in mixed(blocks, mix)), times):
            write(block)
            samples += len(block)
    return Converted(samples, "; ".join((*([media.track] if media.track else []), *_times(times), *mix.notes)))


def _times(times: Timeline) -> Iterator[str]:
    """What the timestamps change, in words."""
    if times.holes:
        yield f"{sum(seconds for _, seconds in times.holes):.1f} s that its timestamps leave out filled with silence"
    if times.jumps:
        yield f"{times.jumps} jumps of its timestamps ignored"


def _filled(blocks: Iterable[NDArray[np.int16]], times: Timeline) -> Iterator[NDArray[np.int16]]:
    """Yields the blocks with silence in the holes."""
    holes = deque((round(before * SAMPLE_RATE_HZ), round(seconds * SAMPLE_RATE_HZ)) for before, seconds in times.holes)
    first = 0
    for whole in blocks:
        block = whole
        while holes and holes[0][0] < first + len(block):
            at, missing = holes.popleft()
            yield block[: at - first]
            yield from (np.zeros((min(BLOCK, missing - n), block.shape[1]), np.int16) for n in range(0, missing, BLOCK))
            block, first = block[at - first :], at
        yield block
        first += len(block)
