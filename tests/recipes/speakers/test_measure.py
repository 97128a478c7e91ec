"""recipes/speakers/measure.py on a tiny collection. Stand-ins for the stages know who speaks, so the right figures are known."""

import csv
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from components.shared.model import read_model
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment, Turn
from components.shared.table import read_rows, write_rows
from components.shared.windows import Windows, WindowsWriter
from components.stage import Stage
from recipes.speakers import measure
from recipes.speakers.mixtures import MOST_UTTERANCES

SPEAKERS = ("ko_f1", "ko_f2", "en_m1", "en_m2")
COLUMNS = ("path", "corpus", "kind", "split", "lang", "speaker", "gender", "label")
HOP_SECONDS, WINDOW_SECONDS = 0.4, 1.6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise in place of speech, nine utterances a speaker; music and ambience; and rows that must not be used."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for speaker in (*SPEAKERS, "doubtful"):
        language, seconds = ("ko-KR", 3.3) if speaker.startswith("ko") else ("en_US", 1.8)
        for number in range(MOST_UTTERANCES + 1):
            rows.append((f"{speaker}-{number}.wav", "c", "speech", "dev", language, speaker, speaker[3].upper(), "", seconds))
    rows = [row if row[5] != "doubtful" else (*row[:6], "F", *row[7:]) for row in rows]
    rows.append(("held-out.wav", "c", "speech", "test", "ko-KR", "ko_f3", "F", "", 1.8))
    rows.append(("band.wav", "c", "music", "dev", "", "", "", "instrumental", 2.0))
    rows.append(("song.wav", "c", "music", "dev", "", "", "", "vocals", 2.0))
    rows.append(("street.wav", "ambience", "noise", "dev", "", "", "", "", 2.0))
    for number, row in enumerate(rows):
        if row[0] not in ("held-out.wav", "song.wav") and row[5] != "doubtful":  # reading one of these would fail
            sound = np.random.default_rng(number).normal(0, 0.1, round(row[-1] * SAMPLE_RATE_HZ))
            soundfile.write(folder / row[0], sound, SAMPLE_RATE_HZ)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(row[:-1] for row in rows)
    return folder


class Stages:
    """Stands in for run_stage. Every speaker has an own vector; under loud music all sound alike until `separate` has run."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, stage: Stage, inputs: Mapping[str, Path], parameters: Mapping[str, Any], folder: Path, display: object) -> None:
        artifacts = {name for name, spec in stage.component.component_spec.inputs.items() if str(spec.type).startswith("system.")}
        assert set(inputs) == artifacts and set(parameters) <= set(stage.settings)
        self.calls.append(stage.name)
        {"diarize": self.diarize, "separate": self.separate}[stage.name](inputs, folder / stage.name)

    def separate(self, inputs: Mapping[str, Path], out: Path) -> None:
        read_model(inputs["model"], "spleeter")
        rows = read_rows(inputs["recordings"], Recording)
        assert all((inputs["recordings"] / "audio" / f"{row.recording}.flac").exists() for row in rows)
        (out / "voices").mkdir(parents=True)
        write_rows(out / "voices", Recording, rows)

    def diarize(self, inputs: Mapping[str, Path], out: Path) -> None:
        assert read_rows(inputs["reference"], Recording) == []
        titles = {row.recording: row.title for row in read_rows(inputs["voices"], Recording)}
        spoken: dict[str, list[Segment]] = {}
        for segment in read_rows(inputs["segments"], Segment):
            spoken.setdefault(segment.recording, []).append(segment)
        assert spoken.keys() == titles.keys()
        (out / "turns").mkdir(parents=True)
        write_rows(out / "turns", Turn, [])
        with WindowsWriter(out / "turns") as file:
            for recording, segments in spoken.items():
                condition, speaker = titles[recording].split()
                vector = np.zeros(192, np.float32)
                if condition == "bed" and inputs["voices"].parent.name != "separate":
                    vector[: len(SPEAKERS)] = 1 / np.sqrt(len(SPEAKERS))
                else:
                    vector[SPEAKERS.index(speaker)] = 1
                starts = np.concatenate([np.arange(s.start, s.end - WINDOW_SECONDS, HOP_SECONDS) for s in segments])
                alone = np.zeros(len(starts), np.int64)
                file.write(recording, Windows(starts, starts + WINDOW_SECONDS, alone, np.tile(vector, (len(starts), 1)), "campplus"))


@pytest.fixture(scope="module")
def stages() -> Stages:
    return Stages()


@pytest.fixture(scope="module")
def out(data: Path, stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one measurement."""
    folder = tmp_path_factory.mktemp("measured") / "out"
    run(data, stages, folder)
    return folder


