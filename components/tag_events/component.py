"""Interface of `tag_events`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(cpu="500m", cpu_limit="4", memory="1Gi", timeout_hours=24)
def tag_events(
    recordings: Input[Dataset],
    clips: Input[Dataset],
    events: Output[Dataset],
    enabled: bool = True,
    hop_seconds: float = 0.48,
    threshold: float = 0.0,
    threads: int = 0,
) -> None:
    """Hears what else is in a recording: laughter, applause, breath, coughs, crying, singing, a crowd, a telephone, music (YAMNet).

    It listens to the recordings as downloaded, because `separate` takes such sounds away. docs/events.md explains the events.

    Args:
        enabled: Whether to listen for events; if not, the tables have no rows.
        hop_seconds: Time between the starts of two windows of 0.96 s, in seconds; lower values find shorter sounds and take longer.
        threshold: Lowest probability of an event in the timeline; 0 takes the threshold of each event.
        threads: CPU threads; 0 for one per core.
    """
