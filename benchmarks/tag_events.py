"""How many sounds `tag_events` finds and how many it invents, and its speed and memory.

    PYTHONPATH=. .venvs/tag_events/bin/python benchmarks/tag_events.py --data DATA [--sounds SOUNDS] [--show SHOW] [--minutes 60]

DATA is a folder with `manifest.csv`, which has the columns path, corpus, kind and label of each recording. SOUNDS is a folder with more
labeled sounds in a folder per event, such as `laughter`. SHOW is a recording of speech without these events: sounds of SOUNDS are mixed
into it at known places, between words or over them.

Files of one source, by the beginning of their names, stay together. Half of them, drawn by a hash, choose the bound of each event with
the best F1; the table has precision and recall on the other half, with that bound and with the one of the stage, and the area under the
curve (ROC) of all files. A file has an event if its highest window reaches the bound.
"""

import argparse
import csv
import hashlib
import re
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import decode
from components.shared.events import BOUNDS
from components.shared.mel import RATE_HZ
from components.shared.rows import SAMPLE_RATE_HZ
from components.tag_events.classes import EVENTS
from components.tag_events.network import Network, load_network
from components.tag_events.tag_events import hear, spans_of

HOP = 48
LABELS = {
    "baby_cry": {"crying"},
    "person_sneeze": {"cough"},
    "music_instrumental": {"music"},
    "music_vocal": {"music", "singing"},
    "cafe-ambience": {"crowd"},
    "tavern": {"crowd"},
}
"""The events of a label in the manifest; other labels have none."""
SPEECH = ("librispeech_test_other", "librispeech_train_clean", "emotiontts_ko_speech", "emodb", "ravdess")
OTHERS = ("esc10", "mt_sounds_sfx", "ambience", "music", "emotiontts_ko_speech")
"""Corpora whose files are in the table, and whose labels say all that is heard; recordings of meetings hold unlabeled laughter."""
UNSURE = {"applause": {"crowd", "laughter"}, "crowd": {"applause", "laughter"}, "laughter": {"applause", "crowd"}}
"""Events that files of an event may have, too."""
GRID = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
FRACTIONS = (1, 0.5)
AWAY_SECONDS = 0.5
"""A span that begins or ends so near to a sound in the show belongs to it."""

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class File:
    path: Path
    events: set[str]
    source: str
    """What the file and others are cut from."""

    @property
    def chooses(self) -> bool:
        """Whether the file is in the half that chooses the bounds."""
        return hashlib.sha256(self.source.encode()).digest()[0] % 2 == 0


def read(path: Path) -> Sound:
    return np.concatenate([np.zeros(0, np.float32), *(block[:, 0] for block in decode(path, RATE_HZ))])


