"""OpenLineage events of the runs that make versions of a dataset: what they read, what they wrote, and how much of it was kept.

An event holds nothing that the store does not hold. The URLs of rows are free of secrets, and lineage holds no sources.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from typing import Any

import attr
import pyarrow as pa
import pyarrow.compute as pc
from openlineage.client import event_v2 as events
from openlineage.client import facet_v2 as facets
from openlineage.client.generated.base import DatasetFacet, EventType
from openlineage.client.generated.data_quality_metrics_dataset import ColumnMetrics, DataQualityMetricsDatasetFacet

from components.shared.network import public_text
from components.shared.rows import DatasetRow
from components.shared.rules import UNKNOWN
from components.shared.table import schema
from pipelines.datasets.facts import Amount, Facts, Source, amounts, distinct, filled, sources
from store.datasets import Version

PRODUCER = f"urn:speechmill:{version_of('speechmill')}"
INTEGRATION = "SPEECHMILL"
MOST_SOURCES = 1000
"""Largest number of sources in an event; the tag `speechmill.sources_left_out` of the run counts the others, which have least sound."""
_RUN_TIME = re.compile(r"(\d{8}T\d{6})-[0-9a-f]{6}")
_ABOUT = "Makes versions of a speech dataset from recordings."

events.set_producer(PRODUCER)


@attr.define(kw_only=True)
class SelectionFacet(DatasetFacet):  # type: ignore[misc]
    """What a version keeps and rejects. The names are those of docs/lineage.md."""

    keptClips: int  # noqa: N815
    rejectedClips: dict[str, int]  # noqa: N815
    """Rejected clips by reason."""
    seconds: dict[str, float]
    """Seconds of all recordings by outcome: `kept`, or the reason of rejection."""

    @staticmethod
    def _get_schema() -> str:
        return "urn:speechmill:openlineage:selection:1"


def run_uuid(dataset: str, run: str) -> str:
    """The UUID of a run: that of Kubeflow, or one that is made of the names of the run and its dataset."""
    try:
        return str(uuid.UUID(run))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"speechmill:{dataset}:{run}"))


def started(run: str) -> datetime | None:
    """When a run of the command began, by its id. None for a run of Kubeflow, whose id has no time."""
    found = _RUN_TIME.fullmatch(run)
    return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if found else None


def start(namespace: str, store_uri: str, dataset: str, run: str, at: datetime, parameters: Mapping[str, Any]) -> events.RunEvent:
    """The event of a run that begins. `parameters` are the settings of stages by their pipeline names, such as `cut_max_seconds`."""
    own = _run(dataset, run, parameters, [])
    return _event(EventType.START, at, own, _job(namespace, dataset), [], [_output(store_uri, dataset)])


def complete(namespace: str, facts: Facts, at: datetime) -> events.RunEvent:
    """The event of a run that made a version."""
    read = sources(facts.rows)
    run = _run(facts.dataset, facts.version.run, parameters_of(facts.version), _made_by(facts, len(read) - MOST_SOURCES))
    return _event(EventType.COMPLETE, at, run, _job(namespace, facts.dataset), _inputs(read[:MOST_SOURCES]), [_version(facts)])


def complete_without_version(namespace: str, dataset: str, run: str, at: datetime) -> events.RunEvent:
    """The event of a run that found nothing new, and so wrote nothing."""
    return _event(EventType.COMPLETE, at, _run(dataset, run, {}, []), _job(namespace, dataset), [], [])


def failed(namespace: str, dataset: str, run: str, at: datetime, message: str, *, aborted: bool) -> events.RunEvent:
    """The event of a run that failed, or that a person interrupted (`aborted`). URLs in the message lose their secrets."""
    error = facets.error_message_run.ErrorMessageRunFacet(message=public_text(message), programmingLanguage="PYTHON")
    own = _run(dataset, run, {}, [], errorMessage=error)
    return _event(EventType.ABORT if aborted else EventType.FAIL, at, own, _job(namespace, dataset), [], [])


def of_version(namespace: str, facts: Facts) -> list[events.RunEvent]:
    """START and COMPLETE of the run that made a version, at the times when they happened as far as the version tells.

    A run of Kubeflow does not tell its start, so both events have the time of the version.
    """
    version = facts.version
    begun = start(namespace, facts.store_uri, facts.dataset, version.run, started(version.run) or facts.made, parameters_of(version))
    return [begun, complete(namespace, facts, facts.made)]


def parameters_of(version: Version) -> dict[str, Any]:
    """The settings of all stages that made a version, by their pipeline names."""
    stages = version.lineage.get("stages", {})
    return {f"{stage}_{name}": value for stage, own in stages.items() for name, value in own.get("settings", {}).items()}


def _event(
    kind: EventType,
    at: datetime,
    run: events.Run,
    job: events.Job,
    inputs: list[events.InputDataset],
    outputs: list[events.OutputDataset],
) -> events.RunEvent:
    return events.RunEvent(
        eventType=kind, eventTime=at.isoformat(timespec="milliseconds"), run=run, job=job, inputs=inputs, outputs=outputs
    )


def _run(dataset: str, run: str, parameters: Mapping[str, Any], tags: Sequence[tuple[str, str]], **more: Any) -> events.Run:
    given = [
        facets.execution_parameters_run.ExecutionParameter(key=name, name=name, value=str(value))
        for name, value in sorted(parameters.items())
    ]
    known = {
        "processing_engine": facets.processing_engine_run.ProcessingEngineRunFacet(
            name="Speechmill", version=version_of("speechmill"), openlineageAdapterVersion=version_of("openlineage-python")
        ),
        "tags": facets.tags_run.TagsRunFacet(
            tags=[facets.tags_run.TagsRunFacetFields(key, value, INTEGRATION) for key, value in [("speechmill.run", run), *tags]]
        ),
    }
    if given:
        known["executionParameters"] = facets.execution_parameters_run.ExecutionParametersRunFacet(parameters=given)
    return events.Run(runId=run_uuid(dataset, run), facets=known | more)


def _made_by(facts: Facts, left_out: int) -> list[tuple[str, str]]:
    """Tags of a run: the images, whose names end in a hash of their code, and the models."""
    tags = [(f"image.{stage}", own["image"]) for stage, own in facts.stages.items() if "image" in own]
    tags += [(f"model.{stage}.{name}", model) for stage, own in facts.models.items() for name, model in own.items()]
    return [*sorted(tags), *([("speechmill.sources_left_out", str(left_out))] if left_out > 0 else [])]


def _job(namespace: str, dataset: str) -> events.Job:
    known = {
        "jobType": facets.job_type_job.JobTypeJobFacet(processingType="BATCH", integration=INTEGRATION, jobType="PIPELINE"),
        "documentation": facets.documentation_job.DocumentationJobFacet(description=_ABOUT),
    }
    return events.Job(namespace=namespace, name=f"dataset.{dataset}", facets=known)


def _inputs(read: Sequence[Source]) -> list[events.InputDataset]:
    return [
        events.InputDataset(
            namespace=source.namespace,
            name=source.name,
            facets={
                "dataSource": facets.datasource_dataset.DatasourceDatasetFacet(name=source.namespace, uri=source.uri),
                "tags": _tags([("licence", licence or UNKNOWN) for licence in source.licences]),
            },
            inputFacets={
                "inputStatistics": facets.input_statistics_input_dataset.InputStatisticsInputDatasetFacet(fileCount=source.recordings)
            },
        )
        for source in read
    ]


def _output(store_uri: str, dataset: str, **more: Any) -> events.OutputDataset:
    """The dataset, named as OpenLineage names objects in buckets and files."""
    bucket, place = store_uri.startswith("s3://"), f"{store_uri.rstrip('/')}/datasets/{dataset}"
    namespace, name = (store_uri.rstrip("/"), f"datasets/{dataset}") if bucket else ("file", place)
    uri = store_uri if bucket else f"file://{store_uri}"
    own = {"dataSource": facets.datasource_dataset.DatasourceDatasetFacet(name=store_uri, uri=uri)}
    return events.OutputDataset(namespace=namespace, name=name, facets=own | more.pop("facets", {}), **more)


def _version(facts: Facts) -> events.OutputDataset:
    """The dataset with what is known of the version that was written."""
    rejected = amounts(facts.rows.filter(pc.invert(facts.rows["kept"])), "reason")
    fields = [facets.schema_dataset.SchemaDatasetFacetFields(name=f.name, type=str(f.type)) for f in schema(DatasetRow)]
    known = {
        "version": facets.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(facts.version.number)),
        "schema": facets.schema_dataset.SchemaDatasetFacet(fields=fields),
        "dataQualityMetrics": DataQualityMetricsDatasetFacet(rowCount=facts.rows.num_rows, columnMetrics=_metrics(facts.rows)),
        "speechmill_selection": SelectionFacet(
            keptClips=facts.kept.num_rows, rejectedClips=_by_rule(rejected), seconds=facts.seconds_by_outcome
        ),
        "tags": _tags(
            [
                ("speechmill.identity", facts.identity),
                ("speechmill.sources_sha256", facts.sources_sha256),
                *(("licence", amount.value or UNKNOWN) for amount in amounts(facts.kept, "licence")),
            ]
        ),
    }
    written = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=facts.rows.num_rows)
    return _output(facts.store_uri, facts.dataset, facets=known, outputFacets={"outputStatistics": written})


def _by_rule(rejected: Sequence[Amount]) -> dict[str, int]:
    """Rejected clips by reason, which ends at its colon."""
    found: dict[str, int] = {}
    for amount in rejected:
        rule = amount.value.partition(":")[0]
        found[rule] = found.get(rule, 0) + amount.clips
    return found


def _metrics(rows: pa.Table) -> dict[str, ColumnMetrics]:
    """Numbers with their range, and of texts how many are empty, which means unknown, and how many differ."""
    numbers = {name: _range(rows[name]) for name in ("seconds", "dnsmos_ovrl", "snr_db")}
    texts = {
        name: ColumnMetrics(nullCount=rows.num_rows - filled(rows, name).num_rows, distinctCount=distinct(rows, name))
        for name in ("licence", "gender", "speaker", "tone", "language", "text")
    }
    return numbers | {"kept": ColumnMetrics(count=rows.num_rows, sum=pc.sum(rows["kept"]).as_py() or 0)} | texts


def _range(column: "pa.ChunkedArray[Any]") -> ColumnMetrics:
    found: dict[str, Any] = pc.min_max(column).as_py()  # type: ignore[assignment]
    known = len(column) - column.null_count
    return ColumnMetrics(nullCount=column.null_count, count=known, sum=pc.sum(column).as_py(), min=found["min"], max=found["max"])


def _tags(known: Sequence[tuple[str, str]]) -> facets.tags_dataset.TagsDatasetFacet:
    fields = [facets.tags_dataset.TagsDatasetFacetFields(key=key, value=value, source=INTEGRATION) for key, value in known]
    return facets.tags_dataset.TagsDatasetFacet(tags=fields)
