"""Trains a tone model on the CC0 recordings of a collection and writes the model's folder.

    .venvs/train_tone/bin/python -m recipes.tone.train --data DATA --tones 4 --out bundled/models/tone-4

DATA is a folder that holds manifest.csv (columns path, corpus, licence, speaker, gender, label) and the recordings that it
names. The same recordings give the same files, byte for byte.
"""

import argparse
import csv
import os
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # several threads would add numbers in varying order

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from components.train_tone import training
from components.train_tone.model import write_model
from components.train_tone.sound import measure
from components.train_tone.training import STRENGTH, Clips, Matrix

TONES = {
    4: {"neutral": "neutral", "happiness": "happy", "anger": "angry", "sadness": "sad"},
    2: {"neutral": "calm", "boredom": "calm", "sadness": "calm", "anger": "angry"},
}
"""The tone of each EmoDB label, by the number of tones. Clips with other labels are not used."""

CREATED = {4: "2026-11-23T06:30:00+00:00", 2: "2026-11-23T06:30:01+00:00"}
AT_REST = "neutral"
REST_LOGIT = 0.5
"""Added to the logit of AT_REST after training.

Measures are relative to their voice's mean. A voice that is always neutral therefore lies between the classes, and without this
its clips would get other tones. With two classes such a voice lies among the calm clips, so nothing is added.
"""


def read_clips(data: Path, corpus: str, tones: dict[str, str], licence: str = "") -> Clips:
    """Measures the clips of a corpus whose label is in `tones` and whose licence starts with `licence`."""
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["corpus"] == corpus and r["label"] in tones and r["licence"].startswith(licence)]
    found = [(r, m) for r in rows if not isinstance(m := measure(data / r["path"]), str)]
    return Clips(
        np.array([m for _, m in found]),
        np.array([tones[r["label"]] for r, _ in found]),
        np.array([r["speaker"] for r, _ in found]),
        [{"F": "female", "M": "male"}[r["gender"]] for r, _ in found],
    )


def classifier() -> LogisticRegression:
    """The untrained classifier."""
    return LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=5000)


def fitted(clips: Clips) -> tuple[Pipeline, Matrix]:
    """Trains a classifier on measures relative to their voice, and favors AT_REST; also returns each measure's deviation."""
    pipeline, deviations = training.fitted(clips, classifier)
    trained = pipeline.steps[-1][1]
    if AT_REST in trained.classes_:
        trained.intercept_ = trained.intercept_ + REST_LOGIT * (trained.classes_ == AT_REST)
    return pipeline, deviations


def validate(clips: Clips) -> None:
    """Prints a leave-one-speaker-out validation: each speaker's clips are classified by a model trained on all others."""
    recalls = []
    for speaker in np.unique(clips.speakers):
        mine = clips.speakers == speaker
        pipeline, deviations = fitted(clips.some(~mine))
        test = clips.some(mine)
        named = pipeline.predict(test.points(deviations))
        recalls.append(np.mean([np.mean(named[test.tones == tone] == tone) for tone in np.unique(test.tones)]))
        print(f"{speaker}: accuracy {np.mean(named == test.tones):.3f}, unweighted recall {recalls[-1]:.3f} of {len(named)} clips")
    print(f"all speakers left out: unweighted recall {np.mean(recalls):.3f} ± {np.std(recalls):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; its name becomes the model's name")
    parser.add_argument("--tones", type=int, choices=sorted(TONES), default=4, help="number of tones of the model (default: 4)")
    given = parser.parse_args()
    labels = TONES[given.tones]
    clips = read_clips(given.data, "emodb", labels, licence="CC0")
    if len(set(clips.speakers.tolist())) < 2:
        raise SystemExit(
            f"expected EmoDB clips of two or more speakers in {given.data}, found {len(clips.tones)} clips: check manifest.csv"
        )
    validate(clips)
    pipeline, deviations = fitted(clips)
    description = {
        "name": given.out.name,
        "licence": "CC0 1.0",
        "origin": "trained by speechmill: recipes/tone, on EmoDB (CC0 1.0)",
        "created": CREATED[given.tones],
    }
    trained_on = {"corpus": "EmoDB", "labels": labels, "clips": len(clips.tones), "speakers": sorted(set(clips.speakers.tolist()))}
    model = write_model(given.out, clips, pipeline, deviations, {"trained_on": trained_on}, description)
    print(f"{model.name}/{model.version}: {len(clips.tones)} clips")


if __name__ == "__main__":
    main()
