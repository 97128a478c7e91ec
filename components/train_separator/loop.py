"""The training loop: learning rate, validation, best weights, early stopping, and checkpoints."""

import io
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np

from components.shared.task import Progress, StageError, report
from components.train_separator.training import Batch, Graph, Values

_NETWORK, _BEST, _FACTS = "variable/", "best/", "facts"


@dataclass(frozen=True)
class Point:
    """One validation."""

    step: int
    loss: float
    """Mean loss of the steps since the last validation."""
    si_sdr_db: float
    """Mean SI-SDR of speech in the held-out windows."""
    learning_rate: float


@dataclass
class State:
    """The progress of a training."""

    steps: int = 0
    seconds: float = 0.0
    """Time spent training, without interruptions."""
    points: list[Point] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    """Losses of the steps since the last validation."""
    best: Values = field(default_factory=dict)
    """Variables of the network at the best validation."""

    @property
    def best_point(self) -> Point | None:
        """The best validation, the first one if several are equal; None before the first."""
        return max(self.points, key=lambda point: point.si_sdr_db, default=None)

    @property
    def without_gain(self) -> int:
        """Number of validations since the best one."""
        return len(self.points) - 1 - self.points.index(self.best_point) if self.best_point else 0

    def to_bytes(self, variables: Values) -> bytes:
        """Serializes this and the variables of the graph."""
        facts = {"steps": self.steps, "seconds": self.seconds, "points": [asdict(p) for p in self.points], "losses": self.losses}
        file = io.BytesIO()
        arrays = {f"{_NETWORK}{n}": v for n, v in variables.items()} | {f"{_BEST}{n}": v for n, v in self.best.items()}
        arrays[_FACTS] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        np.savez(file, **arrays)  # type: ignore[arg-type]
        return file.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> "tuple[State, Values]":
        """The inverse of `to_bytes`."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            facts = json.loads(file[_FACTS].tobytes())
            arrays = {prefix: {n.removeprefix(prefix): file[n] for n in file.files if n.startswith(prefix)} for prefix in (_NETWORK, _BEST)}
        facts["points"] = [Point(**p) for p in facts["points"]]
        return State(**facts, best=arrays[_BEST]), arrays[_NETWORK]


@dataclass(frozen=True)
class Plan:
    """The schedule of a training: learning rate, validation, and end."""

    max_steps: int
    max_minutes: float
    learning_rate: float
    warmup_steps: int
    validate_every_steps: int
    patience: int

    def done(self, steps: int, seconds: float) -> float:
        """Returns the share of the training that is done after these steps and seconds, 0 to 1 or above."""
        return max(steps / self.max_steps, seconds / 60 / self.max_minutes if self.max_minutes else 0.0)

    def ended(self, state: State) -> str:
        """Returns why a training in this state has ended, done or early; "" if it has not."""
        if self.done(state.steps, state.seconds) >= 1:
            return "done"
        return "early" if self.patience and state.without_gain >= self.patience else ""

    def rate(self, steps: int, seconds: float) -> float:
        """Returns the learning rate of the next step. It rises linearly, then falls along a cosine to a hundredth."""
        falling = max(0.01, 0.5 * (1 + math.cos(math.pi * min(1.0, self.done(steps, seconds)))))
        return self.learning_rate * min(1.0, (steps + 1) / max(1, self.warmup_steps)) * falling


def train(
    graph: Graph,
    batches: Iterator[Batch],
    batch_seconds: float,
    measure: Callable[[], float],
    plan: Plan,
    state: State,
    keep: Callable[[], None],
    stopping: Callable[[], bool],
) -> str:
    """Trains until the plan is done, validation stops improving, or `stopping` says so; returns why: done, early or stopped.

    The graph has the variables of the state, and the batches, of `batch_seconds` of audio each, begin at its step. The state is
    updated. `measure` returns the SI-SDR of the graph in dB, and `keep` saves state and graph. Raises StageError if the loss is
    not finite.
    """
    if ended := plan.ended(state):
        return ended
    progress, last = Progress((plan.max_steps - state.steps) * batch_seconds), time.monotonic()
    for batch in batches:
        rate = plan.rate(state.steps, state.seconds)
        loss = graph.train_on(batch, rate)
        if not math.isfinite(loss):
            raise StageError(
                f"expected a finite loss at step {state.steps}, found {loss}: set a lower learning_rate than {plan.learning_rate}"
            )
        state.losses.append(loss)
        state.steps += 1
        now = time.monotonic()
        state.seconds, last = state.seconds + now - last, now
        progress.add(batch_seconds)
        if plan.done(state.steps, state.seconds) >= 1 or state.steps % plan.validate_every_steps == 0:
            _measured(graph, measure, state, rate)
            keep()
            if ended := plan.ended(state):
                return ended
        if stopping():
            break
    keep()
    return "stopped"


def _measured(graph: Graph, measure: Callable[[], float], state: State, rate: float) -> None:
    point = Point(state.steps, float(np.mean(state.losses)), measure(), rate)
    state.points.append(point)
    state.losses = []
    if state.best_point is point:
        values = graph.values()
        state.best = {name: values[name] for name in graph.network}
    report(
        f"step {point.step}, loss {point.loss:.4f}, speech {point.si_sdr_db:.2f} dB SI-SDR"
        + (", the best so far" if state.best_point is point else "")
    )
