"""How much corrections of a reviewer help: the error rate of all texts against the clips corrected, by the order in which they are offered.

    PYTHONPATH=. .venvs/transcribe/bin/python benchmarks/review.py texts --most 50 --out texts.csv
    PYTHONPATH=. .venv/bin/python benchmarks/review.py simulate texts.csv

`texts` writes what Whisper and Vosk hear in Korean utterances of SPEECHMILL_DATA, with what is said; benchmarks/words.py says where
models are. `simulate` makes a dataset of a CSV file, offers its clips in the order of `review push`, and replaces their texts by the
true ones in that order. The columns of the file are clip, seconds, speaker, tone, truth, spelled (another spelling of the truth, or the
same), text, second, confidence. "random" is the mean of 200 random orders, "best" knows the errors of each clip.
Error rates are of letters and digits.
"""

import argparse
import csv
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
RANDOM_ORDERS = 200
CORPORA = ("Korean, read", "Korean, acted")
COLUMNS = ("clip", "seconds", "speaker", "tone", "truth", "spelled", "text", "second", "confidence")
Row = dict[str, str]


def write_texts(options: argparse.Namespace) -> None:
    """Writes the CSV of what two engines hear."""
    from benchmarks.words import SETS, heard, loaded, sound, utterances

    with (options.data / "manifest.csv").open(encoding="utf-8") as file:
        known = {options.data / r["path"]: r for r in csv.DictReader(file)}
    found = []
    for name in CORPORA:
        said = utterances(options.data, SETS[name][1], options.split, options.most)
        sounds = [sound(u.path) for u in said]
        one, other = (heard(loaded(options, kind, language="ko"), sounds)[0] for kind in ("whisper", "vosk"))
        for u, first, second in zip(said, one, other, strict=True):
            row = known[u.path]
            truth, spelled = row["transcript"], row["script"] or row["transcript"]
            clip = row["path"].replace("/", "_")
            values = (clip, u.seconds, row["speaker"], row["label"], truth, spelled, first.text, second.text, first.confidence)
            found.append(dict(zip(COLUMNS, values, strict=True)))
    with options.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(found)


def letters(text: str) -> str:
    """The letters and digits of a text."""
    return "".join(c for c in text.casefold() if c.isalnum())


def errors(row: Row) -> tuple[int, int]:
    """Edits and letters of the nearer spelling of what is said."""
    from components.report.agreement import edits

    truths = {letters(row["truth"]), letters(row["spelled"])}
    return min(((edits(t, letters(row["text"])), len(t)) for t in truths), key=lambda pair: pair[0] / max(1, pair[1]))


def orders(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The clips in each order that `review push` offers, and in variants of it."""
    from pipelines.datasets.review.choice import DISAGREEMENT, TIME, offered
    from store.datasets import DatasetStore
    from store.objects import open_store
    from tests.versions import put_version

    with tempfile.TemporaryDirectory() as folder:
        dataset = DatasetStore(open_store(folder), "simulated")
        put_version(dataset, [dataset_row(number, row) for number, row in enumerate(rows)])
        version = dataset.version()
        ours = offered(dataset, version, "", DISAGREEMENT, len(rows))
        alone = sorted(ours, key=lambda c: (-(1 - agreement_of(rows, c["clip"])), c["clip"]))
        longest = offered(dataset, version, "", TIME, len(rows))
    found = {"disagreement × seconds × rarity (`--order disagreement`)": ours, "disagreement alone": alone}
    found |= {"seconds alone": sorted(longest, key=lambda c: (-c["samples"], c["clip"]))}
    return {name: [c["clip"] for c in clips] for name, clips in found.items()}


def agreement_of(rows: Sequence[Row], clip: str) -> float:
    """The agreement of both engines, as `transcribe` measures it."""
    from components.report.agreement import edits

    row = next(r for r in rows if r["clip"] == clip)
    one, other = letters(row["text"]), letters(row["second"])
    return 1 - edits(one, other) / max(1, len(one), len(other))


def dataset_row(number: int, row: Row) -> object:
    """A kept clip of a dataset."""
    from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
    from components.shared.table import empty

    seconds = float(row["seconds"])
    return replace(
        empty(DatasetRow),
        clip=row["clip"],
        recording=f"{number:016x}",
        end=seconds,
        samples=round(seconds * SAMPLE_RATE_HZ),
        speaker=row["speaker"],
        tone=row["tone"],
        text=row["text"],
        text_second=row["second"],
        confidence=float(row["confidence"]) if row["confidence"] else None,
        text_agreement=agreement_of([row], row["clip"]),
        kept=True,
    )


def curve(order: Sequence[str], wrong: dict[str, tuple[int, int]]) -> list[float]:
    """The error rate of all texts after each share of clips in SHARES was corrected."""
    total = sum(n for _, n in wrong.values())
    return [sum(wrong[c][0] for c in order[round(share * len(order)) :]) / total for share in SHARES]


def simulate(options: argparse.Namespace) -> Iterator[str]:
    """Yields the lines of the table."""
    with options.texts.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = {row["clip"]: errors(row) for row in rows}
    clips, seconds = list(wrong), sum(float(r["seconds"]) for r in rows)
    before = sum(e for e, _ in wrong.values()) / sum(n for _, n in wrong.values())
    yield f"{len(clips)} clips of {seconds / 60:.1f} min; CER before: {before:.1%}\n"
    yield f"| order | {' | '.join(f'{share:.0%} corrected' for share in SHARES)} |"
    yield f"| --- |{' --- |' * len(SHARES)}"
    chance = random.Random(0)
    drawn = [curve(chance.sample(clips, len(clips)), wrong) for _ in range(RANDOM_ORDERS)]
    curves = {name: curve(order, wrong) for name, order in orders(rows).items()}
    curves |= {"random": [sum(values) / len(drawn) for values in zip(*drawn, strict=True)]}
    curves |= {"best": curve(sorted(clips, key=lambda c: -wrong[c][0]), wrong)}
    for name, values in curves.items():
        yield f"| {name} | {' | '.join(f'{v:.1%}' for v in values)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(required=True)
    texts: Callable[[argparse.Namespace], None] = write_texts
    make = modes.add_parser("texts")
    make.set_defaults(run=texts)
    make.add_argument("--data", type=Path, default=Path(os.environ.get("SPEECHMILL_DATA", "data")))
    make.add_argument("--models", type=Path, default=Path("data/fetched-models"))
    make.add_argument("--whisper", default="whisper-base")
    make.add_argument("--split", default="dev")
    make.add_argument("--most", type=int, default=50, help="utterances of each of both corpora")
    make.add_argument("--threads", type=int, default=1)
    make.add_argument("--out", type=Path, required=True)
    show = modes.add_parser("simulate")
    show.set_defaults(run=lambda options: print(*simulate(options), sep="\n"))
    show.add_argument("texts", type=Path)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
