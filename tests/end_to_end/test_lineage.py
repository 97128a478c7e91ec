"""A run on this machine tells an OpenLineage service when it starts and how it ends."""

from pathlib import Path

import pytest

from tests import command
from tests.end_to_end.runs import SMALL, Dataset
from tests.end_to_end.test_lost import UNMEASURED, noise
from tests.receiver import receiving


@pytest.mark.usefixtures("stand_ins")
def test_a_run_is_reported_as_it_happens(tmp_path: Path) -> None:
    noise(tmp_path / "tape.flac", 1)
    dataset = Dataset(tmp_path / "store", "tapes")
    given = ("run", *SMALL, *UNMEASURED, "--store", dataset.uri, "--dataset", "tapes", "--sources", tmp_path / "tape.flac")
    with receiving() as service:

        def run(*options: str) -> list[str]:
            """Runs and returns the kinds of the events that it sent."""
            service.received.clear()
            command.speechmill(*given, *options, OPENLINEAGE_URL=service.url)
            assert len({e["run"]["runId"] for e in service.bodies}) == 1
            return [e["eventType"] for e in service.bodies]

        assert run() == ["START", "COMPLETE"]
        start, complete = service.bodies
        version = dataset.store().version()
        assert {t["key"]: t["value"] for t in complete["run"]["facets"]["tags"]["tags"]}["speechmill.run"] == version.run
        assert {p["key"]: p["value"] for p in start["run"]["facets"]["executionParameters"]["parameters"]}["denoise_chain"] == "none"
        assert [(i["namespace"], i["name"]) for i in complete["inputs"]] == [("file", str(tmp_path))]
        (output,) = complete["outputs"]
        assert output["name"] == f"{dataset.uri}/datasets/tapes" and output["facets"]["version"]["datasetVersion"] == "1"
        assert output["facets"]["speechmill_selection"]["keptClips"] > 0

        assert run() == ["START", "COMPLETE"]
        assert service.bodies[1]["outputs"] == [], "it found nothing new"

        assert run("--publish-tones", "calm") == ["START", "FAIL"]
        assert "tag_tone" in service.bodies[1]["run"]["facets"]["errorMessage"]["message"]
    assert dataset.versions() == 1
