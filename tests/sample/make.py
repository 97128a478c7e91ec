"""Makes the bundled sample: a synthesized radio show of two episodes, with its ground truth, under CC0.

    .venv/bin/python -m tests.sample.make                 replaces the sample in the repository
    .venv/bin/python -m tests.sample.make --out FOLDER    writes feed.xml, episode-N.opus, truth/episode-N.json and
                                                          truth/episode-N.speech.flac (the voices alone) to FOLDER

Needs the program espeak-ng. No stage and no image needs it, since the files are in the repository. They were made with espeak-ng 1.51
and the ffmpeg of imageio-ffmpeg 0.8.1 (9.0.2, libopus); the same versions make the same sound.
"""

import argparse
import io
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import soundfile
from scipy.signal import resample_poly

from components.shared.audio import ffmpeg
from tests.places import ROOT, SAMPLE
from tests.sample import synth
from tests.sample.show import EPISODES, HOST, LICENCE, TITLE, VOICES, Effect, Episode, Music, Silence, Talk, Voice
from tests.sample.synth import RATE_HZ, Sound, add, frames

FEED, AUDIO, TRUTH = ROOT / "components/discover/sample", SAMPLE, ROOT / "tests/sample/truth"

SPEECH_RMS = 0.1
EFFECT_RMS = 0.09
WHISTLE_HZ = 6000
WHISTLE = 0.002
"""Amplitude of the whistle: 37 dB below speech, as from an old transmitter."""
PEAK = 0.9
BITS_PER_SECOND = 48_000
CALM = ((0, "seventh"), (9, "minor"), (5, "seventh"), (7, "major"))
BRIGHT = ((0, "major"), (7, "major"), (9, "minor"), (5, "major"))


def level(sound: Sound, rms: float) -> Sound:
    """Scales a sound to an RMS level."""
    return sound * (rms / np.sqrt(np.mean(sound**2)))


def say(voice: Voice, text: str, rng: np.random.Generator) -> Sound:
    """Speaks a sentence with espeak-ng, in a small room, without silence at the ends."""
    command = ["espeak-ng", "-z", "-v", voice.espeak, "-p", str(voice.pitch), "-s", str(voice.words_per_minute), "--stdout", text]
    samples, rate_hz = soundfile.read(io.BytesIO(subprocess.run(command, check=True, capture_output=True).stdout))
    sound = resample_poly(samples, RATE_HZ, rate_hz)
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    return level(synth.reverberate(sound[loud[0] : loud[-1] + frames(0.03)], 0.2, 0.03, rng), SPEECH_RMS)


class Mix:
    """One episode: a track for each kind of sound, and the ground truth."""

    def __init__(self, episode: Episode, seed: int) -> None:
        self.rng, self.at, self._key = np.random.default_rng(seed), 0.25, episode.key
        self.speech, self.music, self.other = (np.zeros(frames(120)) for _ in range(3))
        self.truth: dict[str, list[dict[str, Any]]] = {"utterances": [], "music": [], "effects": [], "noise": [], "silence": []}
        for step in episode.steps:
            match step:
                case Music(seconds):
                    self._bed(self.at, self.at + seconds, 0, 112, BRIGHT)
                    self.at += seconds + 0.4
                case Silence(seconds):
                    self._note("silence", self.at, self.at + seconds)
                    self.at += seconds
                case Effect(name):
                    self.at = self._effect(name, self.at) + 0.4
                case Talk():
                    self._talk(step)

    def _note(self, kind: str, start: float, end: float, **more: Any) -> None:
        self.truth[kind].append({"start": round(start, 4), "end": round(end, 4)} | more)

    def _bed(self, start: float, end: float, below_db: float, beats_per_minute: float, chords: tuple[tuple[int, str], ...]) -> None:
        sound = synth.tune(end - start, self._key, beats_per_minute, chords, True, self.rng)
        add(self.music, level(sound, SPEECH_RMS * 10 ** (-below_db / 20)), start)
        self._note("music", start, end, db_below_speech=below_db, title="bed" if below_db else "theme")

    def _effect(self, name: str, start: float) -> float:
        sound = level(synth.EFFECTS[name](self.rng), EFFECT_RMS)
        add(self.other, sound, start)
        self._note("effects", start, start + len(sound) / RATE_HZ, path=name)
        return start + len(sound) / RATE_HZ

    def _talk(self, talk: Talk) -> None:
        start = self.at
        for index, (speaker, text) in enumerate(talk.lines):
            voice = VOICES[speaker]
            sound = say(voice, text, self.rng)
            end = self.at + len(sound) / RATE_HZ
            add(self.speech, sound, self.at)
            self._note("utterances", self.at, end, speaker=speaker, gender=voice.gender, tone="", text=text, path=voice.espeak)
            if index < len(talk.effects):
                self._effect(talk.effects[index], self.at + 0.3 * (end - self.at))
            self.at = end + float(self.rng.uniform(0.3, 0.7))
        if talk.music_db:
            self._bed(start, self.at, talk.music_db, 84, CALM)
        if talk.noise_db:
            add(self.other, level(synth.crowd(self.at - start, self.rng), SPEECH_RMS * 10 ** (-talk.noise_db / 20)), start)
            self._note("noise", start, self.at, path="crowd")

    def finished(self, channels: int) -> Sound:
        """The mix, shaped (frames, channels). In stereo speech is in the middle and music to one side."""
        end = frames(self.at)
        whistle = WHISTLE * np.sin(2 * np.pi * WHISTLE_HZ * np.arange(end) / RATE_HZ)
        dry = self.speech[:end] + self.other[:end] + whistle
        sides = (1.3, 0.7) if channels == 2 else (1.0,)
        mixed = np.stack([dry + side * self.music[:end] for side in sides], axis=1)
        return mixed * (PEAK / max(float(np.abs(mixed).max()), PEAK))


