"""Collects the recordings that a model may be trained on and shipped with: those under CC0, CC BY or in the public domain.

    .venv/bin/python -m recipes.speech_2stems_small.recordings --data DATA --out FOLDER --split dev

DATA is a folder that holds manifest.csv (columns path, corpus, kind, split, label, licence, title, author, source_repo) and the
recordings that it names. Writes speech/, music/ and noise/ into FOLDER, each file as 44.1 kHz FLAC, and licences.csv.
"""

import argparse
import csv
import re
import subprocess
from pathlib import Path

from components.shared.audio import ffmpeg

KINDS = {"speech": "speech", "emotion": "speech", "music": "music", "noise": "noise"}
FREE = re.compile(r"^(CC0|CC BY \d|Public Domain)")


def may_be_used(row: dict[str, str], split: str) -> bool:
    """Whether a recording is of the split, its licence asks for no more than credit, and, if it is music, nobody sings."""
    sung = row["kind"] == "music" and "vocal" in row["label"] and "instrumental" not in row["label"]
    return row["split"] == split and row["kind"] in KINDS and bool(FREE.match(row["licence"])) and not sung


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
    for number, row in enumerate(rows):
        target = args.out / KINDS[row["kind"]] / f"{number:04d}.flac"
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [ffmpeg(), "-v", "error", "-y", "-i", str(args.data / row["path"]), "-ar", "44100", "-sample_fmt", "s16", str(target)]
        subprocess.run(command, check=True)
    with (args.out / "licences.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["path", "title", "author", "licence", "source_repo"], extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    main()
