"""How well `transcribe` hears words: error rates, agreement of two engines, words cut at borders, and texts invented without speech.

    PYTHONPATH=. .venvs/transcribe/bin/python benchmarks/words.py accuracy|agreement|cut|invented

SPEECHMILL_DATA names the folder of the recordings. `accuracy` compares texts with what is said, in utterances of `--split`, by language,
setting and engine. `agreement` orders Korean utterances by the agreement of Whisper and Vosk. `cut` cuts utterances inside words and
between them, and counts the flag cut_word. `invented` transcribes noise and music without speech. Models are folders: `speechmill models
fetch whisper-base vosk-ko` puts them into data/fetched-models. Error rates are of letters and digits without spaces and punctuation, the
edits of all utterances by the letters of all; where a corpus has two spellings of an utterance, the nearer counts.
"""

import argparse
import csv
import dataclasses
import os
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from components.shared.audio import decode, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ
from components.transcribe.edges import cut_word
from components.transcribe.engines import Engine, Transcription
from components.transcribe.flags import flags, plain
from components.transcribe.transcribe import load_engine
from tests.components.transcribe.defaults import DEFAULTS

Pcm = NDArray[np.int16]
SETS = {
    "Korean, read": ("ko", "emotiontts_ko_speech"),
    "Korean, acted": ("ko", "emotiontts_ko_emotional"),
    "English, read": ("en", "librispeech_test_other"),
    "English, acted": ("en", "ravdess"),
    "German, acted": ("de", "emodb"),
}
LANGUAGES = ("ko", "en")
INSIDE_SECONDS, BETWEEN_SECONDS = 0.12, 0.25
"""A word that is cut inside is at least twice the first; a gap in which is cut between words is at least the second."""


@dataclasses.dataclass(frozen=True)
class Utterance:
    """A file and what is said in it."""

    path: Path
    texts: tuple[str, ...]
    seconds: float