def encode(samples: Sound, title: str, path: Path) -> None:
    """Writes Opus in Ogg; the same samples give the same bytes."""
    command = [ffmpeg(), "-v", "error", "-y", "-f", "f32le", "-ar", str(RATE_HZ), "-ac", str(samples.shape[1]), "-i", "-"]
    command += ["-c:a", "libopus", "-b:a", str(BITS_PER_SECOND), "-vbr", "constrained", "-flags", "+bitexact", "-fflags", "+bitexact"]
    command += ["-metadata", f"title={title}", "-metadata", f"artist={TITLE}", "-metadata", "license=CC0 1.0", str(path)]
    subprocess.run(command, input=samples.astype("<f4").tobytes(), check=True)


def items(folder: Path, lengths: list[float]) -> Iterator[str]:
    """Yields the XML of the feed's items."""
    for number, (episode, seconds) in enumerate(zip(EPISODES, lengths, strict=True), 1):
        name = f"episode-{number}.opus"
        yield f"""    <item>
      <title>{escape(episode.title)}</title>
      <guid isPermaLink="false">episode-{number}</guid>
      <pubDate>{episode.published}</pubDate>
      <itunes:duration>{round(seconds)}</itunes:duration>
      <creativeCommons:license>{LICENCE}</creativeCommons:license>
      <enclosure url="{name}" length="{(folder / name).stat().st_size}" type="audio/ogg"/>
    </item>
"""


def make(folder: Path) -> None:
    """Writes the whole sample into a folder."""
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    lengths = []
    for number, episode in enumerate(EPISODES, 1):
        mix = Mix(episode, seed=number)
        samples = mix.finished(episode.channels)
        lengths.append(len(samples) / RATE_HZ)
        encode(samples, episode.title, folder / f"episode-{number}.opus")
        truth = {"seconds": lengths[-1], **mix.truth, "tone_noise_hz": WHISTLE_HZ, "host": HOST, "seed": number}
        text = json.dumps(truth, ensure_ascii=False, indent=1)
        (folder / "truth" / f"episode-{number}.json").write_text(text + "\n", encoding="utf-8")
        soundfile.write(folder / "truth" / f"episode-{number}.speech.flac", mix.speech[: len(samples)], RATE_HZ)
    feed = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
     xmlns:creativeCommons="http://backend.userland.com/creativeCommonsRssModule">
  <channel>
    <title>{escape(TITLE)}</title>
    <description>A radio show of two synthesized minutes, to try Speechmill on.</description>
    <language>ko</language>
    <copyright>CC0 1.0</copyright>
    <creativeCommons:license>{LICENCE}</creativeCommons:license>
{"".join(items(folder, lengths))}  </channel>
</rss>
"""
    (folder / "feed.xml").write_text(feed, encoding="utf-8")


def install(folder: Path) -> None:
    """Copies a sample to its places in the repository."""
    for place, pattern in ((FEED, "feed.xml"), (AUDIO, "*.opus"), (TRUTH, "truth/*.json")):
        place.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(pattern):
            shutil.copyfile(path, place / path.name)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    folder = parser.parse_args().out
    if folder:
        make(folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary))
        install(Path(temporary))


if __name__ == "__main__":
    main()
