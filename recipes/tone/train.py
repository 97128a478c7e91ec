"""Trains a tone model on the CC0 recordings of a collection and writes the model's folder.

    .venvs/tag_tone/bin/python -m recipes.tone.train --data DATA --tones 4 --out bundled/models/tone-4

DATA is a folder that holds manifest.csv (columns path, corpus, licence, speaker, gender, label) and the recordings that it
names. The same recordings give the same files, byte for byte.
"""

import argparse
import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # several threads would add numbers in varying order

import numpy as np
import sklearn
import soundfile
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from components.shared.mel import slaney_edges_hz
from components.shared.model import describe
from components.tag_tone.classifier import CONFIG, FILE, KIND
from components.tag_tone.contours import BOTTOM_HZ, TOP_HZ, contours
from components.tag_tone.measures import MEASURES, measures
from components.tag_tone.sound import BLOCK_FRAMES, EDGE, HOP, RATE_HZ
from components.tag_tone.spectra import MEL_BANDS
from components.tag_tone.voices import standardized, within
from recipes.tone.repeatable import write_skops

Matrix = NDArray[np.float64]

TONES = {
    4: {"neutral": "neutral", "happiness": "happy", "anger": "angry", "sadness": "sad"},
    2: {"neutral": "calm", "boredom": "calm", "sadness": "calm", "anger": "angry"},
}
"""The tone of each EmoDB label, by the number of tones. Clips with other labels are not used."""

CREATED = {4: "2026-11-23T06:30:00+00:00", 2: "2026-11-23T06:30:01+00:00"}
STRENGTH = 0.005
"""Inverse regularization strength (C) of the logistic regression. It is small, so that no single measure decides."""

AT_REST = "neutral"
REST_LOGIT = 0.5
"""Added to the logit of AT_REST after training.

Measures are relative to their voice's mean. A voice that is always neutral therefore lies between the classes, and without this
its clips would get other tones. With two classes such a voice lies among the calm clips, so nothing is added.
"""

FEATURES = MEASURES[: MEASURES.index("band_0")] + tuple(
    f"mel_{i}" for i, hz in enumerate(slaney_edges_hz(MEL_BANDS, 0, RATE_HZ / 2)[1:-1]) if BOTTOM_HZ < hz < TOP_HZ
)
"""The measures that the model uses: pitch contour, level, timbre, and the mel bands from 100 to 4000 Hz."""


@dataclass(frozen=True)
class Clips:
    """Labeled clips of several speakers. Every field has one entry per clip; `measures` is shaped (clips, measures)."""

    measures: Matrix
    tones: NDArray[np.str_]
    speakers: NDArray[np.str_]
    genders: list[str]

    def voices(self) -> NDArray[np.int64]:
        """The number of each clip's speaker."""
        return np.unique(self.speakers, return_inverse=True)[1]

    def some(self, chosen: NDArray[np.bool_]) -> "Clips":
        """The clips where `chosen` is true."""
        genders = [g for g, c in zip(self.genders, chosen, strict=True) if c]
        return Clips(self.measures[chosen], self.tones[chosen], self.speakers[chosen], genders)


def read_clips(data: Path, corpus: str, tones: dict[str, str], licence: str = "") -> Clips:
    """Measures the clips of a corpus whose label is in `tones` and whose licence starts with `licence`."""
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["corpus"] == corpus and r["label"] in tones and r["licence"].startswith(licence)]
    found = [(r, m) for r in rows if (m := measure(data / r["path"])) is not None]
    return Clips(
        np.array([m for _, m in found]),
        np.array([tones[r["label"]] for r, _ in found]),
        np.array([r["speaker"] for r, _ in found]),
        [{"F": "female", "M": "male"}[r["gender"]] for r, _ in found],
    )


def measure(path: Path) -> Matrix | None:
    """Measures a file at RATE_HZ without the silence at both ends; None where the stage would measure nothing."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != RATE_HZ:
        raise SystemExit(f"expected {RATE_HZ} Hz in {path}, found {rate}: resample the collection")
    mono = sound.mean(axis=1)
    loud = np.flatnonzero(np.abs(mono) > 0.02 * np.abs(mono).max())
    return measures(contours(_blocks(mono[loud[0] : loud[-1] + 1]), float(np.sqrt(np.mean(np.square(mono))))))


def _blocks(sound: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float32], int]]:
    frames = max(1, len(sound) // HOP)
    padded = np.pad(sound, (EDGE, EDGE + HOP))
    for first in range(0, frames, BLOCK_FRAMES):
        count = min(BLOCK_FRAMES, frames - first)
        yield padded[first * HOP : (first + count) * HOP + 2 * EDGE], count


def fitted(clips: Clips, columns: list[int]) -> tuple[Pipeline, Matrix]:
    """Trains a classifier on measures relative to their voice; also returns each measure's deviation within voices."""
    table = clips.measures[:, columns]
    deviations = within(table, clips.voices())
    points = standardized(table, clips.voices(), clips.genders, deviations)
    classifier = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=5000)
    pipeline = make_pipeline(StandardScaler(), classifier).fit(points, clips.tones)
    if AT_REST in classifier.classes_:
        classifier.intercept_ = classifier.intercept_ + REST_LOGIT * (classifier.classes_ == AT_REST)
    return pipeline, deviations


