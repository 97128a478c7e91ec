"""`sfx`: finds known sound effects and removes them.

It searches the recording in steps (match.py), fits and subtracts the hits (subtract.py), and searches the result again. A fitted effect
that the subtraction does not remove is left in the recording.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.separate.effects import read_effects
from components.separate.match import APART, HOP, LONGEST, STEP, Hit, Template, find, template
from components.separate.subtract import REACH, Fit, fitted, rendered
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Removed
from components.shared.steps import Filter, Mono, Prepared, Sound, Step, Stream
from components.shared.table import read_rows

SEARCHES = 8
"""Maximum number of searches of a step with hits, because an effect may hide another one."""
LEAST_REPEATED = 0.6
"""Minimum height of a peak relative to an overlapping hit of the same effect, because effects resemble themselves."""
LEAST_ATTENUATION_DB = 3.0
"""Minimum attenuation of a fitted effect. With less it is another sound, or too distorted to be removed."""


class Target(NamedTuple):
    """An effect to search for."""

    name: str
    sound: Mono
    template: Template


def sfx(folder: Path | None) -> Step:
    """Returns a step that removes known effects, the recordings of the artifact in a folder; without any it does nothing."""

    @cache
    def targets() -> tuple[Target, ...]:
        return () if folder is None else tuple(Target(e.name, e.sound, template(e.sound)) for e in read_effects(folder))

    def prepare(sound: Sound) -> Prepared:
        effects = targets()
        if not effects:
            return Prepared(lambda stream: stream)
        fits = list(detect(sound.stream(), effects))
        rows = tuple(_row(sound, effects[f.hit.effect], f) for f in fits)
        return Prepared(without(fits, [e.sound for e in effects]), rows)

    return Step(prepare, passes=1 if folder is not None and read_rows(folder, Recording) else 0)


def _row(sound: Sound, effect: Target, found: Fit) -> Removed:
    start, end = max(0, found.hit.start), min(sound.samples, found.hit.start + len(effect.sound))
    times = (start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ)
    return Removed(sound.recording, *times, "sfx", effect.name, None, found.correlation, found.attenuation_db)


def detect(stream: Stream, effects: Sequence[Target]) -> Iterator[Fit]:
    """Finds effects in a stream; yields them in the order of their starts, which are samples of the stream.

    It searches in steps of STEP samples, independent of the blocks, and subtracts the effects of a step before the next one.
    """
    longest = max(len(e.sound) for e in effects)
    before, after = HOP * (-(-(REACH + HOP) // HOP)), max(longest, LONGEST) + longest + 4 * REACH
    known: list[Hit] = []
    for first, held in _steps(stream, before, after):
        moved = first - before
        fits, held[:] = _searched(held, before, effects, [h._replace(start=h.start - moved) for h in known])
        placed = [f._replace(hit=f.hit._replace(start=f.hit.start + moved)) for f in fits]
        known = [h for h in (*known, *(f.hit for f in placed)) if h.start + longest > first]
        yield from placed


def _searched(sound: Mono, first: int, effects: Sequence[Target], known: Sequence[Hit]) -> tuple[list[Fit], Mono]:
    """Finds effects that start within STEP samples from `first` on; also returns the sound without them. `known` are already removed.

    Each search keeps only the most certain of overlapping hits, because the others are often the same effect or a similar one.
    """
    sounds = [e.sound for e in effects]
    hits: list[Hit] = []
    fits: list[Fit] = []
    rest = sound
    for _ in range(SEARCHES):
        new = _alone(find(rest, first, [e.template for e in effects]), [*known, *hits], effects)
        if not new:
            break
        hits = sorted([*hits, *new], key=lambda h: h.start)
        fits, rest = _fitted(sound, sounds, hits)
    sure = [f.hit for f in fits if certain(f)]
    if len(sure) < len(fits):
        fits, rest = _fitted(sound, sounds, sure)
    return fits, rest


def certain(found: Fit) -> bool:
    """Returns whether a fitted effect is in the sound and the subtraction removes it."""
    return found.correlation > 0 and found.attenuation_db >= LEAST_ATTENUATION_DB


def _fitted(sound: Mono, effects: Sequence[Mono], hits: Sequence[Hit]) -> tuple[list[Fit], Mono]:
    """Fits hits, overlapping ones together; also returns the sound without them."""
    fits: list[Fit] = []
    for group in _together(hits, effects):
        found, sound = fitted(sound, effects, group)
        fits += found
    return fits, sound


def _steps(stream: Stream, before: int, after: int) -> Iterator[tuple[int, Mono]]:
    """Yields the position and samples of each step, with context on both sides. Changes to the samples carry over to the next step."""
    held, first, ended = np.zeros(before), 0, False
    while True:
        pieces, have = [held], len(held)
        while not ended and have < before + STEP + after:
            block = next(stream, None)
            ended = block is None
            if block is not None:
                pieces.append(block)
                have += len(block)
        held = np.concatenate(pieces)
        if len(held) <= before:
            return
        window = held[: before + STEP + after].copy()
        yield first, window
        held = np.concatenate([window[STEP:], held[before + STEP + after :]])
        first += STEP


def _alone(hits: Sequence[Hit], known: Sequence[Hit], effects: Sequence[Target]) -> list[Hit]:
    """Returns the most certain of overlapping hits, without repetitions of known ones."""

    def overlap(one: Hit, other: Hit) -> bool:
        return one.start < other.start + len(effects[other.effect].sound) and other.start < one.start + len(effects[one.effect].sound)

    def alike(hit: Hit, other: Hit) -> bool:
        weak = hit.height < LEAST_REPEATED * other.height and overlap(hit, other)
        return hit.effect == other.effect and (weak or abs(hit.start - other.start) < APART)

    kept: list[Hit] = []
    for hit in hits:
        if not any(alike(hit, other) for other in known) and not any(overlap(hit, other) for other in kept):
            kept.append(hit)
    return kept


def _together(hits: Sequence[Hit], effects: Sequence[Mono]) -> list[list[Hit]]:
    """Groups hits that overlap; they must be in the order of their starts."""
    groups: list[list[Hit]] = []
    end = 0
    for hit in hits:
        if not groups or hit.start - REACH > end:
            groups.append([])
        groups[-1].append(hit)
        end = max(end, hit.start + len(effects[hit.effect]) + REACH)
    return groups


def without(fits: Sequence[Fit], effects: Sequence[Mono]) -> Filter:
    """Returns a filter that subtracts fitted effects; all other samples stay bit-identical."""
    ordered = sorted(fits, key=lambda f: f.hit.start)

    def run(stream: Stream) -> Stream:
        coming, active, at = list(reversed(ordered)), [], 0
        for block in stream:
            stop = at + len(block)
            while coming and coming[-1].hit.start - REACH < stop:
                found = coming.pop()
                active.append((found.hit.start - REACH, rendered(effects[found.hit.effect], found.taps)))
            if active:
                block = block.copy()
                for start, sound in active:
                    first, last = max(at, start), min(stop, start + len(sound))
                    block[first - at : last - at] -= sound[first - start : last - start]
            active = [(start, sound) for start, sound in active if start + len(sound) > stop]
            at = stop
            yield block

    return run
