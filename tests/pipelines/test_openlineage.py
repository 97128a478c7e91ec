"""OpenLineage events as a service on loopback receives them, checked against the classes of OpenLineage's client and its schemas."""

import importlib
import json
import os
import pkgutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openlineage.client.generated as generated
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openlineage.client.generated.base import RunEvent
from referencing import Registry, Resource

from components.shared.task import StageError
from pipelines.datasets.events import of_version
from pipelines.datasets.facts import facts_of
from pipelines.datasets.lineage import reported
from pipelines.local.embedded import environment_of
from store.datasets import DatasetStore
from store.objects import open_store
from tests.command import speechmill
from tests.lineage_store import BY, BY_TEXT, HOSTILE, NAME, RUN, fill
from tests.receiver import Receiver, receiving

KEY = "k3y-of-the-service"
SPEC = os.environ.get("SPEECHMILL_OPENLINEAGE_SPEC", "")
"""The folder spec/ of OpenLineage's repository, with the schemas; most machines lack it."""
OWN = "speechmill_selection"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fill(tmp_path / "store")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """An OpenLineage service that the environment names."""
    with receiving() as server:
        monkeypatch.setenv("OPENLINEAGE_URL", server.url)
        monkeypatch.setenv("OPENLINEAGE_API_KEY", KEY)
        yield server


