"""Interface of `segment`."""

from kfp.dsl import Dataset, Input, Output

from components.segment.settings import Engine
from components.stage import stage


@stage(cpu="500m", cpu_limit="2", gpu=1, timeout_hours=24)
def segment(voices: Input[Dataset], segments: Output[Dataset], engine: Engine = "smn", detect_gender: bool = True) -> None:
    """Labels speech, music, noise and silence, and the gender of voices (inaSpeechSegmenter).

    A sound is silence if it is 15 dB below the mean of the recording, as in inaSpeechSegmenter, unless it stands out from a neighborhood
    that is quieter than the rest: a quiet voice beside loud music is speech.

    Args:
        engine: smn labels speech, music and noise; sm labels speech and music only.
        detect_gender: Whether to label speech as female or male.
    """
