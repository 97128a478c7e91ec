"""Interface of `tag_quality`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="4", memory="2Gi", timeout_hours=24)
def tag_quality(
    clean: Input[Dataset],
    clips: Input[Dataset],
    quality: Output[Dataset],
    enabled: bool = True,
    hop_seconds: float = 2.0,
    threads: int = 0,
) -> None:
    """Measures the sound quality of each clip: DNSMOS, signal-to-noise ratio, bandwidth, loudness, peak and clipping.

    Args:
        enabled: Whether anything is measured; without it no clip has a quality.
        hop_seconds: From one window of DNSMOS to the next; 1 is Microsoft's way, takes twice as long and differs by hundredths.
        threads: CPU threads; 0 for one a core.
    """
