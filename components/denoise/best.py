"""`best`: applies the chain with the highest DNSMOS score, or none.

All candidates are scored on the same excerpts of a recording's speech. DNSMOS ignores everything above 8 kHz and prefers muffled
voices, so candidates that reduce the bandwidth are excluded.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from scipy import signal

from components.denoise.loudness import measure
from components.denoise.settings import NONE
from components.shared import bandwidth
from components.shared.dnsmos import RATE_HZ, Dnsmos, load_dnsmos
from components.shared.dnsmos_network import WINDOW
from components.shared.rows import SAMPLE_RATE_HZ, Choice
from components.shared.steps import Mono, Prepared, Sound, Span, Step, Stream, prepared

_UP, _DOWN = 160, 441  # from SAMPLE_RATE_HZ to RATE_HZ

EXCERPT = round(WINDOW / RATE_HZ * SAMPLE_RATE_HZ)
"""Samples of an excerpt: the 9.01 s of DNSMOS's input."""

EXCERPTS = 8
"""Maximum number of excerpts, so that an hour takes no longer than ten minutes."""

LEVEL_LUFS = -23.0
"""Loudness of the scored excerpts. Filters change the loudness, and 10 dB more or less change DNSMOS by 0.1 to 0.3."""

MARGIN = 0.05
"""Minimum lead of a candidate's score over that of `none`; an inaudible notch changes a score by 0.02."""

STEP_HZ = bandwidth.BAND * SAMPLE_RATE_HZ / bandwidth.FRAME
"""Resolution of the bandwidth measurement."""


class Verdict(NamedTuple):
    """The scores of a candidate."""

    ovrl: float
    """Mean DNSMOS OVRL of the excerpts, 1 to 5."""
    bandwidth_hz: float | None


def best(candidates: Mapping[str, tuple[Step, ...]], threads: int = 0) -> Step:
    """Returns a step that applies the best of several chains, or none. DNSMOS gets `threads` CPU threads, 0 for one per core.

    `candidates` holds the steps of each chain by its text.
    """
    chains = {NONE: (), **candidates}  # leaving the recording unchanged is always a candidate
    return Step(lambda sound: _choose(chains, sound, threads), sum(1 + sum(s.passes for s in steps) for steps in chains.values()))


def _choose(chains: Mapping[str, tuple[Step, ...]], sound: Sound, threads: int) -> Prepared:
    spans = excerpts(sound.speech)
    if sum(end - start for start, end in spans) < bandwidth.MIN_SECONDS * SAMPLE_RATE_HZ:
        return Prepared(lambda stream: stream, (), tuple(Choice(sound.recording, text, text == NONE, None, None) for text in chains))
    todo: dict[str, Prepared] = {}
    verdicts: dict[str, Verdict] = {}
    for text, steps in chains.items():
        todo[text], cleaned = prepared(steps, sound)
        verdicts[text] = judge(picked(cleaned.stream(), spans), _dnsmos(threads))
    chosen = winner(verdicts)
    choices = (Choice(sound.recording, text, text == chosen, *verdict) for text, verdict in verdicts.items())
    return todo[chosen]._replace(choices=tuple(choices))


def excerpts(speech: Iterable[Span]) -> list[Span]:
    """Returns the spans of the excerpts, in order: up to EXCERPTS of EXCERPT samples, or all speech if there is less.

    They are spread evenly over the speech alone, so one excerpt may consist of several spans.
    """
    speech = list(speech)
    total = sum(end - start for start, end in speech)
    count = min(EXCERPTS, max(1, total // EXCERPT))
    starts = [(total - EXCERPT) * i // max(1, count - 1) if count > 1 else max(0, total - EXCERPT) // 2 for i in range(count)]
    spans, at = [], 0
    for start, end in speech:
        for first in starts:
            a, b = max(first, at), min(first + EXCERPT, at + end - start)
            if a < b:
                spans.append((start + a - at, start + b - at))
        at += end - start
    return spans


def picked(stream: Stream, spans: list[Span]) -> Mono:
    """Returns the samples of a stream inside spans, concatenated."""
    pieces, at = [np.zeros(0)], 0
    for block in stream:
        pieces += [block[max(0, start - at) : end - at] for start, end in spans if start < at + len(block) and at < end]
        at += len(block)
    return np.concatenate(pieces)


def judge(speech: Mono, dnsmos: Dnsmos) -> Verdict:
    """Scores speech at LEVEL_LUFS: concatenated excerpts of EXCERPT samples, or a single shorter one."""
    loudness = measure(iter([speech])).loudness_lufs()
    level = speech * 10 ** ((LEVEL_LUFS - loudness) / 20) if np.isfinite(loudness) else speech
    scores = [dnsmos.score(signal.resample_poly(e, _UP, _DOWN)).ovrl for e in level.reshape(-1, min(EXCERPT, len(level)))]
    return Verdict(float(np.mean(scores)), bandwidth.bandwidth_hz(level))


def winner(verdicts: Mapping[str, Verdict]) -> str:
    """Returns the candidate with the highest score among those that keep the bandwidth; `none` if no other leads by MARGIN."""
    wide = (verdicts[NONE].bandwidth_hz or 0) - 1.5 * STEP_HZ
    good = {text: v.ovrl for text, v in verdicts.items() if (v.bandwidth_hz or 0) > wide and v.ovrl >= verdicts[NONE].ovrl + MARGIN}
    return max(good, key=lambda text: good[text], default=NONE)


@functools.cache
def _dnsmos(threads: int) -> Dnsmos:
    return load_dnsmos(WINDOW / RATE_HZ, threads)
