"""What the settings may be; imported by the control side too, which has none of the meters' libraries."""

from components.shared.task import StageError


def check_settings(hop_seconds: float, threads: int) -> None:
    """Raises StageError unless the numbers are in their ranges."""
    for name, value, least, most in (("hop_seconds", hop_seconds, 0.1, 9), ("threads", threads, 0, 1024)):
        if not least <= value <= most:
            raise StageError(f"parameter tag_quality_{name}: expected {least} to {most}, found {value:g}")