def folds(clips: Clips) -> None:
    """Prints a leave-one-speaker-out validation: each speaker's clips are classified by a model trained on all others."""
    columns = [MEASURES.index(f) for f in FEATURES]
    recalls = []
    for speaker in np.unique(clips.speakers):
        mine = clips.speakers == speaker
        if len(set(clips.tones[~mine].tolist())) < 2:
            print(f"{speaker}: not left out, since the other speakers have fewer than two tones")
            continue
        pipeline, deviations = fitted(clips.some(~mine), columns)
        test = clips.some(mine)
        named = pipeline.predict(standardized(test.measures[:, columns], test.voices(), test.genders, deviations))
        recalls.append(np.mean([np.mean(named[test.tones == tone] == tone) for tone in np.unique(test.tones)]))
        print(f"{speaker}: accuracy {np.mean(named == test.tones):.3f}, unweighted recall {recalls[-1]:.3f} of {len(named)} clips")
    if recalls:
        print(f"all speakers left out: unweighted recall {np.mean(recalls):.3f} ± {np.std(recalls):.3f}")


def write(folder: Path, clips: Clips, corpus: str, labels: dict[str, str], description: dict[str, str]) -> None:
    """Trains on all clips and writes the classifier, its configuration and model.json."""
    columns = [MEASURES.index(f) for f in FEATURES]
    pipeline, deviations = fitted(clips, columns)
    folder.mkdir(parents=True, exist_ok=True)
    write_skops(folder / FILE, pipeline)
    config = {
        "classes": [str(c) for c in pipeline.classes_],
        "rate_hz": RATE_HZ,
        "hop": HOP,
        "features": FEATURES,
        "means": clips.measures[:, columns].mean(axis=0).tolist(),
        "deviations": deviations.tolist(),
        "trained_on": {"corpus": corpus, "labels": labels, "clips": len(clips.tones), "speakers": sorted(set(clips.speakers.tolist()))},
        "scikit_learn": sklearn.__version__,
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    model = describe(folder, kind=KIND, **description)
    print(f"{model.name}/{model.version}: {len(clips.tones)} clips")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; its name becomes the model's name")
    parser.add_argument(
        "--tones", type=int, choices=sorted(TONES), default=4, help="number of tones of the bundled model to make (default: 4)"
    )
    parser.add_argument("--corpus", default="emodb", help="for a model of your own: the corpus to train on; needs --labels and --licence")
    parser.add_argument("--labels", help="the corpus' labels and their tones, such as wut=angry,ruhe=calm")
    parser.add_argument("--licence", help="the licence of the new model")
    given = parser.parse_args()
    if bool(given.labels) != bool(given.licence) or (given.corpus != "emodb" and not given.labels):
        parser.error("a model of your own needs all of --corpus, --labels and --licence")
    if given.labels:
        labels = dict(pair.split("=") for pair in given.labels.split(","))
        clips = read_clips(given.data, given.corpus, labels)
        facts = {
            "licence": given.licence,
            "origin": f"recipes/tone, on {given.corpus}",
            "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00}",
        }
    else:
        labels = TONES[given.tones]
        clips = read_clips(given.data, given.corpus, labels, licence="CC0")
        origin = "trained by speechmill: recipes/tone, on EmoDB (CC0 1.0)"
        facts = {"licence": "CC0 1.0", "origin": origin, "created": CREATED[given.tones]}
    if len(set(clips.tones.tolist())) < 2:
        raise SystemExit(
            f"expected clips of two or more tones in {given.data}, found {len(set(clips.tones.tolist()))} in {len(clips.tones)} clips: "
            "check --corpus and --labels"
        )
    folds(clips)
    write(given.out, clips, "EmoDB" if given.corpus == "emodb" else given.corpus, labels, {"name": given.out.name} | facts)


if __name__ == "__main__":
    main()