def events_in(sound: Sound, network: Network) -> Any:
    return hear([sound], len(sound) * SAMPLE_RATE_HZ // RATE_HZ, network, HOP)


def manifest(data: Path, corpora: Sequence[str]) -> Iterator[File]:
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["corpus"] in corpora:
                yield File(data / row["path"], LABELS.get(row["label"], set()), source_of(Path(row["path"]).name))


def source_of(name: str) -> str:
    """The number of a recording at Freesound, as ESC-10 has it in its names; else the name without a number at its end."""
    found = re.search(r"_\d-(\d+)-[A-Z]\.", name)
    return found[1] if found else name.rpartition(".")[0].rstrip("0123456789_-")


def labeled(sounds: Path) -> Iterator[File]:
    for path in sorted(sounds.glob("*/*")):
        yield File(path, {path.parent.name}, source_of(path.name))


def recognition(files: Sequence[File], network: Network) -> None:
    peaks = np.array([events_in(read(f.path), network).events.max(axis=0) for f in files])
    print("| event | files with it, without | area | chosen bound | precision, recall there | bound | precision, recall there |")
    print("|---|---|---|---|---|---|---|")
    for number, (event, bound) in enumerate(BOUNDS.items()):
        there = np.array([event in f.events for f in files])
        sure = np.array([there[i] or not f.events & UNSURE.get(event, set()) for i, f in enumerate(files)])
        chooses = np.array([f.chooses for f in files])
        values = peaks[:, number]
        line = [event, f"{np.sum(there)}, {np.sum(sure & ~there)}"]
        if not there.any():
            print(f"| {' | '.join(line)} | | | | {bound:g} | {np.sum(sure & (values >= bound))} files, all wrong |")
            continue
        positives, negatives = values[there], values[sure & ~there]
        area = np.mean(positives[:, None] > negatives) + 0.5 * np.mean(positives[:, None] == negatives)
        half = [sure & chooses, sure & ~chooses]
        enough = min(np.sum(there & h) for h in half) >= 2
        chosen = max(GRID, key=lambda b: (scores(values, there, half[0], b)[2], b)) if enough else None
        line.append(f"{area:.3f}")
        rest = half[1] if enough else sure
        line += [f"{chosen:g}", shown(scores(values, there, rest, chosen))] if chosen else ["", ""]
        print(f"| {' | '.join([*line, f'{bound:g}', shown(scores(values, there, rest, bound))])} |")
        wrong = sorted(((values[i], files[i].path.name) for i in np.flatnonzero(sure & ~there)), reverse=True)[:3]
        print(f"    most wrong: {[(round(float(v), 2), n) for v, n in wrong]}")


def scores(values: NDArray[Any], there: NDArray[Any], part: NDArray[Any], bound: float) -> tuple[float, float, float]:
    """Precision, recall and F1 in a part of the files."""
    found = part & (values >= bound)
    right = int(np.sum(found & there))
    precision, recall = right / max(1, int(found.sum())), right / max(1, int(np.sum(part & there)))
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def shown(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.2f}, {found[1]:.2f}"


def speech(data: Path, network: Network) -> None:
    print(f"\nEvents in an hour of speech, with {' and '.join(f'{f:g}' for f in FRACTIONS)} of the bounds:")
    for corpus in SPEECH:
        seconds, count = 0.0, {name: [0] * len(FRACTIONS) for name in EVENTS}
        for file in manifest(data, [corpus]):
            sound = read(file.path)
            seconds += len(sound) / RATE_HZ
            heard = events_in(sound, network)
            for place, fraction in enumerate(FRACTIONS):
                for name, bound in BOUNDS.items():
                    count[name][place] += sum(s.name == name for s in spans_of("r", heard, fraction * bound))
        if seconds:
            said = {name: [round(3600 * n / seconds) for n in own] for name, own in count.items() if any(own)}
            print(f"{corpus}, {seconds / 60:.1f} min: {said}")


def show(path: Path, files: Sequence[File], network: Network) -> None:
    """Puts one sound of each source every 12 s into a show: as loud as the show, in its place; then over it, as loud and 10 dB weaker."""
    base = read(path)
    loud = np.sqrt(np.mean(base**2))
    before = spans_of("r", events_in(base, network), 0)
    print(f"\n{path.name}, {len(base) / RATE_HZ:.0f} s, as it is: {summed(before)}")
    sources = [next(f for f in files if f.source == s) for s in dict.fromkeys(f.source for f in files)]
    for level_db, alone in ((0, True), (0, False), (-10, False)):
        totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for first in range(0, len(sources), 16):
            mixed, truth = base.copy(), []
            for place, file in enumerate(sources[first : first + 16]):
                sound = trimmed(read(file.path))[: 4 * RATE_HZ]
                at = (4 + 12 * place) * RATE_HZ
                if at + len(sound) < len(mixed):
                    mixed[at : at + len(sound)] *= not alone
                    mixed[at : at + len(sound)] += sound * loud * 10 ** (level_db / 20) / max(1e-6, float(np.sqrt(np.mean(sound**2))))
                    truth.append((at / RATE_HZ, (at + len(sound)) / RATE_HZ, next(iter(file.events))))
            found = spans_of("r", events_in(np.clip(mixed, -1, 1), network), 0)
            for event in {t[2] for t in truth}:
                own, places = [s for s in found if s.name == event], [t for t in truth if t[2] == event]
                totals[event][0] += len(places)
                totals[event][1] += sum(any(s.start < b and s.end > a for s in own) for a, b, _ in places)
                totals[event][2] += len(own)
                totals[event][3] += sum(any(s.start < b + AWAY_SECONDS and s.end > a - AWAY_SECONDS for a, b, _ in places) for s in own)
        for event, (count, hit, spans, right) in sorted(totals.items()):
            where = "in its place" if alone else f"over it, {level_db} dB"
            print(f"{where}, {event}: {hit} of {count} sounds found; {right} of {spans} spans are at such a sound")


def summed(spans: Sequence[Any]) -> dict[str, str]:
    found: dict[str, list[float]] = defaultdict(list)
    for s in spans:
        found[s.name].append(s.end - s.start)
    return {name: f"{len(own)} spans, {sum(own):.0f} s" for name, own in found.items()}


def trimmed(sound: Sound) -> Sound:
    """A sound without the silence around it."""
    there = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max(initial=1e-9))
    return sound[there[0] : there[-1] + 1] if len(there) else sound


def speed(minutes: float) -> None:
    began, own = time.monotonic(), time.process_time()
    network = load_network(1)
    started, started_cpu = time.monotonic() - began, time.process_time() - own
    minute = np.random.default_rng(0).normal(0, 0.1, 60 * RATE_HZ).astype(np.float32)
    begun = time.process_time()
    hear((minute for _ in range(round(minutes))), round(minutes) * 60 * SAMPLE_RATE_HZ, network, HOP)
    spent, peak = time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{minutes:g} minutes: {60 * minutes / spent:.0f} s of audio per CPU second, without decoding; peak memory {peak:.0f} MB")
    print(f"the network is there after {started:.1f} s, {started_cpu:.1f} CPU s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sounds", type=Path)
    parser.add_argument("--show", type=Path, nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=60)
    given = parser.parse_args()
    speed(given.minutes)
    network, more = load_network(1), list(labeled(given.sounds)) if given.sounds else []
    if given.data or more:
        recognition([*(manifest(given.data, OTHERS) if given.data else ()), *more], network)
    if given.data:
        speech(given.data, network)
    for path in given.show:
        show(path, more, network)


if __name__ == "__main__":
    main()
