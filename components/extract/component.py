"""Interface of `extract`."""

from kfp.dsl import Dataset, Input, Model, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="4", memory="2Gi", timeout_hours=24)
def extract(
    clean: Input[Dataset],
    turns: Input[Dataset],
    model: Input[Model],
    extracted: Output[Dataset],
    enabled: bool = False,
    min_similarity_gain: float = 0.05,
    threads: int = 0,
) -> None:
    """Takes the voice of the reference, or of the host, out of overlapped speech (VoiceFilter), where that makes it better.

    A recording with such a stretch is written again; all samples outside these stretches stay the same. Length and timeline stay the
    same. docs/voicefilter.md explains the models and when a stretch is kept.

    Args:
        enabled: Whether to extract voices; without it, all recordings stay as they are.
        min_similarity_gain: Least rise of the similarity to the wanted voice, 0 to 1, for which a stretch is replaced. Its DNSMOS must not
            fall either.
        threads: CPU threads of the networks; 0 for one per core.
    """
