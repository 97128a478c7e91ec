"""A recording with all that is made of it before the measuring: the pipeline's artifacts, and the files that peers read."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.suite import material
from benchmarks.suite.measure import Usage
from benchmarks.suite.replay import Task, run_pipeline, run_task, speechmill, tasks_of
from components.shared.audio import decode, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ, Clip
from components.shared.table import read_rows

START_CLIP_SECONDS = 2.0
"""Least length of the clip that becomes the shortest recording."""
LEAST_LIMIT_SECONDS = 60.0


@dataclass
class Scene:
    """A recording and the artifacts of one run of the pipeline with its defaults."""

    folder: Path
    seconds: float
    deadline: float
    """When everything must have ended, by the monotonic clock, in seconds."""
    recorded: Usage = field(init=False)
    """What the run used."""
    tasks: dict[str, Task] = field(init=False)
    counted: bool = False
    """Whether that run is among the measurements."""
    voice_of: "Scene | None" = None
    """The scene whose voice is the reference, if not its own."""

    @property
    def limit_seconds(self) -> float:
        """Time that a program gets, by the clock: three times the length of the recording and ten minutes, but not beyond the deadline."""
        return min(600 + 3 * self.seconds, max(LEAST_LIMIT_SECONDS, self.deadline - time.monotonic()))

    @property
    def audio(self) -> Path:
        """The recording, an MP3 file."""
        return self.folder / "recording.mp3"

    def record(self) -> None:
        """Runs the pipeline on the recording. Raises RunFailedError if it fails."""
        store = self.folder / "recorded"
        self.recorded = run_pipeline(self.audio, store, (), self.limit_seconds)
        self.tasks = tasks_of(store)

    def sound(self, stage: str, output: str) -> Path:
        """Returns the only sound of an artifact, a FLAC file."""
        return next((self.tasks[stage].path("outputs", output) / "audio").iterdir())

    def clips(self) -> list[Clip]:
        """Returns the clips that were cut from the recording."""
        return read_rows(self.tasks["cut"].path("outputs", "clips"), Clip)

    def new_store(self) -> Path:
        """Returns an empty store in place of the one before."""
        return emptied(self.folder / "store")

    def run(self, stage: str, settings: Mapping[str, Any], models: Mapping[str, Path], store: Path) -> Usage:
        """Runs a stage's task and removes what it wrote outside the store. Raises RunFailedError if it fails."""
        folder = self.folder / "outputs"
        try:
            return run_task(self.tasks[stage].at(folder, store, settings, models), folder, store, self.limit_seconds)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def prepared(self, name: str) -> Path:
        """Returns what a peer reads, which is made once: "recording", "separated", either of these with " 16 kHz" or " 48 kHz" for a WAV
        file in mono, or "clips", a folder of WAV files."""
        if name == "clips":
            return self._clips()
        kind, _, rate = name.partition(" ")
        source = self.audio if kind == "recording" else self.sound("separate", "voices")
        return self._wav(source, 1000 * int(rate.removesuffix(" kHz"))) if rate else source

    def reference(self) -> Path:
        """Returns a WAV file in mono of one voice: the longest clip, or the whole recording if it has none."""
        if self.voice_of:
            return self.voice_of.reference()
        path = self.folder / "reference.wav"
        if not path.exists():
            start, end = max(
                ((clip.start, clip.end) for clip in self.clips()), key=lambda span: span[1] - span[0], default=(0.0, self.seconds)
            )
            material.excerpt(self.sound("separate", "voices"), start, end - start, path)
        return path

    def with_reference(self, name: str) -> Path:
        """Returns a store that holds the reference under this name, which is made once."""
        if self.voice_of:
            return self.voice_of.with_reference(name)
        store = self.folder / "references"
        if not store.exists():
            speechmill("references", "add", name, self.reference(), "--store", store, limit_seconds=self.limit_seconds)
        return store

    def _wav(self, source: Path, rate_hz: int) -> Path:
        import soundfile

        path = self.folder / f"{source.stem}-{rate_hz}.wav"
        if not path.exists():
            with soundfile.SoundFile(path, "w", rate_hz, 1, "PCM_16") as file:
                for block in decode(source, rate_hz):
                    file.write(to_pcm16(block))
        return path

    def _clips(self) -> Path:
        import soundfile

        folder = self.folder / "clips"
        if not folder.exists():
            folder.mkdir()
            with soundfile.SoundFile(self.sound("denoise", "clean")) as file:
                for clip in self.clips():
                    file.seek(round(clip.start * SAMPLE_RATE_HZ))
                    sound = file.read(round((clip.end - clip.start) * SAMPLE_RATE_HZ), dtype="int16")
                    soundfile.write(folder / f"{clip.clip}.wav", sound, SAMPLE_RATE_HZ)
        return folder


def shortest(scene: Scene, folder: Path) -> Scene:
    """Writes the shortest recording that all stages have work with: one short clip of a scene, or its first second if it has none."""
    clips = sorted((clip.end - clip.start, clip.start) for clip in scene.clips() if clip.end - clip.start >= START_CLIP_SECONDS)
    length, start = clips[0] if clips else (1.0, 0.0)
    part = folder / "part.wav"
    material.excerpt(scene.audio, start, length, part)
    material.write([part], length / 60, folder / "recording.mp3")
    return Scene(folder, length, scene.deadline, voice_of=scene)


def emptied(folder: Path) -> Path:
    """Returns a folder that is new and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
