"""The dataset pipeline: from a list of sources to one version of a dataset."""

from typing import Any

from kfp import dsl
from kfp.dsl import Dataset, Input, Model

from components.collect.component import collect
from components.cut.component import cut
from components.denoise.component import denoise
from components.deployment import Deployment, deployed
from components.discover.component import discover
from components.download.component import download
from components.publish.component import publish
from components.segment.component import segment
from components.separate.component import separate
from components.stage import Settings, settings_of
from pipelines.slots import SEPARATE, bundled, uri

SHARD_STAGES = (download, separate, segment, cut, denoise, collect)
STAGES = (discover, *SHARD_STAGES, publish)
SHARDS_AT_ONCE = 4
STORE = "s3://speechmill"
"""The default store, as manifests/ makes it."""


@settings_of(*SHARD_STAGES)
def shards(shards: list[str], dataset: str, store: str, allow_private: bool, model: Input[Model], *, settings: Settings) -> list[Dataset]:
    """What is done for every shard; each stage is one line."""
    with dsl.ParallelFor(shards, name="shard", parallelism=SHARDS_AT_ONCE) as shard:
        recordings = download(shard=shard, store=store, allow_private=allow_private, **settings(download)).output
        voices = separate(recordings=recordings, model=model, **settings(separate)).outputs["voices"]
        segments = segment(voices=voices, **settings(segment)).output
        clips = cut(voices=voices, segments=segments, **settings(cut)).output  # with the windows of `embed`
        clean = denoise(voices=voices, **settings(denoise)).output
        # `tag_speaker`, `tag_tone`, `tag_quality` and `transcribe` add a table each here
        part = collect(shard=shard, dataset=dataset, store=store, recordings=recordings, segments=segments, clean=clean, clips=clips).output
    return dsl.Collected(part)


def build(deployment: Deployment) -> Any:
    """The pipeline, compiled for a deployment. Every default of its parameters runs."""
    with deployed(deployment):
        work = dsl.pipeline(name="shards")(shards)

        @dsl.pipeline(
            name="dataset",
            description="Sources become a version of a dataset: clean, single-speaker clips with everything measured about them.",
        )
        @settings_of(*STAGES)
        def pipeline(  # type: ignore[no-untyped-def]  # kfp takes a missing annotation, not None
            sources: str = "sample:",
            dataset: str = "sample",
            store: str = STORE,
            allow_private: bool = False,
            separate_model: str = uri(STORE, SEPARATE, bundled(SEPARATE)),
            *,
            settings: Settings,
        ):
            """`publish` runs once, with the parts of all shards, or without any where nothing is new."""
            run = dsl.PIPELINE_JOB_ID_PLACEHOLDER
            found = discover(sources=sources, dataset=dataset, store=store, allow_private=allow_private, run=run, **settings(discover))
            with dsl.If(found.outputs["count"] > 0, name="anything-new"):
                model = dsl.importer(artifact_uri=separate_model, artifact_class=Model).output
                parts = work(
                    shards=found.outputs["shards"],
                    dataset=dataset,
                    store=store,
                    allow_private=allow_private,
                    model=model,
                    **settings.of(*SHARD_STAGES),
                ).output
                publish(sources=sources, dataset=dataset, store=store, run=run, parts=parts, **settings(publish))
            with dsl.Else(name="nothing-new"):
                publish(sources=sources, dataset=dataset, store=store, run=run, **settings(publish))

        return pipeline
