"""What all trainings have in common: learning rate, validation, best weights, early stopping, checkpoints, and the way to resume.

A training gives a `Network`, which its framework trains, and the batches from a step on. Only a few stages train, so this module is
here for less than three of them: what it does must be the same in each.
"""

import hashlib
import io
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from components.shared.task import Progress, StageError, report

Batch = dict[str, NDArray[Any]]
"""Arrays of some examples, by name; the first dimension is the example."""
Values = dict[str, NDArray[Any]]
"""Values of variables by name."""
MAKES_NO_DIFFERENCE = ("workers", "threads")
"""Settings on which the result of a training does not depend."""
_NETWORK, _BEST, _FACTS = "variable/", "best/", "facts"


class Network(Protocol):
    """A network with its optimizer."""

    @property
    def network(self) -> Collection[str]:
        """Names of the network's own variables, without the optimizer's."""
        ...

    def train_on(self, batch: Batch, learning_rate: float) -> float:
        """Runs one step of the optimizer and returns the loss before it."""
        ...

    def values(self) -> Values:
        """Returns the values of all variables, the optimizer's too."""
        ...

    def load(self, values: Values) -> None:
        """Sets variables by name."""
        ...


class Place(Protocol):
    """A store, as far as a training needs one."""

    @property
    def uri(self) -> str: ...
    def exists(self, key: str) -> bool: ...
    def read(self, key: str) -> bytes: ...
    def write(self, key: str, data: bytes) -> None: ...


@dataclass(frozen=True)
class Point:
    """One validation."""

    step: int
    loss: float
    """Mean loss of the steps since the last validation."""
    si_sdr_db: float
    """Mean SI-SDR of speech in the held-out examples."""
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
    """The network's own variables at the best validation."""

    @property
    def best_point(self) -> Point | None:
        """The best validation, the first one if several are equal; None before the first."""
        return max(self.points, key=lambda point: point.si_sdr_db, default=None)

    @property
    def without_gain(self) -> int:
        """Number of validations since the best one."""
        return len(self.points) - 1 - self.points.index(self.best_point) if self.best_point else 0

    def to_bytes(self, variables: Values) -> bytes:
        """Serializes this and the variables of a network."""
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

    @staticmethod
    def of(settings: Any) -> "Plan":
        """Takes the schedule from the settings of a stage, which have the same names."""
        return Plan(**{f.name: getattr(settings, f.name) for f in fields(Plan)})


def fit(
    name: str,
    identity: str,
    network: Network,
    batches: Callable[[int, Callable[[], bool]], AbstractContextManager[Iterator[Batch]]],
    batch_seconds: float,
    measure: Callable[[], float],
    plan: Plan,
    store: Place,
) -> tuple[State, str]:
    """Trains a network, or resumes the training of this identity; returns its state, and whether it ended `done` or `early`.

    The network then has the best weights. A checkpoint is kept in the store as runs/<name>/<identity>.npz. If Ctrl-C or SIGTERM
    asks the training to end, it keeps a checkpoint and exits with status 143.

    Args:
        name: The stage.
        identity: Hash of all that the result depends on.
        network: The network with its first values.
        batches: Yields the batches from a step on, until the function that it gets says so.
        batch_seconds: Seconds of audio in a batch.
        measure: Returns the SI-SDR of the network in dB.
        plan: The schedule.
        store: Keeps the checkpoint.
    """
    key, state = f"runs/{name}/{identity}.npz", State()
    if store.exists(key):
        state, values = State.from_bytes(store.read(key))
        network.load(values)
        report(f"resumes from step {state.steps}, saved in {store.uri}/{key}")

    def keep() -> None:
        store.write(key, state.to_bytes(network.values()))

    keep()  # fails now if the store cannot be written
    with _stopping() as stopping, batches(state.steps, stopping) as made:
        ended = train(network, made, batch_seconds, measure, plan, state, keep, stopping)
    if ended == "stopped" or state.best_point is None:
        report(f"stopped at step {state.steps}: run the same training again to resume from {store.uri}/{key}")
        sys.exit(143)
    network.load(state.best)
    return state, ended


def identity(own: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Returns the id of a training: a hash of everything that its result depends on, so that the same training resumes.

    `own` is its lineage: image, settings, models and data.
    """
    settings = {name: value for name, value in own["settings"].items() if name not in MAKES_NO_DIFFERENCE}
    return hashlib.sha256(json.dumps([{**own, "settings": settings}, dict(config)], sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Yields a function that returns whether Ctrl-C or SIGTERM asked this process to end after the current step."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda got, _: asked.append(got)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def figures(state: State, ended: str, mixtures_db: float, batch_seconds: float) -> dict[str, Any]:
    """Returns the outcome of a training that ended; `mixtures_db` is the SI-SDR of the unprocessed held-out mixtures."""
    best = state.best_point
    assert best
    return {
        "steps": state.steps,
        "best_step": best.step,
        "minutes": state.seconds / 60,
        "si_sdr_db": best.si_sdr_db,
        "mixtures_si_sdr_db": mixtures_db,
        "si_sdr_gain_db": best.si_sdr_db - mixtures_db,
        "loss": best.loss,
        "audio_seconds_per_second": state.steps * batch_seconds / max(state.seconds, 1e-9),
        "ended": ended,
    }


def train(
    network: Network,
    batches: Iterator[Batch],
    batch_seconds: float,
    measure: Callable[[], float],
    plan: Plan,
    state: State,
    keep: Callable[[], None],
    stopping: Callable[[], bool],
) -> str:
    """Trains until the plan is done, validation stops improving, or `stopping` says so; returns why: done, early or stopped.

    The network has the variables of the state, and the batches, of `batch_seconds` of audio each, begin at its step. The state is
    updated. `measure` returns the SI-SDR of the network in dB, and `keep` saves state and network. Raises StageError if the loss is
    not finite.
    """
    if ended := plan.ended(state):
        return ended
    progress, last = Progress((plan.max_steps - state.steps) * batch_seconds), time.monotonic()
    for batch in batches:
        rate = plan.rate(state.steps, state.seconds)
        loss = network.train_on(batch, rate)
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
            _measured(network, measure, state, rate)
            keep()
            if ended := plan.ended(state):
                return ended
        if stopping():
            break
    keep()
    return "stopped"


def _measured(network: Network, measure: Callable[[], float], state: State, rate: float) -> None:
    point = Point(state.steps, float(np.mean(state.losses)), measure(), rate)
    state.points.append(point)
    state.losses = []
    if state.best_point is point:
        values = network.values()
        state.best = {name: values[name] for name in network.network}
    report(
        f"step {point.step}, loss {point.loss:.4f}, speech {point.si_sdr_db:.2f} dB SI-SDR"
        + (", the best so far" if state.best_point is point else "")
    )
