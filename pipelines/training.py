"""The training pipeline: trains a model of one kind on a folder of sounds and optionally a dataset."""

from typing import Any, Literal

from kfp import dsl
from kfp.dsl import Dataset, Model

from components.deployment import Deployment, deployed
from components.stage import Settings, pipeline_of
from components.train_separator.component import train_separator
from components.train_tone.component import train_tone
from components.train_voicefilter.component import train_voicefilter

STAGES = (train_separator, train_voicefilter, train_tone)


def build(deployment: Deployment) -> Any:
    """Builds the pipeline for a deployment."""
    with deployed(deployment):

        @pipeline_of(
            *STAGES,
            name="training",
            description="Sounds, or a dataset's clips, become a model that takes music out of speech, takes one voice out of several, or "
            "tells tones apart.",
        )
        def pipeline(  # type: ignore[no-untyped-def]  # kfp takes a missing annotation, not None
            kind: Literal["separator", "voicefilter", "tone"] = "separator",
            sounds: str = "s3://speechmill/sources/training",
            start: str = "",
            dataset: str = "",
            store: str = "s3://speechmill",
            *,
            settings: Settings,
        ):
            """Trains one model and puts it into the run's artifacts.

            Args:
                kind: The model to train: separator takes music out of speech, voicefilter one voice out of several, and tone tells tones of
                    speech apart.
                sounds: URI of the folder with the sound to train on (docs/separator.md, docs/voicefilter.md and docs/tone.md describe its
                    layouts).
                start: URI of the separator to continue from; empty trains a new one. Models of other kinds are always new ones.
                dataset: Name of the dataset whose clips are speech to train on, or may join the training of tones; empty uses none.
                store: URI of the bucket that holds the dataset.
            """
            given = dsl.importer(artifact_uri=sounds, artifact_class=Dataset).output
            wiring = {"dataset": dataset, "store": store, "sounds": given}
            with dsl.If(kind == "voicefilter", name="voicefilter"):
                train_voicefilter(**wiring, **settings(train_voicefilter))
            with dsl.If(kind == "tone", name="tone"):
                train_tone(**wiring, **settings(train_tone))
            with dsl.If(kind == "separator", name="separator"):
                with dsl.If(start != "", name="from-a-model"):
                    model = dsl.importer(artifact_uri=start, artifact_class=Model).output
                    train_separator(start=model, **wiring, **settings(train_separator))
                with dsl.Else(name="from-scratch"):
                    train_separator(**wiring, **settings(train_separator))

        return pipeline
