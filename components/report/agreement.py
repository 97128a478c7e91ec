"""How far two people who reviewed the same clips agree."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from store.reviews import Answer


@dataclass(frozen=True)
class Agreement:
    """Two people, and how far they agree on the clips that both reviewed."""

    first: str
    second: str
    clips: int
    """Clips of which both said something."""
    texts: int
    """Clips of which both gave a text."""
    cer: float | None
    """Character error rate of the second one's texts by the first one's, over all texts together; null without texts."""
    tones: int
    """Clips of which both gave a tone."""
    tone_kappa: float | None
    """Cohen's kappa of the tones: 1 if they always agree, 0 if no more than by chance; null if there is nothing to agree on."""
    speakers: int
    """Clips of which both named a speaker."""
    speaker_kappa: float | None
    """The same of the speakers."""
    rejected_by_both: int
    """Clips that both rejected."""
    reject_kappa: float | None
    """The same of whether to reject the clip, of all clips."""


def agreements(answers: Iterable[Answer]) -> list[Agreement]:
    """Each pair of people who reviewed a clip in common, by name. The newest answer of a person on a clip counts."""
    said: dict[str, dict[tuple[str, float, float, str], Answer]] = defaultdict(dict)
    for a in sorted(answers, key=lambda a: (a.at, a.annotation)):
        said[a.by][a.clip, a.start, a.end, a.media_sha256] = a
    found = []
    for first, second in combinations(sorted(said), 2):
        both = sorted(said[first].keys() & said[second].keys())
        if both:
            found.append(_agreement(first, second, [(said[first][c], said[second][c]) for c in both]))
    return found


def _agreement(first: str, second: str, pairs: Sequence[tuple[Answer, Answer]]) -> Agreement:
    texts = [(a.text, b.text) for a, b in pairs if a.text and b.text]
    tones = [(a.tone, b.tone) for a, b in pairs if a.tone and b.tone]
    speakers = [(a.speaker, b.speaker) for a, b in pairs if a.speaker and b.speaker]
    rejects = [(bool(a.reject), bool(b.reject)) for a, b in pairs]
    return Agreement(
        first,
        second,
        len(pairs),
        len(texts),
        cer(texts),
        len(tones),
        kappa(tones),
        len(speakers),
        kappa(speakers),
        sum(a and b for a, b in rejects),
        kappa(rejects),
    )


def kappa(pairs: Sequence[tuple[object, object]]) -> float | None:
    """Cohen's kappa of pairs of labels; None without pairs, or if both always say the same one thing."""
    if not pairs:
        return None
    same = sum(a == b for a, b in pairs) / len(pairs)
    firsts, seconds = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(firsts[label] * seconds[label] for label in firsts) / len(pairs) ** 2
    return None if chance == 1 else (same - chance) / (1 - chance)


def cer(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Character error rate of the second texts by the first ones, without spaces and case; None without characters."""
    plain = [(_plain(a), _plain(b)) for a, b in pairs]
    characters = sum(len(a) for a, _ in plain)
    return sum(edits(a, b) for a, b in plain) / characters if characters else None


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def edits(first: str, second: str) -> int:
    """Fewest insertions, deletions and replacements of characters that turn one text into the other."""
    codes = np.array([ord(c) for c in second], np.int64)
    row = steps = np.arange(len(second) + 1)
    for number, character in enumerate(first, 1):
        replaced = np.minimum(row[1:] + 1, row[:-1] + (codes != ord(character)))
        row = np.minimum.accumulate(np.concatenate([[number], replaced]) - steps) + steps
    return int(row[-1])
