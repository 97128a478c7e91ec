"""A real run whose report can be compared with the published dataset."""

import pytest

from tests.end_to_end.runs import Dataset, speechmill
from tests.report import show


@pytest.fixture(scope="session")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The dataset of a run over a show with removable sounds, a file that is no audio and a missing file."""
    folder = tmp_path_factory.mktemp("evening")
    bell, dataset = show.make(folder / "show"), Dataset(folder / "store", "evening")
    added = speechmill("effects", "add", "bell", bell, "--store", dataset.uri)
    assert added.returncode == 0, added.stdout + added.stderr
    sources = f"{folder / 'show'}, {folder / 'missing.mp3'}"
    dataset.run("--sources", sources, "--separate-effects", "bell", "--publish-min-dnsmos", 2)
    return dataset
