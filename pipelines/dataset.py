"""The dataset pipeline: turns a list of sources into one version of a dataset."""

from typing import Any

from kfp import dsl
from kfp.dsl import Dataset, Input, Model

from components.collect.component import collect
from components.cut.component import cut
from components.denoise.component import denoise
from components.deployment import Deployment, deployed
from components.diarize.component import diarize
from components.discover.component import discover
from components.download.component import download
from components.extract.component import extract
from components.fingerprint.component import fingerprint
from components.publish.component import publish
from components.report.component import report
from components.segment.component import segment
from components.separate.component import separate
from components.stage import Settings, pipeline_of, settings_of
from components.tag_events.component import tag_events
from components.tag_quality.component import tag_quality
from components.tag_speaker.component import tag_speaker
from components.tag_tone.component import tag_tone
from components.transcribe.component import transcribe
from pipelines.inputs.slots import (
    EXTRACT,
    REFERENCE,
    SEPARATE,
    SEPARATE_EFFECTS,
    TAG_TONE,
    TRANSCRIBE,
    TRANSCRIBE_SECOND,
    Slot,
    bundled,
    uri,
)

SHARD_STAGES = (
    download,
    fingerprint,
    separate,
    segment,
    diarize,
    cut,
    denoise,
    extract,
    tag_speaker,
    tag_tone,
    tag_quality,
    tag_events,
    transcribe,
    collect,
)
STAGES = (discover, *SHARD_STAGES, publish, report)
SHARDS_AT_ONCE = 4
STORE = "s3://speechmill"
"""The default store, which manifests/ creates."""


@settings_of(*SHARD_STAGES)
def shards(
    shards: list[str],
    dataset: str,
    store: str,
    allow_private: bool,
    separate_model: Input[Model],
    extract_model: Input[Model],
    tag_tone_model: Input[Model],
    transcribe_model: Input[Model],
    transcribe_second_model: Input[Model],
    reference: Input[Dataset],
    separate_effects: Input[Dataset],
    *,
    settings: Settings,
) -> list[Dataset]:
    """Processes each shard; every stage is one line."""
    with dsl.ParallelFor(shards, name="shard", parallelism=SHARDS_AT_ONCE) as shard:
        recordings = download(shard=shard, store=store, allow_private=allow_private, **settings(download)).output
        fingerprints = fingerprint(recordings=recordings, **settings(fingerprint)).output
        separated = separate(recordings=recordings, model=separate_model, effects=separate_effects, **settings(separate)).outputs
        voices, removed = separated["voices"], separated["removed"]
        segments = segment(voices=voices, **settings(segment)).output
        turns = diarize(voices=voices, segments=segments, reference=reference, **settings(diarize)).output
        clips = cut(voices=voices, segments=segments, turns=turns, **settings(cut)).output
        clean = denoise(voices=voices, segments=segments, **settings(denoise)).output
        extracted = extract(clean=clean, turns=turns, model=extract_model, **settings(extract)).output
        sound = {"clean": clean, "extracted": extracted, "clips": clips}
        engines = {"model": transcribe_model, "second_model": transcribe_second_model}
        tags = {
            "speakers": tag_speaker(turns=turns, clips=clips, **settings(tag_speaker)).output,
            "tones": tag_tone(**sound, turns=turns, model=tag_tone_model, **settings(tag_tone)).output,
            "quality": tag_quality(**sound, **settings(tag_quality)).output,
            "events": tag_events(recordings=recordings, clips=clips, **settings(tag_events)).output,
            "transcripts": transcribe(**sound, **engines, **settings(transcribe)).output,
        }
        wiring = {"shard": shard, "dataset": dataset, "store": store}
        heard = {"removed": removed, "fingerprints": fingerprints, "segments": segments, "turns": turns}
        part = collect(**wiring, recordings=recordings, **heard, **sound, **tags).output
    return dsl.Collected(part)


def _imported(address: str, kind: type[Model] | type[Dataset], name: str) -> Any:
    """Returns the artifact at an address.

    Its name in the metadata makes it an artifact of its own: Kubeflow gives all importers of one address the same artifact otherwise, and
    a task with the same artifact at two inputs fails. Two slots without a model have the same address.
    """
    return dsl.importer(artifact_uri=address, artifact_class=kind, metadata={"slot": name}).output


def _default(slot: Slot) -> str:
    return uri(STORE, slot, bundled(slot))


def build(deployment: Deployment) -> Any:
    """Builds the pipeline for a deployment. It runs with the defaults of all parameters."""
    with deployed(deployment):
        work = dsl.pipeline(name="shards")(shards)

        @pipeline_of(
            *STAGES,
            name="dataset",
            description="Sources become a version of a dataset: clean, single-speaker clips with everything measured about them.",
        )
        def pipeline(  # type: ignore[no-untyped-def]  # kfp takes a missing annotation, not None
            sources: str = "sample:",
            dataset: str = "sample",
            store: str = STORE,
            allow_private: bool = False,
            separate_model: str = _default(SEPARATE),
            extract_model: str = _default(EXTRACT),
            tag_tone_model: str = _default(TAG_TONE),
            transcribe_model: str = _default(TRANSCRIBE),
            transcribe_second_model: str = _default(TRANSCRIBE_SECOND),
            reference: str = _default(REFERENCE),
            separate_effects: str = _default(SEPARATE_EFFECTS),
            *,
            settings: Settings,
        ):
            """Makes one version of a dataset. `publish` runs once, after all shards, even if nothing is new.

            Args:
                sources: Sources of recordings, separated by commas or lines: YouTube videos, playlists and channels, RSS feeds,
                    podbbang channels, media URLs, and files and folders in a bucket.
                dataset: Name of the dataset that gets a new version.
                store: URI of the bucket that holds datasets and models.
                allow_private: Whether to also fetch from loopback and private addresses.
            """

            def shown(published: Any) -> None:
                report(dataset=dataset, store=store, version=published.outputs["version_number"], **settings(report))

            run = dsl.PIPELINE_JOB_ID_PLACEHOLDER
            found = discover(sources=sources, dataset=dataset, store=store, allow_private=allow_private, run=run, **settings(discover))
            sha256 = found.outputs["sources_sha256"]
            with dsl.If(found.outputs["count"] > 0, name="anything-new"):
                parts = work(
                    shards=found.outputs["shards"],
                    dataset=dataset,
                    store=store,
                    allow_private=allow_private,
                    separate_model=_imported(separate_model, Model, "separate_model"),
                    extract_model=_imported(extract_model, Model, "extract_model"),
                    tag_tone_model=_imported(tag_tone_model, Model, "tag_tone_model"),
                    transcribe_model=_imported(transcribe_model, Model, "transcribe_model"),
                    transcribe_second_model=_imported(transcribe_second_model, Model, "transcribe_second_model"),
                    reference=_imported(reference, Dataset, "reference"),
                    separate_effects=_imported(separate_effects, Dataset, "separate_effects"),
                    **settings.of(*SHARD_STAGES),
                ).output
                shown(publish(sources_sha256=sha256, dataset=dataset, store=store, run=run, parts=parts, **settings(publish)))
            with dsl.Else(name="nothing-new"):
                shown(publish(sources_sha256=sha256, dataset=dataset, store=store, run=run, **settings(publish)))

        return pipeline
