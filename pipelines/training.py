"""The training pipeline: trains a model that separates speech from music, on a folder of sounds and optionally a dataset."""

from typing import Any

from kfp import dsl
from kfp.dsl import Dataset, Model

from components.deployment import Deployment, deployed
from components.stage import Settings, pipeline_of
from components.train_separator.component import train_separator

STAGES = (train_separator,)


def build(deployment: Deployment) -> Any:
    """Builds the pipeline for a deployment."""
    with deployed(deployment):

        @pipeline_of(
            *STAGES,
            name="training",
            description="Songs with stems, or a dataset's clips and music, become a model that takes the music out of speech.",
        )
        def pipeline(  # type: ignore[no-untyped-def]  # kfp takes a missing annotation, not None
            sounds: str = "s3://speechmill/sources/training",
            start: str = "",
            dataset: str = "",
            store: str = "s3://speechmill",
            *,
            settings: Settings,
        ):
            """Trains one model and puts it into the run's artifacts.

            Args:
                sounds: URI of the folder with the sound to train on (docs/separator.md describes its layouts).
                start: URI of the model to continue from; empty trains a new one.
                dataset: Name of the dataset whose clips are the speech to mix with music; empty uses none.
                store: URI of the bucket that holds the dataset.
            """
            given = dsl.importer(artifact_uri=sounds, artifact_class=Dataset).output
            wiring = {"dataset": dataset, "store": store, "sounds": given, **settings(train_separator)}
            with dsl.If(start != "", name="from-a-model"):
                model = dsl.importer(artifact_uri=start, artifact_class=Model).output
                train_separator(start=model, **wiring)
            with dsl.Else(name="from-scratch"):
                train_separator(**wiring)

        return pipeline
