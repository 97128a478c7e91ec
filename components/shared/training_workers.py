"""Makes training examples in parallel processes. The examples and their order do not depend on the number of processes."""

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np

from components.shared.task import StageError, one_line
from components.shared.threads import cpu_threads
from components.shared.training import Batch

Make = Callable[[int], Batch]
"""Makes the example of an index, always the same one. Other processes get it, so it can be pickled."""

MAX_DEFAULT = 4
"""Limit of the default number of processes, because a pod sees all cores of its node."""
_AHEAD = 8
"""Examples that each process prepares ahead."""
_PATIENCE_SECONDS = 1.0


@contextmanager
def examples(make: Make, first: int, workers: int, stopping: Callable[[], bool]) -> Iterator[Iterator[Batch]]:
    """Yields the examples from index `first` on, until `stopping`.

    `workers` is the number of processes, 0 for one per core, up to MAX_DEFAULT. Iterating raises StageError if a file cannot be
    read, or if a process ended.
    """
    workers = cpu_threads(workers, MAX_DEFAULT)
    context = multiprocessing.get_context("spawn")  # the threads of TensorFlow and PyTorch do not survive a fork
    queues: list[Any] = [context.Queue(_AHEAD) for _ in range(workers)]
    processes = [
        context.Process(target=_produce, args=(make, first + number, workers, made), daemon=True) for number, made in enumerate(queues)
    ]
    for process in processes:
        process.start()
    try:
        yield _receive(processes, queues, stopping)
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


def batched(examples: Iterable[Batch], size: int) -> Iterator[Batch]:
    """Stacks examples into batches of `size`. An incomplete last batch is left out."""
    found: list[Batch] = []
    for one in examples:
        found.append(one)
        if len(found) == size:
            yield {name: np.stack([e[name] for e in found]) for name in found[0]}
            found = []


def _receive(processes: list[Any], queues: list[Any], stopping: Callable[[], bool]) -> Iterator[Batch]:
    for number in count():
        turn = number % len(queues)
        found = None
        while found is None:
            if stopping():
                return
            try:
                found = queues[turn].get(timeout=_PATIENCE_SECONDS)
            except queue.Empty:
                if not (processes[turn].is_alive() or stopping()):
                    raise StageError(
                        f"a process that makes examples ended with status {processes[turn].exitcode}: "
                        "if memory ran out, set fewer workers or give it more"
                    ) from None
        if isinstance(found, str):
            raise StageError(found)
        yield found


def _produce(make: Make, first: int, step: int, made: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to the whole process group; ending inside an example would block the training
    parent = os.getppid()
    for index in count(first, step):
        found = _example_or_error(make, index)
        while not _put(made, found):
            if os.getppid() != parent:  # the training was killed
                made.cancel_join_thread()
                return
        if isinstance(found, str):
            return


def _example_or_error(make: Make, index: int) -> Batch | str:
    """Makes the example of an index, or returns an error text."""
    try:
        return make(index)
    except StageError as error:
        return one_line(error)
    except Exception as error:
        return f"cannot make example {index}: {type(error).__name__}: {one_line(error)}"


def _put(made: Any, found: Batch | str) -> bool:
    try:
        made.put(found, timeout=_PATIENCE_SECONDS)
    except queue.Full:
        return False
    return True