def run(data: Path, stages: Stages, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "run_stage", stages)
        patch.setattr(sys, "argv", ["measure.py", "--data", str(data), "--out", str(folder), "--leave-out", "doubtful"])
        measure.main()


def tables(out: Path) -> dict[str, list[list[str]]]:
    """The cells of every table, by its title, without heads."""
    found = {}
    for part in (out / "tables.md").read_text(encoding="utf-8").split("## ")[1:]:
        title, _, text = part.partition("\n\n")
        found[title] = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]
    return found


def test_the_chosen_utterances_are_mixed_in_every_condition(out: Path) -> None:
    rows = read_rows(out / "mixed", Recording)
    conditions = ("clean", "talk", "bed", "ambience", "phone", "room")
    assert sorted(row.title for row in rows) == sorted(f"{condition} {speaker}" for condition in conditions for speaker in SPEAKERS)
    for name, channels in (("mixed", 2), ("plain", 1)):
        for row in read_rows(out / name, Recording):
            info = soundfile.info(out / name / "audio" / f"{row.recording}.flac")
            assert (info.channels, info.frames, info.samplerate) == (channels, row.samples, SAMPLE_RATE_HZ)


def test_the_tables_show_the_errors_by_voice_and_condition(out: Path) -> None:
    voices = tables(out)["By language and gender, against others of that gender"]
    assert [row[:3] for row in voices] == [
        [language, gender, "2"] for language, own in (("Korean", "female"), ("English", "male")) for gender in (own, "both")
    ]
    assert {(*row[3:5], *row[6:10]) for row in voices} == {("0.0 %", "0.0 %", "0.0 %", "0.0 %", "0.0 %", "0.0 % to 0.0 %")}
    assert all(float(row[5].removesuffix(" %")) == pytest.approx(50, abs=2) for row in voices), "loud music makes all sound alike"
    assert [row[10] for row in voices] == ["0.0 % (ko_f2)"] * 2 + ["0.0 % (en_m2)"] * 2


def test_the_tables_show_the_errors_by_length_and_size_of_the_reference(out: Path) -> None:
    lengths = {row[0]: row[1:] for row in tables(out)["By length of the clip"]}
    assert lengths["3 to 6 s"][1] == "", "English utterances are shorter"
    for band in ("3 to 6 s", "1.5 to 3 s"):
        clean, talk, bed, *others = lengths[band][2:]
        assert {clean, talk, *others} == {"0.0 %"} and float(bed.removesuffix(" %")) == pytest.approx(50, abs=2)
    references = tables(out)["By utterances in the reference, clean"]
    assert [row[:3] for row in references] == [[count, "0.0 %", "0.0 %"] for count in ("1", "3", "5")]
    assert {row[3] for row in references} == {"0.500"}, "similarities are 0 and 1"


def test_the_tables_show_that_separation_removes_errors(out: Path) -> None:
    rows = {row[0]: row[1:] for row in tables(out)["Before and after `separate`"]}
    assert list(rows) == ["clean", "talk", "bed", "ambience", "phone", "room"]
    assert rows["bed"][0] == "50.0 %" and rows["bed"][2] == "100.0 %", "no threshold keeps others out and the voice in"
    assert rows["bed"][3:] == rows["clean"][:3] == ["0.0 %", "0.500", "0.0 %"]


def test_the_summary_and_the_plot_are_written(out: Path) -> None:
    summary = json.loads((out / "measurement.json").read_text(encoding="utf-8"))
    assert list(summary) == ["ko", "en", "all"]
    plot = (out / "det.svg").read_text(encoding="utf-8")
    assert "<svg" in plot and "Korean, EER" in plot


def test_a_repeated_measurement_reuses_what_the_stages_made_and_writes_the_same_bytes(
    data: Path, out: Path, stages: Stages, tmp_path: Path
) -> None:
    assert stages.calls == ["diarize", "separate", "diarize"]
    again = tmp_path / "again"
    shutil.copytree(out, again, symlinks=True)
    results = ("tables.md", "measurement.json", "det.svg")
    for name in results:
        (again / name).unlink()
    run(data, stages, again)
    assert stages.calls == ["diarize", "separate", "diarize"]
    for name in results:
        assert (again / name).read_bytes() == (out / name).read_bytes(), name
