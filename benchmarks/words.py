"""How well `transcribe` hears words: error rates, agreement of two engines, words cut at borders, and texts invented without speech.

    PYTHONPATH=. .venvs/transcribe/bin/python benchmarks/words.py accuracy|agreement|cut|invented
    speechmill dataset sql DATASET "select recordings.url, clips.* from clips join recordings using (recording) where kept" --json > ROWS
    PYTHONPATH=. .venvs/transcribe/bin/python benchmarks/words.py shows --rows ROWS [--worst 10]
    PYTHONPATH=. .venvs/transcribe/bin/python benchmarks/words.py separated --show SHOW --audio EPISODE SEPARATED

SPEECHMILL_DATA names the folder of the recordings. `accuracy` compares texts with what is said, in utterances of `--split`, by language,
setting and engine. `agreement` orders utterances by the agreement of whisper-base and a second engine. `cut` cuts utterances at the
loudest of a syllable and in pauses, and counts the flag cut_word. `invented` transcribes noise and music without speech, with and without
the list of hallucinations. `shows` scores the kept clips of a run over shows with a known text: beside `episode-1.mp3` is
`truth/episode-1.json`, whose `utterances` have `start` and `end` in seconds, `text`, and `path` in the manifest of SPEECHMILL_DATA.

`separated` cuts the utterances of a show out of versions of its sound.

Models are folders: `speechmill models fetch whisper-base whisper-tiny-en vosk-ko` puts them into data/fetched-models. Error rates are of
letters and digits without spaces and punctuation, the edits of all utterances by the letters of all; where a corpus has two spellings of
an utterance, the nearer counts. In `shows` a clip is compared with all utterances that it touches; where it begins or ends inside one,
with the part of the text that fits best.
"""

import argparse
import csv
import dataclasses
import json
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from components.shared.audio import decode, to_pcm16
from components.shared.rows import SAMPLE_RATE_HZ
from components.transcribe.edges import cut_word
from components.transcribe.engines import Engine, Transcription
from components.transcribe.flags import flags, plain, repeats_itself
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
SECONDS = {"ko": "vosk-ko", "en": "whisper-tiny-en"}
"""The second engine of a language."""
FRAME = SAMPLE_RATE_HZ // 100
PAUSE_SECONDS, PAUSE_DB, LOUD_DB = 0.2, 30.0, 10.0
"""A pause is so long and so far below the loud tenth of an utterance; the loudest of a syllable is at most the last below it."""
CUTS = 2
"""Cuts of a kind in an utterance."""
TOUCH_SECONDS = 0.15
"""A clip holds an utterance wholly if it lacks at most this of it, and touches it if it holds more than this."""


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
            engine = loaded(options, options.whisper if kind == "whisper" else SECONDS["ko"], **{"language": language, **changes})
            found, cpu = heard(engine, sounds)
            flagged = sum(bool(flags(t, u.seconds)) for t, u in zip(found, said, strict=True))
            seconds = sum(u.seconds for u in said)
            wrong = rate([t.text for t in found], said)
            yield f"| {name} | {kind} | {setting} | {wrong:.1%} | {flagged} of {len(said)} | {seconds / cpu:.1f} |"


def agreement(options: argparse.Namespace) -> Iterator[str]:
    """Yields error rates of the halves of utterances on which both engines agree more and less."""
    yield "| speech | second | its CER | all | the half that agrees more | the other half | rank correlation | agreement of half |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, (language, corpus) in SETS.items():
        if language not in SECONDS:
            continue
        first, second = (loaded(options, model, language=language) for model in (options.whisper, SECONDS[language]))
        said = utterances(options.data, corpus, options.split, options.most)
        sounds = [sound(u.path) for u in said]
        one, other = heard(first, sounds)[0], heard(second, sounds)[0]
        similar = [Levenshtein.normalized_similarity(plain(a.text), plain(b.text)) for a, b in zip(one, other, strict=True)]
        counted = [errors(t.text, u.texts) for t, u in zip(one, said, strict=True)]
        yield f"| {name} | {SECONDS[language]} | {rate([t.text for t in other], said):.1%} | {halves(similar, counted)} |"


