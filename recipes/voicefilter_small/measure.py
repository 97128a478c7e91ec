"""Measures a VoiceFilter on speakers that it was not trained on: 0 dB mixtures of two, and clean speech.

    PYTHONPATH=. .venvs/train_voicefilter/bin/python -m recipes.voicefilter_small.measure --model MODEL --data DATA \\
        --trained TRAIN/speech [--mixtures 100]

DATA is the collection that `recordings.py` takes; speakers with a folder in TRAIN/speech are left out. Prints a line for each corpus:
the mean and the median SI-SDR of the mixtures as they are and of the extracted voice, the mean SDR of both, the share of mixtures that
got worse, and the SI-SDR of clean speech that the model heard with the right vector.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from components.shared.distortion import sdr, si_sdr
from components.shared.inference import load_voicefilter
from components.shared.voicefilter import GRAPH, read_config
from components.train_voicefilter.mixing import Mixtures
from components.train_voicefilter.sounds import measured
from components.train_voicefilter.sources import Piece, pieces
from components.train_voicefilter.validation import Masks, extracted, real_time_factor

SPOKEN = ("speech", "emotion")


def speakers(data: Path, trained: Path) -> dict[str, dict[str, list[Piece]]]:
    """The pieces of each unheard speaker, by corpus."""
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in SPOKEN]
    found: dict[str, dict[str, list[Piece]]] = {}
    for row in rows:
        if not (trained / f"{row['corpus']}-{row['speaker']}").is_dir():
            (file_,) = measured([data / row["path"]], data)
            corpus = f"{row['lang']} {'_'.join(row['corpus'].split('_')[:1])} {row['kind']}"
            found.setdefault(corpus, {}).setdefault(row["speaker"], []).extend(pieces(file_))
    return {corpus: {name: p for name, p in voices.items() if len(p) > 1} for corpus, voices in found.items()}


def line(corpus: str, voices: dict[str, list[Piece]], engine: str, masks: Masks, count: int) -> str:
    """Measures one corpus."""
    mixtures = Mixtures(12345, voices, engine, plain=True)
    made = [mixtures.mixture(index) for index in range(count)]
    both = [m.mixture for m in made], [extracted(m.mixture, m.vector, masks) for m in made]
    before, after = (np.array([si_sdr(sound, m.voice) for sound, m in zip(sounds, made, strict=True)]) for sounds in both)
    sdrs = [np.mean([sdr(sound, m.voice) for sound, m in zip(sounds, made, strict=True)]) for sounds in both]
    clean = np.median([si_sdr(extracted(m.voice, m.vector, masks), m.voice) for m in made])
    return (
        f"{corpus}: {len(voices)} speakers, {count} mixtures, SI-SDR mean {before.mean():.2f} -> {after.mean():.2f}, median "
        f"{np.median(before):.2f} -> {np.median(after):.2f} dB, SDR mean {sdrs[0]:.2f} -> {sdrs[1]:.2f} dB, "
        f"worse {np.mean(after < before):.0%}, clean speech {clean:.1f} dB, real-time factor {real_time_factor(made[:10], masks):.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trained", type=Path, required=True)
    parser.add_argument("--mixtures", type=int, default=100)
    args = parser.parse_args()
    engine, masks = read_config(args.model).voice_by, load_voicefilter(args.model / GRAPH, threads=1)
    for corpus, voices in sorted(speakers(args.data, args.trained).items()):
        print(line(corpus, voices, engine, masks, args.mixtures), flush=True)


if __name__ == "__main__":
    main()
