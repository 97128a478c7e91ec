"""Interface of `tag_quality`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="4", memory="2Gi", timeout_hours=24)
def tag_quality(
    clean: Input[Dataset],
    clips: Input[Dataset],
    extracted: Input[Dataset],
    quality: Output[Dataset],
    enabled: bool = True,
    hop_seconds: float = 2.0,
    threads: int = 0,
) -> None:
    """Measures the sound quality of each clip: DNSMOS, signal-to-noise ratio, bandwidth, loudness, peak and clipping.

    Args:
        enabled: Whether to measure quality; if not, the table has no rows.
        hop_seconds: Time between the starts of two DNSMOS windows in a clip of more than 9.01 s, in seconds. Microsoft's script uses 1; 2
            takes half as long, since windows share their work at multiples of 0.08, and scores differ by 0.02. A shorter clip is
            repeated to 9.01 s and heard once.
        threads: CPU threads, each with a clip of its own; 0 for one per core, at most 8.
    """