def halves(similar: Sequence[float], counted: Sequence[tuple[int, int]]) -> str:
    """The cells of error rates of all, of the half that agrees more, and of the other; the rank correlation, and the middle agreement."""
    order = np.argsort(-np.array(similar), kind="stable")
    sums = [np.sum([counted[i] for i in part], axis=0) for part in (order, order[: len(order) // 2], order[len(order) // 2 :])]
    ranks = np.array([np.argsort(np.argsort(values)) for values in (-np.array(similar), [e / max(1, n) for e, n in counted])])
    cells = [f"{edits / letters:.1%}" for edits, letters in sums]
    return " | ".join([*cells, f"{np.corrcoef(ranks)[0, 1]:.2f}", f"{similar[order[len(order) // 2]]:.2f}"])


def cut(options: argparse.Namespace) -> Iterator[str]:
    """Yields how often cut_word is said of clips with an edge inside a word, and of clips with both edges in pauses."""
    yield "| speech | cut inside a word, flagged | between words, flagged | precision | recall |"
    yield "| --- | --- | --- | --- | --- |"
    for name, (language, corpus) in SETS.items():
        if options.only and options.only not in name:
            continue
        engine = loaded(options, options.whisper, language=language)
        parts = [part for u in utterances(options.data, corpus, options.split, options.most) for part in cuts(sound(u.path), u.path.name)]
        found = heard(engine, [pcm for pcm, _ in parts])[0]
        said_cut = [bool(cut_word(t, pcm)) for t, (pcm, _) in zip(found, parts, strict=True)]
        inside = [flag for flag, (_, is_cut) in zip(said_cut, parts, strict=True) if is_cut]
        between = [flag for flag, (_, is_cut) in zip(said_cut, parts, strict=True) if not is_cut]
        hits, false = sum(inside), sum(between)
        yield (
            f"| {name} | {hits} of {len(inside)} | {false} of {len(between)} | {hits / max(1, hits + false):.2f} | "
            f"{hits / max(1, len(inside)):.2f} |"
        )


def cuts(pcm: Pcm, name: str) -> Iterator[tuple[Pcm, bool]]:
    """Yields parts of an utterance, and whether an edge cuts a word: the start or the end is at the loudest of a syllable. The other edge,
    or both, are the utterance's own or in the middle of a pause. No engine says where. Parts have at least 1.5 s."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    levels = np.convolve(10 * np.log10(np.mean(frames**2, axis=1) + 1), np.ones(5) / 5, mode="same")
    loud, least = np.percentile(levels, 90), round(1.5 * SAMPLE_RATE_HZ)
    quiet = np.flatnonzero(np.diff(np.concatenate([[False], levels < loud - PAUSE_DB, [False]]).astype(int)))
    pauses = [(a + b) // 2 for a, b in quiet.reshape(-1, 2) if b - a >= 100 * PAUSE_SECONDS and a > 0 and b < len(levels)]
    peaks = [i for i in range(6, len(levels) - 6) if levels[i] == levels[i - 6 : i + 7].max() and levels[i] > loud - LOUD_DB]
    for places, is_cut in ((pauses, False), (peaks, True)):
        random = np.random.default_rng(zlib.crc32(name.encode()))
        ends = [FRAME * i for i in random.permutation(places) if FRAME * i >= least][:CUTS]
        starts = [FRAME * i for i in random.permutation(places) if len(pcm) - FRAME * i >= least][:CUTS]
        yield from ((pcm[:at], is_cut) for at in map(int, ends))
        yield from ((pcm[at:], is_cut) for at in map(int, starts))


@dataclasses.dataclass(frozen=True)
class Score:
    """A kept clip of a show."""

    row: dict[str, Any]
    truth: str
    edits: int
    letters: int
    whole: bool
    """Whether the clip begins and ends outside utterances."""
    speakers: int


def shows(options: argparse.Namespace) -> Iterator[str]:
    """Yields error rates of the kept clips of shows, and the clips with the most errors."""
    with (options.data / "manifest.csv").open(encoding="utf-8") as file:
        scripts = {r["path"]: r["script"] or r["transcript"] for r in csv.DictReader(file)}
    scores: dict[str, list[Score]] = {}
    for row in json.loads(options.rows.read_text(encoding="utf-8")):
        episode = Path(row["url"].removeprefix("file://"))
        truth = json.loads((episode.parent / "truth" / f"{episode.stem}.json").read_text(encoding="utf-8"))
        scores.setdefault(truth["host"], []).append(score(row, truth["utterances"], scripts))
    everything = [s for of_show in scores.values() for s in of_show]
    yield "| clips | number | all | the half that agrees more | the other half | rank correlation | agreement of half |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    parts = {f"host {host}": found for host, found in scores.items()} | {
        "all": everything,
        "of whole utterances": [s for s in everything if s.whole],
        "that begin or end inside an utterance": [s for s in everything if not s.whole],
        "of one speaker": [s for s in everything if s.speakers == 1],
        "without a flag": [s for s in everything if not s.row["text_flags"]],
    }
    for name, part in parts.items():
        said = [s for s in part if s.truth]
        if len(said) > 3:
            cells = halves([s.row["text_agreement"] or 0.0 for s in said], [(s.edits, s.letters) for s in said])
            yield f"| {name} | {len(said)} | {cells} |"
    yield f"\n{sum(not s.truth for s in everything)} of {len(everything)} clips touch no utterance.\n"
    for s in sorted(everything, key=lambda s: -s.edits)[: options.worst]:
        place = f"{s.row['clip']} {s.row['end'] - s.row['start']:.1f} s {s.row['text_agreement']} {s.row['text_flags']}"
        yield f"{s.edits} of {s.letters} | {place}\n  said {s.truth}\n  text {s.row['text']}\n  second {s.row['text_second']}"


def separated(options: argparse.Namespace) -> Iterator[str]:
    """Yields error rates of the utterances of a show, cut out of several versions of its sound by the known times."""
    (truth,) = [json.loads(path.read_text(encoding="utf-8")) for path in (options.show / "truth").glob("*.json")]
    with (options.data / "manifest.csv").open(encoding="utf-8") as file:
        manifest = {r["path"]: r for r in csv.DictReader(file)}
    rows = [manifest[u["path"]] for u in truth["utterances"]]
    said = [Utterance(Path(r["path"]), tuple({r["transcript"], r["script"] or r["transcript"]}), 0.0) for r in rows]
    engine = loaded(options, options.whisper, language=rows[0]["lang"])
    under = [any(m["start"] < u["end"] and u["start"] < m["end"] for m in truth["music"]) for u in truth["utterances"]]
    parts = ([True] * len(said), under, [not u for u in under])
    yield "| sound | all | over music | the others |"
    yield "| --- | --- | --- | --- |"
    for path in options.audio:
        pcm = sound(path)
        spans = [[round(t * SAMPLE_RATE_HZ) for t in (u["start"], u["end"])] for u in truth["utterances"]]
        texts = [t.text for t in heard(engine, [pcm[a:b] for a, b in spans])[0]]
        cells = [f"{rate([*compress(texts, part)], [*compress(said, part)]):.1%}" for part in parts]
        yield f"| {path} | {' | '.join(cells)} |"


def score(row: dict[str, Any], said: Sequence[dict[str, Any]], scripts: dict[str, str]) -> Score:
    """Compares a clip with the utterances that it touches."""
    start, end = row["start"], row["end"]
    touched = [u for u in said if min(end, u["end"]) - max(start, u["start"]) > TOUCH_SECONDS]
    open_start = any(u["start"] < start - TOUCH_SECONDS for u in touched)
    open_end = any(u["end"] > end + TOUCH_SECONDS for u in touched)
    texts = {"".join(plain(t) for t in spelling) for spelling in ([u["text"] for u in touched], [scripts[u["path"]] for u in touched])}
    found = [(*fitted(plain(row["text"]), text, open_start, open_end), text) for text in texts]
    edits, letters, text = min(found, key=lambda f: f[0] / max(1, f[1]))
    return Score(row, text, edits, letters, not (open_start or open_end), len({u["speaker"] for u in touched}))


def fitted(text: str, truth: str, open_start: bool, open_end: bool) -> tuple[int, int]:
    """Edits and letters of the part of a truth that fits best; it begins and ends with the truth unless that end is open."""
    starts = list(range(len(truth) + 1)) if open_start else [0] * (len(truth) + 1)
    edits = [0 if open_start else j for j in range(len(truth) + 1)]
    for letter in text:
        above, above_starts = edits, starts
        edits, starts = [above[0] + 1], [above_starts[0]]
        for j, true in enumerate(truth, start=1):
            ways = [(above[j - 1] + (letter != true), above_starts[j - 1]), (above[j] + 1, above_starts[j]), (edits[-1] + 1, starts[-1])]
            best = min(ways, key=lambda way: way[0])
            edits.append(best[0])
            starts.append(best[1])
    end = min(range(len(truth) + 1), key=lambda j: (edits[j], -j)) if open_end else len(truth)
    return edits[end], end - starts[end]


def invented(options: argparse.Namespace) -> Iterator[str]:
    """Yields the texts that Whisper writes on sound without speech, and how many of them are flagged."""
    with (options.data / "manifest.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["kind"] in ("noise", "music") and r["split"] == options.split]
    rows = rows[options.first :: max(1, len(rows) // options.most)]
    sounds = {r["path"]: sound(options.data / r["path"])[: 10 * SAMPLE_RATE_HZ] for r in rows}
    sounds |= {f"silence of {s} s": np.zeros(s * SAMPLE_RATE_HZ, np.int16) for s in (2, 5, 10)}
    yield "| language | Silero VAD | sounds | with a text | without a flag but for the list | without a flag |"
    yield "| --- | --- | --- | --- | --- | --- |"
    texts: dict[str, list[str]] = {}
    for language in LANGUAGES:
        for vad in (True, False):
            engine = loaded(options, options.whisper, language=language, vad_filter=vad)
            found = heard(engine, list(sounds.values()))[0]
            written = [(t, len(pcm) / SAMPLE_RATE_HZ) for t, pcm in zip(found, sounds.values(), strict=True) if plain(t.text)]
            left = [t for t, seconds in written if not flags(t, seconds)]
            listed = [t for t, seconds in written if flags(t, seconds) == ["hallucination"] and not repeats_itself(t.text)]
            cells = (language, "on" if vad else "off", len(sounds), len(written), len(left) + len(listed), len(left))
            yield f"| {' | '.join(map(str, cells))} |"
            for t, seconds in written:
                texts.setdefault(f"{language} {','.join(flags(t, seconds)) or 'NOT FLAGGED'}: {t.text}", []).append("vad" if vad else "")
    yield ""
    yield from (f"{len(places)} × {text}" for text, places in sorted(texts.items()))


def loaded(options: argparse.Namespace, model: str, **changes: Any) -> Engine:
    """The engine of a model."""
    kind: Any = json.loads((options.models / model / "model.json").read_text(encoding="utf-8"))["kind"]
    settings = dataclasses.replace(DEFAULTS, engine=kind, threads=options.threads, **changes)
    return load_engine(kind, settings, options.models / model)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("accuracy", "agreement", "cut", "invented", "separated", "shows"))
    parser.add_argument("--split", default="dev", choices=("dev", "heldout"))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SPEECHMILL_DATA", "data")))
    parser.add_argument("--models", type=Path, default=Path("data/fetched-models"))
    parser.add_argument("--whisper", default="whisper-base")
    parser.add_argument("--most", type=int, default=60, help="utterances of a table's line")
    parser.add_argument("--first", type=int, default=0, help="the first sound of `invented`; 1 takes others than 0")
    parser.add_argument("--only", default="", help="a setting, as the table of accuracy writes it")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=Path, help="clips of `shows` as JSON, each with the url of its recording")
    parser.add_argument("--show", type=Path, help="a show for `separated`")
    parser.add_argument("--audio", type=Path, nargs="+", help="versions of its sound, such as the episode and what `separate` made of it")
    parser.add_argument("--worst", type=int, default=0, help="clips of `shows` with the most errors that are printed")
    options = parser.parse_args()
    for line in {"accuracy": accuracy, "agreement": agreement, "cut": cut, "invented": invented, "separated": separated, "shows": shows}[
        options.table
    ](options):
        print(line, flush=True)


if __name__ == "__main__":
    main()
