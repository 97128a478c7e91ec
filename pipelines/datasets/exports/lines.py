"""The text files of an export's formats, beside the sound: one line for each clip. The same clips give the same bytes."""

import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from pipelines.datasets.exports.journal import Line
from pipelines.datasets.exports.wanted import Wanted
from pipelines.datasets.formats import plain

_KALDI_WORDS = re.compile(r"(?<!\w)(<s>|</s>|#0)(?!\w)")
"""Symbols that Kaldi's graphs use themselves, and refuses in texts."""
GPT_SOVITS_LANGUAGES = ("en", "ja", "ko", "yue", "zh")


@contextmanager
def json_lines_gz(path: Path) -> Iterator[Callable[[Any], None]]:
    """Yields a function that adds a value to a compressed file of JSON lines without time and name."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:

        def write(value: Any) -> None:
            packed.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")

        yield write


def write_manifest(path: Path, lines: Iterable[Line], wanted: Wanted) -> None:
    """Writes what is known of each clip as JSON lines."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(json.dumps({name: line[name] for name in wanted.carried}, ensure_ascii=False) + "\n")


def path_of(line: Line, wanted: Wanted) -> str:
    """The path of a clip's sound for readers: below its split's folder, or, after a prefix, below the export's folder."""
    return f"{wanted.path_prefix}{line['audio']}" if wanted.path_prefix else line["file"]


def write_nemo(folder: Path, lines: Iterable[Line], wanted: Wanted) -> None:
    """Writes nemo_manifest.json. NeMo looks for relative paths beside the manifest, and ignores fields that it does not know."""
    with (folder / "nemo_manifest.json").open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            own = {
                "audio_filepath": path_of(line, wanted),
                "duration": line["seconds"],
                "offset": 0.0,
                "text": plain(line["text"]),
                "speaker": line["speaker"],
                "lang": line["language"],
            }
            others = {name: line[name] for name in wanted.carried if name not in (*own, "audio", "seconds", "language")}
            file.write(json.dumps(own | others, ensure_ascii=False) + "\n")


def write_ljspeech(folder: Path, lines: Iterable[Line], wanted: Wanted) -> None:
    """Writes metadata.csv: id, text and normalized text between bars, without quotes. Both texts are the same: nothing normalizes them."""
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            text = _without_bars(line["text"])
            file.write(f"{line['clip']}|{text}|{text}\n")


def write_gpt_sovits(folder: Path, lines: Iterable[Line], wanted: Wanted) -> None:
    """Writes gpt-sovits.list: path, speaker, language and text between bars."""
    with (folder / "gpt-sovits.list").open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            path, speaker = path_of(line, wanted), line["speaker"] or "unknown"
            file.write(f"{path}|{speaker}|{gpt_sovits_language(line['language'])}|{_without_bars(line['text'])}\n")


def gpt_sovits_language(language: str) -> str:
    """What GPT-SoVITS calls a language, such as ko for ko-KR; empty if it knows none."""
    parts = language.casefold().split("-")
    return next((known for known in GPT_SOVITS_LANGUAGES if known == parts[0] or (known == "yue" and known in parts)), "")


def write_kaldi(folder: Path, lines: Iterable[Line], wanted: Wanted) -> None:
    """Writes wav.scp, text, utt2spk, spk2utt and utt2dur, sorted as LC_ALL=C does. Of each clip a few texts are in memory.

    An utterance's id begins with its speaker, as Kaldi demands. Its text has no characters that cannot be printed, and no space but
    U+0020. A clip without a known speaker gets a speaker of its own.
    """
    found = sorted(
        (f"{line['speaker'] or 'unknown'}-{line['clip']}", line["speaker"], path_of(line, wanted), line["text"], line["seconds"])
        for line in lines
    )
    _write(folder / "wav.scp", (f"{utterance} {path}" for utterance, _, path, _, _ in found))
    _write(folder / "text", (f"{utterance} {_kaldi_text(text)}" for utterance, _, _, text, _ in found))
    _write(folder / "utt2spk", (f"{utterance} {speaker or utterance}" for utterance, speaker, *_ in found))
    by_speaker = groupby(found, key=lambda row: row[1] or row[0])
    _write(folder / "spk2utt", (" ".join([speaker, *(row[0] for row in own)]) for speaker, own in by_speaker))
    _write(folder / "utt2dur", (f"{utterance} {seconds}" for utterance, *_, seconds in found))


def _kaldi_text(text: str) -> str:
    seen = "".join(c for c in plain(text) if c.isprintable())
    return " ".join(_KALDI_WORDS.sub(" ", seen).split())


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def _without_bars(text: str) -> str:
    return plain(text.replace("|", " "))
