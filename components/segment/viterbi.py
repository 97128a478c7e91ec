"""Finds the most probable sequence of states, with one byte of memory per state and step."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BLOCK = 10_000
"""Steps that are Python's numbers at a time."""


def decode(emissions: Iterable[NDArray[np.floating]], transition: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Returns the same result as inaSpeechSegmenter's `viterbi_decoding`, which keeps some hundred bytes per step.

    Args:
        emissions: Log-probabilities of the states at each step, block after block, each shaped (steps, states).
        transition: Log-probabilities from each state (row) to each (column).

    Returns:
        The state at each step.
    """
    states = range(len(transition))
    into = transition.T.tolist()
    before = [float(np.log(1 / len(states)))] * len(states)
    came_from: list[bytes] = []
    for number, block in enumerate(emissions):
        origins = bytearray()
        for step, emission in enumerate(block.astype(np.float64).tolist()):
            if number == step == 0:
                before = [e + b for e, b in zip(emission, before, strict=True)]
                origins.extend(states)
                continue
            after = []
            for state in states:
                ways = [b + t for b, t in zip(before, into[state], strict=True)]
                best = max(ways)
                origins.append(ways.index(best))
                after.append(emission[state] + best)
            before = after
        came_from.append(bytes(origins))
    back = b"".join(came_from)
    path = np.empty(len(back) // len(states), np.uint8)
    state = before.index(max(before))
    for step in range(len(path) - 1, -1, -1):
        path[step] = state
        state = back[step * len(states) + state]
    return path


def margins(emissions: NDArray[np.floating], switch: float) -> NDArray[np.float64]:
    """Returns by how much the most probable way is more probable than the one with another state at a step, as a logarithm, for each step.

    Args:
        emissions: Finite log-probabilities of the states at each step, shaped (steps, states).
        switch: Log-probability of a change of state; that of none is 0.
    """
    to_here = np.empty(emissions.shape)
    reached = [0.0] * emissions.shape[1]
    blocks = [slice(i, i + BLOCK) for i in range(0, len(emissions), BLOCK)]
    for block in blocks:
        to_here[block] = _reached(emissions[block], switch, reached)
        reached = to_here[block][-1].tolist()
    found, reached = np.empty(len(emissions)), [0.0] * emissions.shape[1]
    for block in reversed(blocks):
        from_here = _reached(emissions[block][::-1], switch, reached)[::-1]
        reached = from_here[0].tolist()
        through = np.sort(to_here[block] + from_here - emissions[block], axis=1)
        found[block] = through[:, -1] - through[:, -2]
    return found


def _reached(emissions: NDArray[np.floating], switch: float, before: list[float]) -> NDArray[np.float64]:
    """Log-probability of the most probable way to each state at each step, with that state, after a step of which it is given."""
    ways: list[list[float]] = []
    for emission in emissions.astype(np.float64).tolist():
        least = max(before) + switch
        before = [e + (b if b > least else least) for e, b in zip(emission, before, strict=True)]
        ways.append(before)
    return np.array(ways)
