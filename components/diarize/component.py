"""Interface of `diarize`."""

from typing import Literal

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="4", memory="3Gi", gpu=1, timeout_hours=24)
def diarize(
    voices: Input[Dataset],
    segments: Input[Dataset],
    reference: Input[Dataset],
    turns: Output[Dataset],
    enabled: bool = True,
    engine: Literal["campplus", "resemblyzer"] = "campplus",
    hop_seconds: float = 1.6,
    batch_windows: int = 64,
    threads: int = 0,
) -> None:
    """Finds out who speaks when, where two speak at the same time, and computes the vectors of the voices and of the reference.

    pyannote's segmentation-3.0 hears turns and overlap, CAM++ the voices. docs/speakers.md explains references and speakers.

    Args:
        enabled: Whether to listen for voices; without it there are no speakers, and overlap is not found.
        engine: The network for voices: campplus (CAM++ of 3D-Speaker) or resemblyzer. A dataset holds the vectors of one network.
        hop_seconds: Time between the starts of two windows, in seconds, at most 1.6; lower values give more windows and take longer.
        batch_windows: Windows per call of the network; the number affects memory and speed, but hardly the result.
        threads: CPU threads of the networks; 0 for one per core.
    """
