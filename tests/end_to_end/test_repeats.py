"""Two episodes with the same advertisement: it is found, listed, and refused on request."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.shared.audio import FlacWriter, decode
from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from store.fingerprints import FingerprintStore
from store.objects import open_store
from store.repeats import RepeatStore
from tests.end_to_end.runs import Dataset, host_of_the_sample, speechmill, stages_that_ran
from tests.places import SAMPLE

OWN_SECONDS = {"one": (10.0, 22.0), "two": (27.0, 43.0)}
"""Stretches of the sample's second episode before the advertisement, so that it starts at a different time in each file."""

REFUSE = ("--publish-refuse-repeats", "--publish-min-repeat-seconds")
QUICK = (
    "--no-diarize-enabled",
    "--no-tag-tone-enabled",
    "--no-tag-quality-enabled",
    "--no-tag-events-enabled",
    "--no-segment-detect-gender",
    "--denoise-chain",
    "none",
)
"""Options that switch off the stages that measure or change clips."""


def sound(path: Path, start: float = 0.0, end: float = 60.0) -> NDArray[np.floating]:
    mono = np.concatenate(list(decode(path, SAMPLE_RATE_HZ))).mean(axis=1)
    return mono[round(start * SAMPLE_RATE_HZ) : round(end * SAMPLE_RATE_HZ)]


@pytest.fixture
def show(tmp_path: Path) -> tuple[Dataset, float]:
    """A published dataset of two files, and the seconds of the advertisement that both end with."""
    advertisement = np.concatenate([sound(path) for path in host_of_the_sample(tmp_path)])
    (media := tmp_path / "media").mkdir()
    for name, stretch in OWN_SECONDS.items():
        with FlacWriter(media / f"{name}.flac") as file:
            file.write(sound(SAMPLE / "episode-2.opus", *stretch))
            file.write(advertisement)
    dataset = Dataset(tmp_path / "store", "show")
    done = dataset.run("--sources", media, *QUICK, *REFUSE, 20)
    assert "fingerprint" in stages_that_ran(done)
    return dataset, len(advertisement) / SAMPLE_RATE_HZ


def share(row: DatasetRow) -> float:
    """Share of a clip that lies in the advertisement."""
    start, end = OWN_SECONDS[Path(row.source).stem]
    return max(0.0, row.end - max(row.start, end - start)) / (row.end - row.start)


@pytest.mark.slow
def test_a_repeated_advertisement_is_found_listed_and_kept_only_once(show: tuple[Dataset, float]) -> None:
    dataset, seconds = show
    store, before = open_store(dataset.uri), dataset.rows()
    assert set(FingerprintStore(store, "show").recordings()) == {r.recording for r in before}
    (repeat,) = RepeatStore(store, "show").rows()
    assert {repeat.recording, repeat.first_recording} == {r.recording for r in before}
    assert abs(repeat.end - repeat.start - seconds) < 1

    listed = speechmill("dataset", "repeats", "show", "--store", dataset.folder)
    assert listed.returncode == 0, listed.stderr
    long, heard, recordings, *_ = listed.stdout.splitlines()[1].split()
    assert abs(float(long) - seconds) < 1 and (heard, recordings) == ("2", "2")

    assert all(r.kept or r.reason == "too_short" for r in before), "no repeat is as long as 20 s"
    done = speechmill("dataset", "select", "show", "--store", dataset.folder, *REFUSE, 6)
    assert done.returncode == 0, done.stderr
    refused = {r.clip: r for r in dataset.rows() if r.reason.startswith("repeats:")}
    assert refused and set(refused) == {r.clip for r in before if r.kept and r.recording == repeat.recording and share(r) > 0.5}
    kept = {r.clip: r for r in dataset.rows() if r.kept}
    for row in refused.values():
        assert kept[row.reason.removeprefix("repeats:")].recording == repeat.first_recording
