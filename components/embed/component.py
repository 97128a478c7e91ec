"""Interface of `embed`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="4", memory="3Gi", gpu=1, timeout_hours=24)
def embed(
    voices: Input[Dataset],
    segments: Input[Dataset],
    reference: Input[Dataset],
    windows: Output[Dataset],
    enabled: bool = True,
    hop_seconds: float = 0.4,
    batch_windows: int = 64,
    threads: int = 0,
) -> None:
    """Computes a d-vector of the voice in every 1.6 s of speech, and of the reference (Resemblyzer).

    `cut` uses the d-vectors to find changes of speaker, `tag_speaker` and `tag_tone` to compare voices.
    docs/speakers.md explains references and speakers.

    Args:
        enabled: Whether voices are told apart; without it there are no windows, and no speakers.
        hop_seconds: From one window to the next, 1.6 at most.
        batch_windows: Windows that the network hears at a time; it sets memory and speed, hardly the result.
        threads: Processors that the network uses; 0 is all that there are.
    """