def utterances(data: Path, corpus: str, split: str, most: int) -> list[Utterance]:
    """At most `most` utterances of a corpus, spread over its speakers."""
    with (data / "manifest.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["corpus"] == corpus and r["split"] == split and r["transcript"]]
    rows = sorted(rows, key=lambda r: r["path"])[:: max(1, len(rows) // most)][:most]
    return [Utterance(data / r["path"], tuple({r["transcript"], r["script"] or r["transcript"]}), float(r["duration_s"])) for r in rows]


def sound(path: Path) -> Pcm:
    """A file as mono samples."""
    return to_pcm16(np.concatenate(list(decode(path, SAMPLE_RATE_HZ)))[:, 0])


def errors(text: str, truths: Sequence[str]) -> tuple[int, int]:
    """Edits and letters of the nearer truth."""
    counted = [(Levenshtein.distance(plain(text), plain(truth)), len(plain(truth))) for truth in truths]
    return min(counted, key=lambda pair: pair[0] / max(1, pair[1]))


def heard(engine: Engine, sounds: Sequence[Pcm]) -> tuple[list[Transcription], float]:
    """The transcripts, and the CPU seconds that they took."""
    began, found = time.process_time(), list[Transcription]()
    for start in range(0, len(sounds), engine.batch_clips):
        found += engine.transcribe(sounds[start : start + engine.batch_clips])
    return found, time.process_time() - began


def rate(texts: Sequence[str], said: Sequence[Utterance]) -> float:
    """The error rate of texts."""
    edits, letters = np.sum([errors(t, u.texts) for t, u in zip(texts, said, strict=True)], axis=0)
    return float(edits / letters)


def accuracy(options: argparse.Namespace) -> Iterator[str]:
    """Yields the lines of the table of error rates."""
    yield "| speech | engine | setting | CER | flagged | seconds a CPU second |"
    yield "| --- | --- | --- | --- | --- | --- |"
    variants: list[tuple[str, str, dict[str, Any]]] = [
        ("whisper", "beam 5, int8", {}),
        ("whisper", "beam 1, int8", {"beam_size": 1}),
        ("whisper", "beam 5, float32", {"compute_type": "float32"}),
        ("whisper", "beam 5, int8, one clip at a time", {"batch_clips": 1}),
        ("whisper", "beam 5, int8, language detected", {"language": ""}),
        ("vosk", "", {}),
    ]
    for name, (language, corpus) in SETS.items():
        said = utterances(options.data, corpus, options.split, options.most)
        sounds = [sound(u.path) for u in said]
        for kind, setting, changes in variants:
            if (kind == "vosk" and language != "ko") or (options.only and options.only not in f"{kind} {setting}"):
                continue
            engine = loaded(options, kind, **{"language": language, **changes})
            found, cpu = heard(engine, sounds)
            flagged = sum(bool(flags(t, u.seconds)) for t, u in zip(found, said, strict=True))
            seconds = sum(u.seconds for u in said)
            wrong = rate([t.text for t in found], said)
            yield f"| {name} | {kind} | {setting} | {wrong:.1%} | {flagged} of {len(said)} | {seconds / cpu:.1f} |"


def agreement(options: argparse.Namespace) -> Iterator[str]:
    """Yields error rates of the halves of Korean utterances on which both engines agree more and less."""
    yield "| speech | all | the half that agrees more | the other half | rank correlation | agreement of half |"
    yield "| --- | --- | --- | --- | --- | --- |"
    first, second = (loaded(options, kind, language="ko") for kind in ("whisper", "vosk"))
    for name, (language, corpus) in SETS.items():
        if language != "ko":
            continue
        said = utterances(options.data, corpus, options.split, options.most)
        sounds = [sound(u.path) for u in said]
        one, other = heard(first, sounds)[0], heard(second, sounds)[0]
        similar = np.array([Levenshtein.normalized_similarity(plain(a.text), plain(b.text)) for a, b in zip(one, other, strict=True)])
        wrong = np.array([e / max(1, n) for e, n in (errors(t.text, u.texts) for t, u in zip(one, said, strict=True))])
        order = np.argsort(-similar, kind="stable")
        halves = [
            rate([one[i].text for i in part], [said[i] for i in part])
            for part in (order, order[: len(order) // 2], order[len(order) // 2 :])
        ]
        ranks = np.corrcoef(*(np.argsort(np.argsort(values)) for values in (-similar, wrong)))[0, 1]
        middle = similar[order[len(order) // 2]]
        yield f"| {name} | {halves[0]:.1%} | {halves[1]:.1%} | {halves[2]:.1%} | {ranks:.2f} | {middle:.2f} |"


def cut(options: argparse.Namespace) -> Iterator[str]:
    """Yields how often cut_word is said of clips whose end is inside a word, and of clips that end between words."""
    yield "| speech | cut inside a word, flagged | between words, flagged | precision | recall |"
    yield "| --- | --- | --- | --- | --- |"
    for name, (language, corpus) in SETS.items():
        said = utterances(options.data, corpus, options.split, options.most)
        engine = loaded(options, "whisper", language=language)
        sounds = [sound(u.path) for u in said]
        parts = [part for pcm, t in zip(sounds, heard(engine, sounds)[0], strict=True) for part in cuts(pcm, t)]
        found = heard(engine, [pcm for pcm, _ in parts])[0]
        said_cut = [bool(cut_word(t, pcm)) for t, (pcm, _) in zip(found, parts, strict=True)]
        inside = [flag for flag, (_, is_cut) in zip(said_cut, parts, strict=True) if is_cut]
        between = [flag for flag, (_, is_cut) in zip(said_cut, parts, strict=True) if not is_cut]
        hits, false = sum(inside), sum(between)
        yield (
            f"| {name} | {hits} of {len(inside)} | {false} of {len(between)} | {hits / max(1, hits + false):.2f} | "
            f"{hits / max(1, len(inside)):.2f} |"
        )


def cuts(pcm: Pcm, whole: Transcription) -> Iterator[tuple[Pcm, bool]]:
    """Yields the start of an utterance up to the middle of a word, and up to the middle of a gap, and whether a word is cut."""
    words = whole.words
    for at, word in enumerate(words[1:], start=1):
        if word.end - word.start >= 2 * INSIDE_SECONDS and at >= 2:
            yield pcm[: round((word.start + word.end) / 2 * SAMPLE_RATE_HZ)], True
            break
    for one, two in pairwise(words[1:]):
        if two.start - one.end >= BETWEEN_SECONDS:
            yield pcm[: round((one.end + two.start) / 2 * SAMPLE_RATE_HZ)], False
            break


def invented(options: argparse.Namespace) -> Iterator[str]:
    """Yields the texts that Whisper writes on sound without speech, and how many of them are flagged."""
    with (options.data / "manifest.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["kind"] in ("noise", "music") and r["split"] == options.split]
    sounds = {r["path"]: sound(options.data / r["path"])[: 10 * SAMPLE_RATE_HZ] for r in rows[:: max(1, len(rows) // options.most)]}
    sounds |= {f"silence of {s} s": np.zeros(s * SAMPLE_RATE_HZ, np.int16) for s in (2, 5, 10)}
    yield "| language | Silero VAD | sounds | with a text | not flagged |"
    yield "| --- | --- | --- | --- | --- |"
    texts: dict[str, list[str]] = {}
    for language in LANGUAGES:
        for vad in (True, False):
            engine = loaded(options, "whisper", language=language, vad_filter=vad)
            found = heard(engine, list(sounds.values()))[0]
            written = [(t, len(pcm) / SAMPLE_RATE_HZ) for t, pcm in zip(found, sounds.values(), strict=True) if plain(t.text)]
            left = [t for t, seconds in written if not flags(t, seconds)]
            yield f"| {language} | {'on' if vad else 'off'} | {len(sounds)} | {len(written)} | {len(left)} |"
            for t, seconds in written:
                texts.setdefault(f"{language} {','.join(flags(t, seconds)) or 'NOT FLAGGED'}: {t.text}", []).append("vad" if vad else "")
    yield ""
    yield from (f"{len(places)} × {text}" for text, places in sorted(texts.items()))


def loaded(options: argparse.Namespace, kind: str, **changes: Any) -> Engine:
    """An engine with the model of the options."""
    settings = dataclasses.replace(DEFAULTS, engine=kind, threads=options.threads, **changes)
    return load_engine(kind, settings, options.models / {"whisper": options.whisper, "vosk": "vosk-ko"}[kind])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("accuracy", "agreement", "cut", "invented"))
    parser.add_argument("--split", default="dev", choices=("dev", "heldout"))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SPEECHMILL_DATA", "data")))
    parser.add_argument("--models", type=Path, default=Path("data/fetched-models"))
    parser.add_argument("--whisper", default="whisper-base")
    parser.add_argument("--most", type=int, default=60, help="utterances of a table's line")
    parser.add_argument("--only", default="", help="a setting, as the table of accuracy writes it")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    for line in {"accuracy": accuracy, "agreement": agreement, "cut": cut, "invented": invented}[options.table](options):
        print(line, flush=True)


if __name__ == "__main__":
    main()
