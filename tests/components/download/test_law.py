"""The law of `download`: every voice that a person would hear on any channel is in the recording, on its second and within 7 dB.

Each example is a media file with two utterances, drawn by its channels, level, offset, timestamps and codec.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from voices import RATE, Sound, converted, lag, rms_db, si_sdr_db, voice, write

from components.shared.audio import ffmpeg

FIRST, PAUSE, LAST = 3.0, 1.5, 3.0
"""Seconds of the first utterance, of the pause after it, and of the second utterance."""
LEAST_SI_SDR_DB, MOST_DB, MOST_SECONDS = 15.0, 7.0, 0.05

WAV = {"s16.wav": "pcm_s16le", "s24.wav": "pcm_s24le", "f32.wav": "pcm_f32le"}
LOSSLESS = WAV | {"a.flac": "flac", "a.mkv": "pcm_s16le", "f32.mkv": "pcm_f32le"}
LOSSY = {"a.m4a": "aac", "a.mp3": "libmp3lame", "a.ogg": "libvorbis", "a.webm": "libopus", "b.mkv": "aac"}
CODECS = LOSSLESS | LOSSY
TIMED = {"a.mkv", "f32.mkv", "b.mkv", "a.m4a", "a.webm"}
TRACKS = {"a.mkv", "b.mkv", "a.m4a"}
HOT, QUIET = {"f32.wav", "f32.mkv"}, {"s24.wav", "f32.wav", "f32.mkv"}
"""Files that can hold samples above full scale, and samples below a step of 16 bits."""


@dataclass(frozen=True)
class Case:
    """A media file."""

    name: str
    gains: tuple[tuple[float, ...], tuple[float, ...]]
    """The gain of each utterance on each channel."""
    layout: str
    """ffmpeg's name of the layout, or empty if the file states none."""
    level_db: float
    noise_db: float
    offsets: tuple[float, ...]
    """Offset of each channel, relative to the peak."""
    late_seconds: float
    hole: bool
    """Whether the pause is missing, but for the timestamps."""
    second_track: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draws a file that can exist."""
    kind = draw(
        st.sampled_from(["mono", "one side", "opposite", "host and guest", "insert", "half opposite", "microphones", "loudspeakers"])
    )
    other = draw(st.sampled_from([1.0, 0.7, 0.4]))
    side = draw(st.sampled_from([(1.0, 0.0), (0.0, 1.0)]))
    layout = draw(st.sampled_from(["5.1", "7.1", "quad"])) if kind == "loudspeakers" else ""
    number = {"5.1": 6, "7.1": 8, "quad": 4, "": draw(st.integers(3, 8))}[layout]
    one = tuple(np.eye(number)[draw(st.integers(0, number - 1))].tolist())
    gains = {
        "mono": ((1.0,), (1.0,)),
        "one side": (side, side),
        "opposite": ((1.0, -other), (1.0, -other)),
        "host and guest": ((1.0, 0.0), (0.0, other)),
        "insert": ((1.0, 1.0), side),
        "half opposite": ((1.0, 1.0), (1.0, -1.0)),
        "microphones": (one, one),
        "loudspeakers": (one, one),
    }[kind]
    names = {"microphones": set(WAV), "loudspeakers": {"a.flac", "a.mkv"}}.get(kind, set(CODECS))
    name = draw(st.sampled_from(sorted(names)))
    levels = [0.0, -20.0, *([12.0, 24.0] if name in HOT else []), *([-60.0] if name in QUIET else [])]
    offset = st.sampled_from([0.0, 0.0, 0.1, -0.4, 0.8] if name in LOSSLESS else [0.0])
    return Case(
        name=name,
        gains=gains,
        layout=layout,
        level_db=draw(st.sampled_from(levels)),
        noise_db=draw(st.sampled_from([-200.0, -80.0, -66.0])),
        offsets=tuple(draw(offset) for _ in gains[0]),
        late_seconds=draw(st.sampled_from([0.0, 0.3, 2.5])) if name in TIMED else 0.0,
        hole=name in TIMED and draw(st.booleans()),
        second_track=name in TRACKS and draw(st.booleans()),
    )


@cache
def utterances() -> tuple[Sound, Sound]:
    return voice(FIRST, 0), voice(LAST, 1)


def made(folder: Path, case: Case) -> Path:
    """Writes the file."""
    pause = np.zeros(round(PAUSE * RATE))
    first, last = utterances()
    nothing = np.zeros_like(first), np.zeros_like(last)
    channels = [np.concatenate([a * first + nothing[0], pause, b * last + nothing[1]]) for a, b in zip(*case.gains, strict=True)]
    noise = 0.5 * 10 ** (case.noise_db / 20) * np.random.default_rng(0).standard_normal((len(channels), len(channels[0])))
    samples = (np.array(channels) + noise + 0.5 * np.array(case.offsets)[:, None]) * 10 ** (case.level_db / 20)
    path, wave = folder / case.name, write(folder / "in.wav", samples, "FLOAT")
    layout = ["-ch_layout", case.layout] if case.layout else ["-guess_layout_max", "2"]
    command = [ffmpeg(), "-v", "error", "-y", "-itsoffset", str(case.late_seconds), *layout, "-i", str(wave)]
    if case.second_track:
        command += ["-f", "lavfi", "-i", "anoisesrc=a=0.001:d=7.5", "-map", "1:a", "-map", "0:a", "-disposition:a:0", "0"]
        command += ["-disposition:a:1", "default"]
    if case.hole:
        inside = f"between(t,{case.late_seconds + FIRST + 0.1},{case.late_seconds + FIRST + PAUSE - 0.1})"
        command += [f"-filter:a:{int(case.second_track)}", f"asetnsamples=1024:p=0,aselect='not({inside})'"]
    options = ["-b:a", "160k"] if case.name in LOSSY else ["-rf64", "never"] if case.name in WAV else []
    subprocess.run([*command, "-c:a", CODECS[case.name], *options, str(path)], check=True)
    return path


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(case=cases())
def test_every_voice_is_in_the_recording_on_its_second_and_within_7_db(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        row, sound = converted(Path(folder), made(Path(folder), case))
    note(f"{case}: {row.conversion}")
    mono = sound.mean(axis=1)
    told = re.search(r"turned (up|down) ([\d.]+) dB", row.conversion)
    gain_db = float(told[2]) * (1 if told[1] == "up" else -1) if told else 0.0
    assert abs(mono.mean()) < 0.001
    for start, utterance, gains in zip((0.0, FIRST + PAUSE), utterances(), case.gains, strict=True):
        at = round((case.late_seconds + start) * RATE)
        reach = round(0.2 * RATE)
        around = np.pad(mono, (RATE, RATE))[RATE + at - reach : RATE + at + len(utterance) + reach]
        late = lag(around, utterance) - reach
        assert abs(late) / RATE < MOST_SECONDS
        heard = around[reach + late :][: len(utterance)]
        level_db = case.level_db + 20 * np.log10(max(map(abs, gains)))
        assert abs(rms_db(heard) - rms_db(utterance) - level_db - gain_db) < MOST_DB
        assert si_sdr_db(heard, utterance) > LEAST_SI_SDR_DB
