"""Collects the recordings that a VoiceFilter may be trained on and shipped with: those under CC0, CC BY or in the public domain.

    .venv/bin/python -m recipes.voicefilter_small.recordings --data DATA --out FOLDER --split dev

DATA is a folder as `recipes.speech_2stems_small.recordings` takes it, whose manifest.csv also has a column `speaker`. Writes
speech/<speaker>/, noise/ and music/ into FOLDER/train, and a fifth of the speakers of each corpus, two at least, into FOLDER/test,
which no training may hear; and licences.csv.
"""

import argparse
import csv
import hashlib
import shutil
from pathlib import Path

from recipes.speech_2stems_small.recordings import KINDS, may_be_used

TEST_SHARE, LEAST_TEST = 0.2, 2


def held_out(rows: list[dict[str, str]]) -> set[tuple[str, str]]:
    """Corpus and speaker of those who are left out of the training: the lowest hashes of each corpus."""
    corpora: dict[str, set[str]] = {}
    for row in rows:
        if KINDS[row["kind"]] == "speech":
            corpora.setdefault(row["corpus"], set()).add(row["speaker"])
    chosen = set()
    for corpus, speakers in corpora.items():
        ordered = sorted(speakers, key=lambda speaker: hashlib.sha256(speaker.encode()).digest())
        chosen |= {(corpus, speaker) for speaker in ordered[: max(LEAST_TEST, round(TEST_SHARE * len(ordered)))]}
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="dev")
    args = parser.parse_args()
    with (args.data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if may_be_used(row, args.split)]
    if not rows:
        raise SystemExit(f"expected recordings of the split {args.split} under a free licence in {args.data}, found none: check --split")
    unheard = held_out(rows)
    for number, row in enumerate(rows):
        kind, part = KINDS[row["kind"]], "test" if (row["corpus"], row["speaker"]) in unheard else "train"
        folder = args.out / part / kind / (f"{row['corpus']}-{row['speaker']}" if kind == "speech" else "")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(args.data / row["path"], folder / f"{number:04d}{Path(row['path']).suffix}")
    with (args.out / "licences.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["path", "title", "author", "licence", "source_repo"], extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    main()
