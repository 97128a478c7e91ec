"""The number of threads of a stage."""

import os


def cpu_threads(wanted: int, most: int | None = None) -> int:
    """Returns `wanted`, or for 0 the number of cores that this process may use, up to `most`."""
    cores = len(os.sched_getaffinity(0))
    return wanted or (cores if most is None else min(cores, most))
