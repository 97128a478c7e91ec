"""Compares tone classifiers on speakers that they were not trained on, in their own language and in two others.

    .venvs/train_tone/bin/python -m recipes.tone.evaluate --data DATA

DATA is a folder as for train.py. It may hold corpora whose licence forbids training, since this script writes no model. On EmoDB
each speaker is left out once; classifiers trained on all of EmoDB are then tried on the other corpora. The output is the tables in
docs/tone.md: each cell is accuracy / unweighted recall ± the standard deviation of the speakers' accuracies.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from components.shared.tone.contours import MEANS
from components.shared.tone.measures import MEASURES
from components.shared.tone.voices import standardized, within
from components.train_tone.training import COLUMNS, Clips
from recipes.tone.train import AT_REST, REST_LOGIT, TONES, classifier, read_clips

Names = NDArray[np.str_]
Namer = Callable[[Any, Any], Any]

LABELS = {4: {t: t for t in ("neutral", "happy", "angry", "sad")}, 2: {"neutral": "calm", "calm": "calm", "sad": "calm", "angry": "angry"}}
OTHERS = {"Korean": "emotiontts_ko_emotional", "English": "ravdess"}

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "logistic regression": classifier,
    "support vectors": lambda: SVC(class_weight="balanced"),
    "linear discriminant": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5),
    "perceptron (100)": lambda: MLPClassifier((100,), alpha=1, max_iter=400, random_state=0),
    "boosted trees": lambda: HistGradientBoostingClassifier(max_iter=80, max_leaf_nodes=8, class_weight="balanced", random_state=0),
}


def namer(train: Clips, columns: list[int], make: Callable[[], Any], rest: str) -> Callable[[Clips, bool], Names]:
    """Trains a classifier; returns a function from clips to tones.

    Args:
        train: The clips to train on.
        columns: The measures to use.
        make: Makes an untrained classifier.
        rest: The tone that gets REST_LOGIT, or "" for none.

    Returns:
        A function of clips and of whether their measures are taken relative to their voice.
    """
    table = train.measures[:, columns]
    deviations, means = within(table, train.voices()), table.mean(axis=0)

    def points(clips: Clips, compared: bool) -> Any:
        chosen = clips.measures[:, columns]
        return standardized(chosen, clips.voices(), clips.genders, deviations) if compared else (chosen - means) / chosen_deviation

    chosen_deviation = table.std(axis=0)
    pipelines = {c: make_pipeline(StandardScaler(), make()).fit(points(train, c), train.tones) for c in (True, False)}

    def name(clips: Clips, compared: bool) -> Names:
        pipeline = pipelines[compared]
        if not rest:
            return pipeline.predict(points(clips, compared))
        chances = np.log(pipeline.predict_proba(points(clips, compared))) + REST_LOGIT * (pipeline.classes_ == rest)
        return pipeline.classes_[np.argmax(chances, axis=1)]

    return name


def scores(named: Names, clips: Clips) -> str:
    """Accuracy, unweighted recall, and the standard deviation of the speakers' accuracies."""
    right = named == clips.tones
    recall = np.mean([right[clips.tones == t].mean() for t in np.unique(clips.tones)])
    spread = np.std([right[clips.speakers == s].mean() for s in np.unique(clips.speakers)])
    return f"{right.mean():.3f} / {recall:.3f} ± {spread:.2f}"


def left_out(clips: Clips, columns: list[int], make: Callable[[], Any], rest: str) -> dict[bool, Names]:
    """The tone of every clip, by a classifier trained on all other speakers; by whether measures are relative to their voice."""
    named = {compared: np.empty(len(clips.tones), clips.tones.dtype) for compared in (True, False)}
    for speaker in np.unique(clips.speakers):
        mine = clips.speakers == speaker
        name = namer(clips.some(~mine), columns, make, rest)
        for compared, names in named.items():
            names[mine] = name(clips.some(mine), compared)
    return named


def row(title: str, home: Clips, others: Sequence[Clips], columns: list[int], make: Callable[[], Any], rest: str = "") -> None:
    """Prints two lines of a table: with measures relative to their voice, and without."""
    away = namer(home, columns, make, rest)
    for compared, named in left_out(home, columns, make, rest).items():
        cells = [scores(named, home), *(scores(away(o, compared), o) for o in others)]
        print(f"| {title} | {'yes' if compared else 'no'} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    own, original = COLUMNS, [MEASURES.index(f) for f in MEANS]
    for tones, labels in TONES.items():
        home = read_clips(given.data, "emodb", labels)
        others = [read_clips(given.data, corpus, LABELS[tones]) for corpus in OTHERS.values()]
        print(f"\n{tones} tones, clips: {len(home.tones)}, {', '.join(str(len(o.tones)) for o in others)}")
        print(f"| classifier | compared | EmoDB | {' | '.join(OTHERS)} |\n|---|---|---|---|---|")
        if AT_REST in labels.values():
            row(f"logistic regression, {AT_REST} favored", home, others, own, CLASSIFIERS["logistic regression"], AT_REST)
        for title, make in CLASSIFIERS.items():
            row(title, home, others, own, make)
        row("perceptron, 180 numbers", home, others, original, CLASSIFIERS["perceptron (100)"])
        row("logistic regression, 180 numbers", home, others, original, CLASSIFIERS["logistic regression"])


if __name__ == "__main__":
    main()