def log(store: Path, **environment: str) -> str:
    """Sends the events of the newest version; returns the last word of the output."""
    done = speechmill("dataset", "log", NAME, "--store", store, "--openlineage", **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def facets(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All facets of an event with their names."""
    owners = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for owner in owners:
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from owner.get(kind, {}).items()


def check_by_client(event: dict[str, Any]) -> None:
    """Makes the classes of the client out of an event and its facets: they refuse unknown fields, and ids and times that are none."""
    modules = [importlib.import_module(m.name) for m in pkgutil.iter_modules(generated.__path__, f"{generated.__name__}.")]
    kinds = [c for m in modules for c in vars(m).values() if isinstance(c, type) and "_get_schema" in vars(c)]
    by_schema: dict[str, Callable[..., Any]] = {c._get_schema(): c for c in kinds}  # type: ignore[attr-defined]
    RunEvent(**{k: v for k, v in event.items() if k != "schemaURL"})
    by_schema["https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/Run"](**event["run"])
    for name, facet in facets(event):
        given = {k: v for k, v in facet.items() if k not in ("_producer", "_schemaURL")}
        assert facet["_producer"].startswith("urn:speechmill:")
        if name != OWN:
            by_schema[facet["_schemaURL"]](**given)


def check_by_schemas(event: dict[str, Any], spec: Path) -> None:
    """Validates an event and its facets, whose names must be those that the schemas give them."""
    schemas = {path.stem: json.loads(path.read_text()) for path in [spec / "OpenLineage.json", *(spec / "facets").glob("*.json")]}
    registry: Registry[Any] = Registry().with_resources([(s["$id"], Resource.from_contents(s)) for s in schemas.values()])

    def validate(what: Any, schema: dict[str, Any]) -> None:
        Draft202012Validator(schema, registry=registry, format_checker=FormatChecker()).validate(what)

    validate(event, {"$ref": f"{schemas['OpenLineage']['$id']}#/$defs/RunEvent"})
    for name, facet in facets(event):
        if name != OWN:
            schema = schemas[facet["_schemaURL"].rpartition("/$defs/")[2]]
            assert name in schema["properties"]
            validate({name: facet}, schema)


def test_a_version_becomes_start_and_complete_of_the_run_that_made_it(store: Path, service: Receiver) -> None:
    run = log(store)
    start, complete = service.bodies
    assert {r.path for r in service.received} == {"/api/v1/lineage"}
    assert [(e["eventType"], e["run"]["runId"]) for e in (start, complete)] == [("START", run), ("COMPLETE", run)]
    assert str(uuid.UUID(run)) == run and log(store) == run, "the same run has the same id"
    assert start["eventTime"].startswith("2026-11-30T10:11:12") and start["eventTime"] < complete["eventTime"]
    assert {(e["job"]["namespace"], e["job"]["name"]) for e in (start, complete)} == {("speechmill", "dataset.radio")}
    for event in (start, complete):
        check_by_client(event)


@pytest.mark.skipif(not SPEC, reason="SPEECHMILL_OPENLINEAGE_SPEC does not name OpenLineage's schemas")
def test_all_events_are_valid_by_the_schemas_of_openlineage(store: Path, service: Receiver) -> None:
    log(store)
    with reported(open_store(str(store)), NAME, "20261130T101113-a1b2c3", {"cut_max_seconds": 12.0}):
        pass
    for error in (StageError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)), reported(open_store(str(store)), NAME, "20261130T101113-a1b2c4", {}):
            raise error
    kinds = [event["eventType"] for event in service.bodies]
    assert kinds == ["START", "COMPLETE", "START", "COMPLETE", "START", "FAIL", "START", "ABORT"]
    for event in service.bodies:
        check_by_schemas(event, Path(SPEC))


def test_the_sources_are_inputs_with_their_licenses(store: Path, service: Receiver) -> None:
    log(store)
    found = {
        (i["namespace"], i["name"]): (i["inputFacets"]["inputStatistics"]["fileCount"], [t["value"] for t in i["facets"]["tags"]["tags"]])
        for i in service.bodies[1]["inputs"]
    }
    assert found == {
        ("https://radio.example", "Evening"): (1, [BY]),
        ("https://radio.example", HOSTILE): (1, [BY_TEXT]),
        ("file", "/srv/tapes"): (1, ["unknown"]),
    }


def test_the_dataset_is_the_output_with_version_schema_counts_and_reasons(store: Path, service: Receiver) -> None:
    log(store)
    (output,) = service.bodies[1]["outputs"]
    assert (output["namespace"], output["name"]) == ("file", f"{store}/datasets/radio")
    own = output["facets"]
    assert own["version"]["datasetVersion"] == "1"
    assert {f["name"]: f["type"] for f in own["schema"]["fields"]}["licence"] == "string"
    assert own["dataSource"]["uri"] == f"file://{store}"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == own["dataQualityMetrics"]["rowCount"] == 4
    metrics = own["dataQualityMetrics"]["columnMetrics"]
    assert (metrics["kept"]["sum"], metrics["seconds"]["sum"], metrics["seconds"]["max"]) == (3, 8.0, 2.0)
    assert (metrics["dnsmos_ovrl"]["nullCount"], metrics["dnsmos_ovrl"]["min"], metrics["dnsmos_ovrl"]["max"]) == (2, 1.5, 3.5)
    assert (metrics["licence"]["nullCount"], metrics["licence"]["distinctCount"]) == (1, 2)
    assert (own[OWN]["keptClips"], own[OWN]["rejectedClips"]) == (3, {"dnsmos": 1})
    assert own[OWN]["seconds"] == {"kept": 6.0, "dnsmos": 2.0, "music": 4.0}


def test_a_dataset_in_a_bucket_has_the_bucket_as_its_namespace(store: Path) -> None:
    dataset = DatasetStore(open_store(str(store)), NAME)
    _, complete = of_version("voices", facts_of("s3://speech", dataset, dataset.version()))
    (output,) = complete.outputs
    assert (output.namespace, output.name, output.facets["dataSource"].uri) == ("s3://speech", "datasets/radio", "s3://speech")


def test_the_run_says_its_settings_images_and_models(store: Path, service: Receiver) -> None:
    log(store)
    run = service.bodies[1]["run"]["facets"]
    assert {p["key"]: p["value"] for p in run["executionParameters"]["parameters"]}["publish_min_dnsmos"] == "2.5"
    tags = {t["key"]: t["value"] for t in run["tags"]["tags"]}
    assert (tags["speechmill.run"], tags["image.cut"]) == (RUN, "speechmill/cut:0123456789abcdef")
    assert {k: v for k, v in tags.items() if k.startswith("model")} == {"model.separate.model": "small/0123456789ab"}


def test_the_key_goes_to_the_service_and_is_in_no_event_no_stage_and_no_variable_of_another_name(store: Path, service: Receiver) -> None:
    log(store)
    assert {r.headers["Authorization"] for r in service.received} == {f"Bearer {KEY}"}
    assert KEY not in json.dumps(service.bodies)
    assert KEY not in "".join(environment_of(Path("/usr/bin/python3")).values())
    assert [name for name, value in os.environ.items() if KEY in value] == ["OPENLINEAGE_API_KEY"]


def test_a_run_of_kubeflow_keeps_its_uuid(tmp_path: Path, service: Receiver) -> None:
    run = "0b0c8c4e-4c9e-4f0e-9d5e-0a8f6c1c7b11"
    assert log(fill(tmp_path / "store", run=run)) == run
    start, complete = service.bodies
    assert start["eventTime"] == complete["eventTime"], "a version does not tell when a run of Kubeflow began"


def test_events_go_to_a_file_and_to_another_namespace_if_the_environment_says_so(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    log(
        store,
        OPENLINEAGE__TRANSPORT__TYPE="file",
        OPENLINEAGE__TRANSPORT__LOG_FILE_PATH=str(file),
        OPENLINEAGE__TRANSPORT__APPEND="true",
        OPENLINEAGE_NAMESPACE="voices",
    )
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(e["eventType"], e["job"]["namespace"]) for e in found] == [("START", "voices"), ("COMPLETE", "voices")]


def test_nothing_is_sent_if_nothing_says_where_to(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as server:
        (tmp_path / "openlineage.yml").write_text(json.dumps({"transport": {"type": "http", "url": server.url}}))
        monkeypatch.chdir(tmp_path)
        done = speechmill("dataset", "log", NAME, "--store", store, "--openlineage")
        assert done.returncode != 0 and "error: expected OPENLINEAGE_URL, OPENLINEAGE_CONFIG or" in done.stderr
        with reported(open_store(str(store)), NAME, "run", {}):
            pass
        monkeypatch.setenv("OPENLINEAGE_URL", server.url)
        monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
        with reported(open_store(str(store)), NAME, "run", {}):
            pass
        assert server.received == []
        monkeypatch.delenv("OPENLINEAGE_DISABLED")
        with reported(open_store(str(store)), NAME, "run", {}):
            pass
        assert [e["eventType"] for e in server.bodies] == ["START", "COMPLETE"]


def test_selecting_again_is_reported_as_it_happens(store: Path, service: Receiver) -> None:
    done = speechmill("dataset", "select", NAME, "--store", store, "--publish-min-dnsmos", "0")
    assert done.returncode == 0, done.stderr
    start, complete = service.bodies
    made = DatasetStore(open_store(str(store)), NAME).version()
    assert made.number == 2
    assert {t["key"]: t["value"] for t in complete["run"]["facets"]["tags"]["tags"]}["speechmill.run"] == made.run
    assert (start["eventType"], start["outputs"][0]["facets"].keys()) == ("START", {"dataSource"})
    assert {p["key"]: p["value"] for p in start["run"]["facets"]["executionParameters"]["parameters"]}["publish_min_dnsmos"] == "0.0"
    (output,) = complete["outputs"]
    assert (output["facets"]["version"]["datasetVersion"], output["facets"][OWN]["keptClips"]) == ("2", 4)
    service.received.clear()
    assert log(store) == start["run"]["runId"] == complete["run"]["runId"], "live events and later ones are of one run"
    assert service.bodies[1]["outputs"] == complete["outputs"]


def test_a_selection_that_fails_is_reported_with_its_error(store: Path, service: Receiver) -> None:
    done = speechmill("dataset", "select", NAME, "--store", store, "--publish-genders", "female")
    assert done.returncode != 0
    start, failed = service.bodies
    check_by_client(failed)
    assert (failed["eventType"], failed["run"]["runId"], failed["outputs"]) == ("FAIL", start["run"]["runId"], [])
    error = failed["run"]["facets"]["errorMessage"]
    assert error["message"].startswith("publish: ") and "genders" in error["message"] and error["programmingLanguage"] == "PYTHON"


def test_an_error_s_message_has_no_secrets_and_ctrl_c_is_an_abort(store: Path, service: Receiver) -> None:
    opened = open_store(str(store))
    with pytest.raises(StageError), reported(opened, NAME, "run-1", {}):
        raise StageError("discover: could not read https://ann:pw@radio.example/feed?token=t0ken&page=2")
    with pytest.raises(KeyboardInterrupt), reported(opened, NAME, "run-2", {}):
        raise KeyboardInterrupt
    failed, aborted = service.bodies[1], service.bodies[3]
    assert failed["run"]["facets"]["errorMessage"]["message"] == "discover: could not read https://radio.example/feed?page=2"
    assert (aborted["eventType"], aborted["run"]["facets"]["errorMessage"]["message"]) == ("ABORT", "interrupted")


def test_a_run_that_finds_nothing_new_completes_without_an_output(store: Path, service: Receiver) -> None:
    with reported(open_store(str(store)), NAME, "20261130T101113-a1b2c3", {}):
        pass
    assert [(e["eventType"], len(e["outputs"])) for e in service.bodies] == [("START", 1), ("COMPLETE", 0)]


def test_a_service_that_refuses_does_not_harm_a_run(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving(lambda method, path: (400, {})) as server:
        monkeypatch.setenv("OPENLINEAGE_URL", server.url)
        with reported(open_store(str(store)), NAME, "run", {}):
            worked = True
        assert worked and len(server.received) == 2
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 2 and all(
            line.startswith("an OpenLineage event was not sent: expected the OpenLineage service") for line in said
        )
        done = speechmill("dataset", "log", NAME, "--store", store, "--openlineage")
        assert done.returncode == 1 and "error: expected the OpenLineage service to take an event, found HTTPError: 400" in done.stderr
