"""`speechmill speakers name`, `merge` and `split` on a store in a folder, and what later runs make of them."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.publish.publish import Batch, publish
from components.publish.rules import parse
from components.shared.audio import flac_bytes
from components.shared.model import read_model
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow, Recording, Vector
from components.shared.table import read_rows, to_table
from components.shared.task import Lineage, StageError
from pipelines.inputs.enrollment import WANTED_SECONDS, best_clips
from pipelines.inputs.slots import REFERENCE, find, local_folder
from store.datasets import DatasetStore, Version, audio_key, rules
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from tests.command import speechmill
from tests.components.publish.conftest import SETTINGS, account, made
from tests.components.publish.test_speakers import clip, episode, vectors_of, whole


class Place:
    """A store in a folder, with runs that publish into its datasets."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder / "store", open_store(str(folder / "store"))

    def run(self, dataset: str, *episodes: list[DatasetRow], **settings: object) -> list[DatasetRow]:
        """Publishes recordings as a run does, one second of each is music; returns all rows."""
        for row in [r for e in episodes for r in e]:
            rng = np.random.default_rng(int(row.audio_sha256[:8], 16))
            self.store.write(audio_key(dataset, row.audio_sha256), flac_bytes((rng.standard_normal(row.samples) * 500).astype(np.int16)))
        ids = [e[0].recording for e in episodes]
        Ledger(self.store, dataset).write(lambda rows: [rows.get(r, made_entry(r)) for r in ids])
        accounts = [account(e[0].recording, whole(e) + 1, music_samples=SAMPLE_RATE_HZ) for e in episodes]
        rows = [r for e in episodes for r in e]
        wanted = {**SETTINGS, **settings}
        lineage = Lineage({"publish": {"image": "x", "settings": wanted}})
        publish(
            self.store,
            dataset,
            f"run-{len(self.versions(dataset))}",
            Batch(accounts, to_table(DatasetRow, rows), lambda: iter(()), "5" * 64, lineage),
            parse(wanted),
        )
        return self.rows(dataset)

    def versions(self, dataset: str) -> list[Version]:
        return DatasetStore(self.store, dataset).versions()

    def rows(self, dataset: str) -> list[DatasetRow]:
        return DatasetStore(self.store, dataset).rows(self.versions(dataset)[-1])

    def names(self, dataset: str) -> dict[str, str]:
        return {s.speaker: s.name for s in DatasetStore(self.store, dataset).speakers(self.versions(dataset)[-1]) if s.name}

    def speakers(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return speechmill("speakers", *arguments, "--store", self.folder)

    def done(self, *arguments: str | Path) -> list[str]:
        found = self.speakers(*arguments)
        assert found.returncode == 0, found.stderr
        return found.stdout.splitlines()

    def refused(self, *arguments: str | Path) -> str:
        found = self.speakers(*arguments)
        assert found.returncode != 0, found.stdout
        assert found.stderr.count("\n") == 1, found.stderr
        return found.stderr.strip()


def made_entry(recording: str) -> LedgerRow:
    return made(LedgerRow, recording=recording, attempts=1)


def ids(rows: Sequence[DatasetRow]) -> dict[str, set[str]]:
    """The ids of each voice; `title` of a row is the voice."""
    return {voice: {r.speaker for r in rows if r.title == voice} for voice in sorted({r.title for r in rows})}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A store whose dataset radio has the voices 1, 2 and 3 as s0001, s0002 and s0003, of 24, 12 and 10 s."""
    place = Place(tmp_path)
    rows = place.run("radio", episode("a", 1, 2), episode("b", 1, seed=1), episode("c", 3, clips=5))
    assert ids(rows) == {"1": {"s0001"}, "2": {"s0002"}, "3": {"s0003"}}
    return place


def check_law(place: Place, dataset: str) -> None:
    """Every version accounts for every second of its recordings, in the lineage and in the ledger."""
    ledger = Ledger(place.store, dataset).rows().values()
    total = sum(r.samples for r in ledger) / SAMPLE_RATE_HZ
    assert sum(place.versions(dataset)[-1].lineage["seconds"].values()) == pytest.approx(total, abs=1e-6)
    assert sum(r.kept_samples + r.rejected_samples + r.music_samples for r in ledger) / SAMPLE_RATE_HZ == pytest.approx(total, abs=1e-6)


def test_a_name_is_in_the_next_version_and_its_voice_is_a_reference(place: Place) -> None:
    before = place.versions("radio")[-1]
    lines = place.done("name", "pengsu", "s0001", "--dataset", "radio")
    assert lines[0].startswith("the reference pengsu, version ") and lines[0].endswith("holds 12 clips of s0001, 24.0 s")
    assert lines[-1] == "s0001 is pengsu: version 2 of dataset radio has 3 speakers"
    after = place.versions("radio")[-1]
    assert after.lineage["speakers"]["names"] == {"s0001": "pengsu"} == place.names("radio")
    correction = after.lineage["correction"]
    assert {k: correction[k] for k in ("action", "speaker", "name")} == {"action": "name", "speaker": "s0001", "name": "pengsu"}
    assert rules(after.lineage) == rules(before.lineage)
    assert DatasetStore(place.store, "radio").rows(before) == place.rows("radio")
    check_law(place, "radio")

    model = find(place.store, REFERENCE, "pengsu")
    assert not isinstance(model, Path) and correction["reference"] == f"pengsu/{model.version}"
    folder = local_folder(place.store, REFERENCE, model, place.folder)
    assert read_model(folder, "reference") == model
    recordings = read_rows(folder, Recording)
    assert sum(r.seconds for r in recordings) == 24.0
    heard = {soundfile.read(folder / "audio" / f"{r.recording}.flac", dtype="int16")[0].tobytes() for r in recordings}
    stored = [place.store.read(audio_key("radio", r.audio_sha256)) for r in place.rows("radio") if r.speaker == "s0001"]
    assert len(heard) == len(stored) == 12

    assert "nothing changes in dataset radio: s0001 is pengsu already" in place.done("name", "pengsu", "s0001", "--dataset", "radio")[-1]
    assert len(place.versions("radio")) == 2
    assert place.done("list", "radio")[1].split()[:2] == ["s0001", "pengsu"]
    shown = speechmill("dataset", "show", "radio", "--store", place.folder).stdout
    assert "corrected: s0001 was named pengsu\n" in shown
    assert "speech by speaker: s0001 (pengsu) 52.2%" in shown and "kept by speaker: s0001 (pengsu) 0:00:24.00" in shown


def test_later_runs_of_every_dataset_know_a_named_voice(place: Place) -> None:
    place.run("tv", episode("t", 1, 9, seed=5))
    assert place.names("tv") == {}
    place.done("name", "pengsu", "s0001", "--dataset", "radio")
    place.run("tv", episode("u", 2, seed=6))
    place.run("podcast", episode("p", 4, 1, clips=8, seed=7))
    for dataset in ("tv", "podcast"):
        rows, names = place.rows(dataset), place.versions(dataset)[-1].lineage["speakers"]["names"]
        assert {r.title for r in rows if names.get(r.speaker) == "pengsu"} == {"1"} and names == place.names(dataset)
    assert list(place.versions("tv")[-1].lineage["speakers"]["names"].values()) == ["pengsu"]
    rows = place.run("radio", episode("d", 1, 5, seed=8))
    assert ids(rows)["1"] == {"s0001"} and place.names("radio") == {"s0001": "pengsu"}


def test_a_rule_takes_names_also_of_a_voice_that_is_not_there_yet(place: Place) -> None:
    place.done("name", "pengsu", "s0002", "--dataset", "radio")
    rows = place.run("radio", episode("d", 4, seed=1), speakers="pengsu,s0003")
    assert {r.title for r in rows if r.kept} == {"2", "3"}
    assert {r.reason for r in rows if not r.kept} == {"speaker"}
    assert not any(r.kept for r in place.run("tv", episode("t", 7), speakers="pengsu"))
    assert {r.title for r in place.run("tv", episode("u", 2, 8, seed=2), speakers="pengsu") if r.kept} == {"2"}
    with pytest.raises(StageError, match="found nobody: it has s0001 to s0004, and there are the names pengsu"):
        place.run("radio", episode("e", 4, seed=2), speakers="nobody")
    check_law(place, "radio")


def test_a_name_goes_to_another_speaker_and_does_not_come_back_by_itself(place: Place) -> None:
    place.done("name", "pengsu", "s0001", "--dataset", "radio")
    place.done("name", "host", "s0001", "--dataset", "radio")
    assert place.names("radio") == {"s0001": "host"}, "the name that was given last counts"
    first = DatasetStore(place.store, "radio").version().lineage["correction"]["reference"].removeprefix("host/")
    lines = place.done("name", "host", "s0002", "--dataset", "radio")
    assert lines[0].endswith(f"holds 6 clips of s0002, 12.0 s; its version before was {first}")
    assert "s0001 was host and has no name now" in lines[-2]
    assert place.names("radio") == {"s0002": "host"}
    place.run("radio", episode("d", 1, seed=3))
    assert place.names("radio") == {"s0002": "host"}, "its voice is still in the store as pengsu, but a person took its name"


def test_merged_speakers_stay_one_in_later_runs(place: Place) -> None:
    place.done("name", "pengsu", "s0003", "--dataset", "radio")
    lines = place.done("merge", "s0002", "s0003", "--dataset", "radio")
    assert lines[-1] == "merged s0003 (5 clips, 10.0 s) into s0002 (pengsu): version 3 of dataset radio has 2 speakers"
    assert ids(place.rows("radio")) == {"1": {"s0001"}, "2": {"s0002"}, "3": {"s0002"}}
    assert place.versions("radio")[-1].lineage["correction"] == {
        "action": "merge",
        "into": "s0002",
        "clips": {"s0003": {"clips": 5, "seconds": 10.0}},
    }
    assert place.names("radio") == {"s0002": "pengsu"}
    check_law(place, "radio")
    rows = place.run("radio", episode("d", 2, 3, 6, seed=4), episode("c", 3, clips=5, seed=9))  # c is cut again, with other vectors
    assert ids(rows) == {"1": {"s0001"}, "2": {"s0002"}, "3": {"s0002"}, "6": {"s0004"}}
    assert place.names("radio") == {"s0002": "pengsu"} and "correction" not in place.versions("radio")[-1].lineage
    assert "s0003 was merged into s0002; there are s0001, s0002, s0004" in place.refused("merge", "s0001", "s0003", "--dataset", "radio")
    place.done("merge", "s0001", "s0002", "--dataset", "radio")
    rows = place.run("radio", episode("e", 2, 3, seed=5), speakers="s0003")  # an id that a schedule still has
    assert ids(rows)["3"] == ids(rows)["2"] == {"s0001"}
    assert {r.speaker for r in rows if r.kept} == {"s0001"}
    check_law(place, "radio")


def test_a_person_with_two_voices_is_recognized_by_each_of_them(place: Place) -> None:
    place.done("merge", "s0001", "s0003", "--dataset", "radio")
    place.done("name", "pengsu", "s0001", "--dataset", "radio")
    rows = place.run("tv", episode("t", 1, 2, seed=5))
    assert place.names("tv") == dict.fromkeys(ids(rows)["1"], "pengsu")
    rows = place.run("podcast", episode("p", 3, 2, seed=6))
    assert place.names("podcast") == dict.fromkeys(ids(rows)["3"], "pengsu")


def clips_file(folder: Path, rows: Sequence[DatasetRow]) -> Path:
    file = folder / "clips.txt"
    file.write_text("# voice of the guest\n\n" + "\n".join(r.clip for r in rows) + "\n")
    return file


def test_a_voice_that_was_split_off_gets_its_clips_in_later_runs_and_no_name_by_itself(place: Place, tmp_path: Path) -> None:
    together = place.run("tv", episode("t", 1, 2), join_similarity=-1.0)
    assert {r.speaker for r in together} == {"s0001"}, "two voices, taken for one"
    place.done("name", "pengsu", "s0001", "--dataset", "tv")
    guest = [r for r in together if r.title == "2"]
    lines = place.done("split", "s0001", "--clips", clips_file(tmp_path, guest), "--dataset", "tv")
    assert lines[-1] == (
        "split 6 clips, 12.0 s off s0001 (pengsu): they are of the new speaker s0002: version 3 of dataset tv has 2 speakers"
    )
    assert ids(place.rows("tv")) == {"1": {"s0001"}, "2": {"s0002"}}
    check_law(place, "tv")
    rows = place.run("tv", episode("u", 1, 2, 3, seed=1))
    assert ids(rows) == {"1": {"s0001"}, "2": {"s0002"}, "3": {"s0003"}}
    assert place.names("tv") == {"s0001": "pengsu"}, "the voice of pengsu in the store is of both"
    check_law(place, "tv")


def test_a_merge_that_was_wrong_is_undone_by_a_split(place: Place, tmp_path: Path) -> None:
    place.done("merge", "s0001", "s0003", "--dataset", "radio")
    wrong = [r for r in place.rows("radio") if r.title == "3"]
    place.done("split", "s0001", "--clips", clips_file(tmp_path, wrong), "--dataset", "radio")
    rows = place.run("radio", episode("d", 1, 3, seed=6))
    assert ids(rows) == {"1": {"s0001"}, "2": {"s0002"}, "3": {"s0004"}}


def test_what_cannot_be_corrected_is_one_line_and_makes_no_version(place: Place, tmp_path: Path) -> None:
    rows, radio = place.rows("radio"), ("--dataset", "radio")
    other = clips_file(tmp_path, [r for r in rows if r.title in ("2", "3")])
    assert "expected clips of s0002, found c-00000300, which is of s0003, and 4 more" in place.refused(
        "split", "s0002", "--clips", other, *radio
    )
    every = clips_file(tmp_path, [r for r in rows if r.title == "2"])
    assert "expected some of the 6 clips of s0002, found 6" in place.refused("split", "s0002", "--clips", every, *radio)
    assert "found none" in place.refused("split", "s0002", "--clips", clips_file(tmp_path, []), *radio)
    gone = clips_file(tmp_path, [replace(rows[0], clip="z-1")])
    assert "found z-1, which is not there" in place.refused("split", "s0001", "--clips", gone, *radio)
    assert "expected two speakers or more, each once, found s0001" in place.refused("merge", "s0001", *radio)
    assert "each once, found s0001, s0001" in place.refused("merge", "s0001", "s0001", *radio)
    assert "found s0009: there are s0001, s0002, s0003" in place.refused("merge", "s0001", "s0009", *radio)
    assert "expected ids of speakers such as s0001, found host" in place.refused("merge", "s0001", "host", *radio)
    assert "found s0009: there are s0001" in place.refused("name", "pengsu", "s0009", *radio)
    for name in ("dominant", "s0002", "unknown"):
        assert f"expected the name of a person, found {name}" in place.refused("name", name, "s0001", *radio)
    assert "expected a reference name of 1 to 63 lowercase letters" in place.refused("name", "Peng Su", "s0001", *radio)
    assert "expected a version of dataset jazz" in place.refused("merge", "s0001", "s0002", "--dataset", "jazz")
    place.run("quiet", episode("q", 1, clips=1))
    assert "expected 3 s or more in kept clips of s0001, found 2.0 s" in place.refused("name", "pengsu", "s0001", "--dataset", "quiet")
    assert len(place.versions("radio")) == 1 and place.store.folders("references/") == []


def test_a_reference_is_of_typical_clips_of_all_recordings_the_clearest_first() -> None:
    rows = [
        replace(clip(recording, i, x, seconds=5.0), dnsmos_ovrl=1.0 + i)
        for n, recording in enumerate("ab")
        for i, x in enumerate(vectors_of(1, 8, seed=n))
    ]
    strange = [replace(clip("a", 90 + i, x, seconds=5.0), dnsmos_ovrl=5.0) for i, x in enumerate(vectors_of(2, 2))]
    found = best_clips([*rows, *strange, replace(rows[0], clip="copy")])
    assert sum(r.samples for r in found) == WANTED_SECONDS * SAMPLE_RATE_HZ
    assert {r.recording for r in found} == {"a", "b"} and not {r.clip for r in strange} & {r.clip for r in found}
    for recording in "ab":
        own = [r.dnsmos_ovrl for r in found if r.recording == recording]
        assert own == sorted(own, reverse=True)
    assert len({r.audio_sha256 for r in found}) == len(found)
    assert best_clips([]) == []


def test_vectors_of_another_encoder_are_not_compared(place: Place) -> None:
    place.done("name", "pengsu", "s0001", "--dataset", "radio")
    shorter = [replace(r, vector=Vector(r.vector[: 4 * 192]), voice_by="campplus") for r in episode("t", 1)]
    place.run("tv", shorter)
    assert place.names("tv") == {}
