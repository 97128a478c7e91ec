"""Composes pieces of music and renders them with FluidSynth and a free General MIDI soundfont.

    .venv/bin/python -m recipes.speech_2stems_small.compose --soundfont FluidR3_GM.sf2 --out FOLDER --pieces 180 --seed 1

Needs the program fluidsynth. Each piece is a function of the seed and its number: key, tempo, meter, chords, bass, drums, arpeggio,
melody and instruments are drawn at random. No existing tune is used.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np

TICKS = 480
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
PROGRESSIONS = (
    (0, 4, 5, 3),
    (0, 3, 4, 4),
    (1, 4, 0, 0),
    (5, 3, 0, 4),
    (0, 5, 1, 4),
    (0, 6, 5, 4),
    (0, 3, 0, 4),
    (0, 2, 3, 4),
    (0, 0, 3, 3),
)
# General MIDI program numbers for each part.
PADS = (*range(16, 21), *range(48, 55), *range(88, 96))
CHORDS = (*range(0, 8), *range(24, 32), 46, 11, 12)
LEADS = (*range(0, 4), 9, 11, 13, 22, 24, 25, *range(40, 43), *range(56, 61), *range(64, 76), *range(80, 84))
BASSES = tuple(range(32, 40))
KICK, SNARE, CLAP, CLOSED, OPEN, RIDE, SHAKER = 36, 38, 39, 42, 46, 51, 70


class Piece:
    """One piece: its harmony, and its notes as (tick, duration in ticks, channel, pitch, velocity)."""

    def __init__(self, rng: np.random.Generator, seconds: float) -> None:
        self.rng = rng
        self.tempo = float(rng.uniform(62, 168))
        self.beats = int(rng.choice([4, 4, 4, 3]))
        self.bars = max(4, round(seconds * self.tempo / 60 / self.beats))
        self.root = int(rng.integers(48, 60))
        self.scale = SCALES[str(rng.choice(list(SCALES)))]
        self.progression = PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))]
        self.notes: list[tuple[int, int, int, int, int]] = []

    def pitch(self, degree: int, octave: int = 0) -> int:
        return self.root + 12 * (octave + degree // 7) + self.scale[degree % 7]

    def add(self, beat: float, length: float, channel: int, pitch: int, velocity: float) -> None:
        late = self.rng.normal(0, 0.008)
        tick, ticks = int(max(0, (beat + late) * TICKS)), max(30, int(length * TICKS))
        self.notes.append((tick, ticks, channel, int(np.clip(pitch, 20, 108)), int(np.clip(velocity + self.rng.normal(0, 6), 20, 120))))

    def bar(self, number: int) -> tuple[float, int]:
        return number * self.beats, self.progression[number % len(self.progression)]

    def chords(self, channel: int, sustained: bool) -> None:
        size, pattern = int(self.rng.choice([3, 3, 4])), self.rng.random(self.beats * 2) < 0.45
        pattern[0] = True
        for number in range(self.bars):
            at, degree = self.bar(number)
            starts = [0.0] if sustained else [i / 2 for i in np.flatnonzero(pattern)]
            for start in starts:
                for voice in range(size):
                    self.add(at + start, self.beats if sustained else 0.45, channel, self.pitch(degree + 2 * voice), 66)

    def bass(self, channel: int) -> None:
        pattern = self.rng.random(self.beats * 2) < self.rng.uniform(0.2, 0.8)
        pattern[0] = True
        for number in range(self.bars):
            at, degree = self.bar(number)
            for i in np.flatnonzero(pattern):
                step = int(self.rng.choice([0, 0, 0, 4, 2]))
                self.add(at + i / 2, 0.45, channel, self.pitch(degree + step, -2), 84)

    def arpeggio(self, channel: int) -> None:
        order = self.rng.permutation([0, 2, 4, 7, 9])[: int(self.rng.integers(3, 6))]
        per_beat = int(self.rng.choice([2, 3, 4]))
        for number in range(self.bars):
            at, degree = self.bar(number)
            for i in range(self.beats * per_beat):
                self.add(at + i / per_beat, 0.9 / per_beat, channel, self.pitch(degree + int(order[i % len(order)]), 1), 62)

    def melody(self, channel: int) -> None:
        phrase = [
            (float(d), int(s)) for d, s in zip(self.rng.choice([0.5, 0.5, 1, 1, 1.5, 2], 24), self.rng.integers(-2, 3, 24), strict=True)
        ]
        at, step, i, end = 0.0, int(self.rng.integers(7)), 0, float(self.bars * self.beats)
        while at < end:
            length, move = phrase[i % len(phrase)]
            step = int(np.clip(step + move, -3, 10))
            if self.rng.random() > 0.15:
                self.add(at, length * 0.95, channel, self.pitch(step, 1), 80)
            at, i = at + length, i + 1

    def drums(self) -> None:
        hat, swing = int(self.rng.choice([CLOSED, RIDE, SHAKER])), float(self.rng.choice([0, 0, 0.12]))
        kicks = self.rng.random(self.beats * 2) < 0.3
        kicks[0] = True
        back = int(self.rng.choice([SNARE, CLAP]))
        for number in range(self.bars):
            at, _ = self.bar(number)
            for i in range(self.beats * 2):
                self.add(at + i / 2 + swing * (i % 2), 0.2, 9, hat, 58)
                if kicks[i]:
                    self.add(at + i / 2, 0.2, 9, KICK, 96)
            for beat in range(1, self.beats, 2):
                self.add(at + beat, 0.2, 9, back, 88)
            if number % 8 == 7:
                self.add(at + self.beats - 0.5, 0.4, 9, OPEN, 80)


def compose(rng: np.random.Generator, seconds: float) -> mido.MidiFile:
    """Composes one piece of about this length as MIDI."""
    piece, programs = Piece(rng, seconds), {}

    def instrument(channel: int, choices: tuple[int, ...]) -> int:
        programs[channel] = int(rng.choice(choices))
        return channel

    if rng.random() < 0.7:
        piece.chords(instrument(0, CHORDS), sustained=False)
    if rng.random() < 0.6 or not piece.notes:
        piece.chords(instrument(1, PADS), sustained=True)
    if rng.random() < 0.75:
        piece.bass(instrument(2, BASSES))
    if rng.random() < 0.4:
        piece.arpeggio(instrument(3, CHORDS + LEADS))
    if rng.random() < 0.65:
        piece.melody(instrument(4, LEADS))
    if rng.random() < 0.6:
        piece.drums()
    return _midi(piece, programs, rng)


def _midi(piece: Piece, programs: dict[int, int], rng: np.random.Generator) -> mido.MidiFile:
    events = [(tick, 1, mido.Message("note_on", channel=c, note=p, velocity=v)) for tick, _, c, p, v in piece.notes]
    events += [(tick + length, 0, mido.Message("note_off", channel=c, note=p)) for tick, length, c, p, _ in piece.notes]
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(piece.tempo))])
    for channel, program in programs.items():
        track.append(mido.Message("program_change", channel=channel, program=program))
        track.append(mido.Message("control_change", channel=channel, control=10, value=int(rng.integers(10, 118))))  # pan
        track.append(mido.Message("control_change", channel=channel, control=7, value=int(rng.integers(70, 120))))  # volume
        track.append(mido.Message("control_change", channel=channel, control=91, value=int(rng.integers(0, 90))))  # reverb
    now = 0
    for tick, _, message in sorted(events, key=lambda e: e[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    file = mido.MidiFile(ticks_per_beat=TICKS)
    file.tracks.append(track)
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--soundfont", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pieces", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for number in range(args.pieces):
        with tempfile.NamedTemporaryFile(suffix=".mid") as midi:
            compose(np.random.default_rng((args.seed, number)), args.seconds).save(midi.name)
            target = args.out / f"{number:04d}.flac"
            options = ["-ni", "-q", "-g", "0.5", "-r", "44100", "-T", "flac", "-O", "s16", "-F", str(target)]
            subprocess.run(["fluidsynth", *options, str(args.soundfont), midi.name], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
