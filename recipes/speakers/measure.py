"""Measures how well voice similarities tell speakers apart: equal error rates, and what each threshold costs.

    .venv/bin/python -m recipes.speakers.measure --data DATA --out FOLDER

DATA is a folder that holds manifest.csv with the columns path, corpus, kind (speech, emotion, music, noise), split, lang, speaker,
gender (F, M) and label, and the recordings that it names. mixtures.py mixes utterances; the stages `separate` and `diarize` process
them, each in its own environment. Their outputs in FOLDER are reused. Writes tables.md, det.svg and measurement.json into FOLDER.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.deployment import ROOT
from components.diarize.component import diarize
from components.separate.component import separate
from components.shared.clip_voices import clip_voice
from components.shared.encoders import ENCODERS, Vectors
from components.shared.rows import Clip, Recording, Segment
from components.shared.table import read_rows, write_rows
from components.shared.voices import Voice
from components.shared.windows import Windows, read_windows
from pipelines.local.display import Display
from pipelines.local.single import run_stage
from recipes.speakers.mixtures import CONDITIONS, Utterance, chosen, downmixed, recording_id, write_mixtures
from recipes.speakers.report import write_report
from recipes.speakers.trials import REFERENCE_UTTERANCES, USUAL_UTTERANCES, Trials, clips, programmes, references, trials

BUNDLED = ROOT / "bundled"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="dev")
    parser.add_argument(
        "--leave-out",
        default="",
        help="speakers to leave out, separated by commas: those whose gender is doubtful, or who may be listed under two names",
    )
    parser.add_argument("--separated", default="ko", help="the language whose recordings are also measured after `separate` (default: ko)")
    parser.add_argument("--engine", choices=sorted(ENCODERS), default="campplus", help="the voice encoder (default: campplus)")
    options = parser.parse_args()
    speakers, beds = chosen(options.data, options.split, options.leave_out.split(","))
    utterances = mixed(options.out, options.data, speakers, beds)
    with Display() as display:
        plain = embedded(options.out / "plain", utterances, options.out / "heard", options.engine, display)
        own = voices_by_path(options.out, utterances)
        after = separated(options.out, options.separated, utterances, options.engine, display)
    write_report(*compare(utterances, own, {False: plain, True: after}, ENCODERS[options.engine]), options.out)


def mixed(out: Path, data: Path, speakers: dict[str, list[dict[str, str]]], beds: dict[str, list[dict[str, str]]]) -> list[Utterance]:
    """Mixes the utterances in every condition: stereo recordings in `mixed`, the same as mono voices in `plain`."""
    index = out / "utterances.json"
    if not index.exists():
        for name in ("mixed", "plain"):
            (out / name).mkdir(parents=True, exist_ok=True)
        found = write_mixtures(data, speakers, beds, list(CONDITIONS), out / "mixed")
        downmixed(out / "mixed", out / "plain", read_rows(out / "mixed", Recording))
        index.write_text(json.dumps([asdict(u) for u in found]))
    return [Utterance(**u) for u in json.loads(index.read_text())]


def embedded(voices: Path, utterances: list[Utterance], folder: Path, engine: str, display: Display) -> dict[str, Windows]:
    """Runs `diarize` on voices, with the known times of the utterances as speech; returns the windows by recording."""
    made = folder / "diarize" / "turns"
    if not (made / "rows.parquet").exists():
        names = {r.recording for r in read_rows(voices, Recording)}
        spoken = [
            Segment(recording_id(condition, u.speaker), u.start, u.end, "speech", u.gender)
            for condition in CONDITIONS
            for u in utterances
            if recording_id(condition, u.speaker) in names
        ]
        segments = folder / "segments"
        segments.mkdir(parents=True, exist_ok=True)
        write_rows(segments, Segment, spoken)
        inputs = {"voices": voices, "segments": segments, "reference": BUNDLED / "references" / "none"}
        run_stage(diarize, inputs, {"engine": engine}, folder, display)
    return dict(read_windows(made))


def voices_by_path(out: Path, utterances: list[Utterance]) -> dict[str, Voice]:
    """The voice of every clean utterance, by the utterance's path."""
    clean = dict(read_windows(out / "heard" / "diarize" / "turns"))
    found = {}
    for one in utterances:
        recording = recording_id("clean", one.speaker)
        whole = Clip(one.path, recording, one.start, one.end, one.gender, False)
        if recording in clean and (voice := clip_voice(whole, clean[recording])):
            found[one.path] = voice
    return found


def separated(out: Path, language: str, utterances: list[Utterance], engine: str, display: Display) -> dict[str, Windows]:
    """The windows of one language's recordings after `separate` removed the music."""
    names = {recording_id(c, u.speaker) for c in CONDITIONS for u in utterances if u.language == language}
    subset = out / "subset"
    if not (out / "separate" / "voices" / "rows.parquet").exists():
        subset.mkdir(exist_ok=True)
        if not (subset / "audio").exists():
            (subset / "audio").symlink_to((out / "mixed" / "audio").resolve())
        write_rows(subset, Recording, [r for r in read_rows(out / "mixed", Recording) if r.recording in names])
        inputs = {"recordings": subset, "model": BUNDLED / "models" / "speech-2stems-small", "effects": BUNDLED / "effects" / "none"}
        run_stage(separate, inputs, {}, out, display)
    return embedded(out / "separate" / "voices", utterances, out / "heard_separated", engine, display)


def compare(
    utterances: list[Utterance], own: dict[str, Voice], variants: dict[bool, dict[str, Windows]], of: Vectors
) -> tuple[Trials, Trials]:
    """All trials of single clips, before and after separation; and all trials in programmes."""
    made = {count: references([u for u in utterances if u.path in own], own, count) for count in REFERENCE_UTTERANCES}
    parts: list[dict[str, NDArray[np.generic]]] = []
    shows: list[dict[str, NDArray[np.generic]]] = []
    for taken_out, windows in variants.items():
        given_in = {condition: clips(utterances, condition, windows) for condition in CONDITIONS}
        shows += programmes(made[USUAL_UTTERANCES], {c: given for c, given in given_in.items() if given}, of, taken_out)
        for condition, given in given_in.items():
            for count in REFERENCE_UTTERANCES if condition == "clean" and not taken_out else (USUAL_UTTERANCES,):
                parts += trials(made[count], given, of, condition, taken_out, count) if given else []
    return _joined(parts), _joined(shows)


def _joined(parts: list[dict[str, NDArray[np.generic]]]) -> Trials:
    return Trials({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


if __name__ == "__main__":
    main()
