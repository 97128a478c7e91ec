"""Interface of `embed`."""

from typing import Literal

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="4", memory="3Gi", gpu=1, timeout_hours=24)
def embed(
    voices: Input[Dataset],
    segments: Input[Dataset],
    reference: Input[Dataset],
    windows: Output[Dataset],
    enabled: bool = True,
    engine: Literal["campplus", "resemblyzer"] = "campplus",
    hop_seconds: float = 0.8,
    batch_windows: int = 64,
    threads: int = 0,
) -> None:
    """Computes a vector of the voice in every 1.6 s of speech, and of the reference.

    `cut` uses the vectors to find changes of speaker. `tag_speaker` and `tag_tone` use them to compare voices.
    docs/speakers.md explains references and speakers.

    Args:
        enabled: Whether to compute voice vectors; without them there are no windows and no speakers.
        engine: The network: campplus (CAM++ of 3D-Speaker) or resemblyzer. A dataset holds the vectors of one network.
        hop_seconds: Time between the starts of two windows, in seconds, at most 1.6; lower values give more windows and take longer.
        batch_windows: Windows per call of the network; the number affects memory and speed, but hardly the result.
        threads: CPU threads of the network; 0 for one per core.
    """
