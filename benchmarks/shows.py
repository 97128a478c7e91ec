"""What `separate` and the chains of `denoise` do to radio shows whose truth is known.

    PYTHONPATH=. .venvs/denoise/bin/python benchmarks/shows.py --model MODEL --shows SHOW SHOW [--effects KIT] [--chains CHAIN CHAIN]

A show is a folder with `episode-1.mp3`, `truth/episode-1.speech.flac` (the speech alone, on the same timeline) and
`truth/episode-1.json`: `utterances`, `music`, `effects` and `noise`, each a list of spans with `start` and `end` in seconds. A
whistle at 6 kHz may lie over all of it. MODEL and KIT are folders of a separation model and of a kit of known effects.

Prints the rows of every show, then their means: a row for the episode, one for `separate` without and one with the removal of tones
and effects, and one for each chain, which follows the latter. The columns are the SI-SDR in dB for speech over music,
effects, noise or nothing (each a median over utterances), how much weaker the whistle is in dB, the level of 5 to 7.5 kHz in dB, DNSMOS
OVRL, the bandwidth in Hz, and CPU seconds for an hour of sound.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import correlate, resample_poly, welch

from components.shared.audio import FlacWriter, decode
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.steps import mono

RATE_HZ = 16_000
KINDS = ("music", "effects", "noise", "clean")
SHARES = {"music": 0.3, "effects": 0.1, "noise": 0.3}
"""Least share of an utterance that a sound lies under."""
AROUND_SECONDS = 0.1
MOST_DELAY = RATE_HZ // 16
Sound = NDArray[np.float64]


class Score(NamedTuple):
    """One utterance."""

    kind: str
    si_sdr_db: float
    whistle: float
    """Power from 5,980 to 6,020 Hz that is not speech, relative to the speech."""
    treble_db: float
    """Level of 5 to 7.5 kHz without the whistle, relative to the true speech."""


@dataclass(frozen=True)
class Show:
    """A show with its truth."""

    folder: Path
    work: Path
    """Folder for the episode as FLAC and what is made of it."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def recording(self) -> Path:
        """The episode as FLAC at SAMPLE_RATE_HZ, made when it is first asked for."""
        path = self.work / f"{self.name}.flac"
        if not path.exists():
            with FlacWriter(path, channels=2) as file:
                for block in decode(self.folder / "episode-1.mp3", SAMPLE_RATE_HZ, 2):
                    file.write(block)
        return path

    @cached_property
    def truth(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "truth" / "episode-1.json").read_text(encoding="utf-8")))

    @cached_property
    def speech(self) -> Sound:
        return at_16_khz(self.folder / "truth" / "episode-1.speech.flac")

    @cached_property
    def delay(self) -> int:
        """Samples at RATE_HZ by which the episode is later than the truth."""
        length = min(60 * RATE_HZ, len(self.speech))
        mix = at_16_khz(self.recording)[:length]
        common = correlate(mix, self.speech[:length], mode="full", method="fft")[length - 1 - MOST_DELAY : length + MOST_DELAY]
        return int(np.argmax(np.abs(common))) - MOST_DELAY

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The stretches of speech in samples at SAMPLE_RATE_HZ, in order and apart."""
        spans: list[tuple[int, int]] = []
        for said in sorted(self.truth["utterances"], key=lambda u: u["start"]):
            start, end = round(said["start"] * SAMPLE_RATE_HZ), round(said["end"] * SAMPLE_RATE_HZ)
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def kind(self, start: float, end: float) -> str:
        """What lies under the speech of these seconds."""
        for name, share in SHARES.items():
            if sum(max(0, min(end, s["end"]) - max(start, s["start"])) for s in self.truth[name]) >= share * (end - start):
                return name
        return "clean"

    @cached_property
    def before(self) -> list[Score]:
        """The scores of the episode itself."""
        return list(self.scores(self.recording))

    def scores(self, path: Path) -> Iterator[Score]:
        """Scores a version of the whole episode, utterance by utterance."""
        sound = at_16_khz(path)
        for said in self.truth["utterances"]:
            start, end = max(0.0, said["start"] - AROUND_SECONDS), said["end"] + AROUND_SECONDS
            first, last = round(start * RATE_HZ), round(end * RATE_HZ)
            true = self.speech[first:last]
            found = sound[max(0, first + self.delay) :][: len(true)]
            true, found = true[: len(found)] - true[: len(found)].mean(), found - found.mean()
            scale = (found @ true) / (true @ true)
            rest = found / scale - true if scale else -true
            si_sdr = 10 * np.log10((true @ true) / max(rest @ rest, 1e-12))
            after, before = found / (scale or 1), true
            yield Score(
                self.kind(said["start"], said["end"]),
                float(si_sdr),
                band(rest, 5980, 6020) + 1e-15,
                float(10 * np.log10((_treble(after) + 1e-15) / (_treble(before) + 1e-15))),
            )


def _treble(sound: Sound) -> float:
    return band(sound, 5000, 5900) + band(sound, 6100, 7500)


def at_16_khz(path: Path) -> Sound:
    """Reads a FLAC file at SAMPLE_RATE_HZ: the mean of its channels, at RATE_HZ."""
    sound, rate = soundfile.read(path, always_2d=True)
    if rate != SAMPLE_RATE_HZ:
        raise ValueError(f"expected {SAMPLE_RATE_HZ} Hz in {path}, found {rate}")
    return np.asarray(resample_poly(sound.mean(axis=1), 160, 441))


def band(sound: Sound, low_hz: float, high_hz: float) -> float:
    """Power of a band."""
    frequencies, powers = welch(sound, RATE_HZ, nperseg=4096)
    return float(powers[(frequencies > low_hz) & (frequencies < high_hz)].sum())


def measures(show: Show, path: Path) -> dict[str, float]:
    """Medians over the utterances of a show, the quality of its speech, and its bandwidth."""
    before = show.before
    scores = list(show.scores(path))
    found = {kind: _median([s.si_sdr_db for s in scores if s.kind == kind]) for kind in KINDS}
    falls = [float(np.clip(10 * np.log10(b.whistle / s.whistle), -60, 60)) for s, b in zip(scores, before, strict=True)]
    return found | {"whistle": _median(falls), "treble": _median([s.treble_db for s in scores])} | heard(show, path)


def heard(show: Show, path: Path) -> dict[str, float]:
    """DNSMOS OVRL of up to eight excerpts of the speech at -23 LUFS, and the bandwidth of all of them."""
    from components.denoise.best import excerpts, judge, picked

    score, width = judge(picked(mono(path), excerpts(show.spans)), _dnsmos())
    return {"DNSMOS": score, "band": width or 0.0}


@cache
def _dnsmos() -> Any:
    from components.shared.dnsmos import RATE_HZ, load_dnsmos
    from components.shared.dnsmos_network import WINDOW

    return load_dnsmos(WINDOW / RATE_HZ, 1)


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else float("nan")


def separated(source: Path, target: Path, model: Path, effects: Path | None, known: bool) -> float:
    """Separates a recording; returns the CPU seconds without loading the network. For the environment of `separate`."""
    from components.separate.network import load_network
    from components.separate.separate import Options, separate
    from components.separate.sfx import sfx
    from components.separate.tones import tones

    network = load_network(model, threads=1)
    before = time.process_time()
    options = Options(before=(tones(), sfx(effects)) if known else ())
    separate(source, target, None, network, options, lambda _: None)
    return time.process_time() - before


def denoised(source: Path, target: Path, chain: str, show: Show) -> float:
    """Applies a chain; returns the CPU seconds."""
    from components.denoise.chain import build_chain
    from components.denoise.denoise import denoise

    before = time.process_time()
    denoise(source, target, build_chain(chain, threads=1), lambda _: None, tuple(show.spans))
    return time.process_time() - before


def in_its_environment(*arguments: object) -> float:
    """Runs `separated` in the environment of `separate`."""
    python = Path(__file__).resolve().parents[1] / ".venvs" / "separate" / "bin" / "python"
    command = [str(python), __file__, "--separated", *map(str, arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def rows(show: Show, model: Path, effects: Path | None, chains: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yields the rows of a show's table."""
    hour = 3600 / (soundfile.info(show.recording).frames / SAMPLE_RATE_HZ)
    yield "the episode", measures(show, show.recording) | {"CPU": 0.0}
    plain, known = (show.work / f"{show.name}.{name}.flac" for name in ("plain", "known"))
    for name, path in (("separate, remove_tones=False, no effects", plain), ("separate", known)):
        cpu = in_its_environment(show.recording, path, model, effects or "", int(path is known))
        yield name, measures(show, path) | {"CPU": cpu * hour}
    for chain in chains:
        target = show.work / f"{show.name}.{chain.partition(':')[0]}.flac"
        cpu = denoised(known, target, chain, show)
        yield f"separate | {chain}", measures(show, target) | {"CPU": cpu * hour}


def shown(name: str, found: dict[str, float]) -> str:
    cells = [
        f"{value:.0f}" if key in ("band", "CPU") else f"{value:.2f}" if key == "DNSMOS" else f"{value:.1f}" for key, value in found.items()
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--shows", type=Path, nargs="+", default=[])
    parser.add_argument("--effects", type=Path)
    parser.add_argument("--chains", nargs="*", default=["none", "deepfilter:4", "rnnoise", "profile"])
    parser.add_argument("--work", type=Path, help="folder that keeps what is made; without it nothing is kept")
    parser.add_argument("--separated", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.separated:
        source, target, model, effects, known = given.separated
        print(separated(Path(source), Path(target), Path(model), Path(effects) if effects else None, known == "1"))
        return
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as work:
        for folder in given.shows:
            for name, row in rows(Show(folder, given.work or Path(work)), given.model, given.effects, given.chains):
                found.setdefault(name, []).append(row)
                print(shown(f"{folder.name} | {name}", row), flush=True)
    for name, several in found.items():
        print(shown(f"mean of {len(several)} | {name}", {key: float(np.nanmean([row[key] for row in several])) for key in several[0]}))


if __name__ == "__main__":
    main()
