"""The formats of exports with sound: what a file of sound is, which codecs its readers take, and what is written beside it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.datasets.exports import lhotse, lines
from pipelines.datasets.exports.journal import Line
from pipelines.datasets.exports.shards import OneClip, Parquet, Shard, SharTar, Tar
from pipelines.datasets.exports.sound import CODECS, LOSSLESS
from pipelines.datasets.exports.wanted import Wanted

Beside = Callable[[Path, Iterable[Line], Wanted], None]
"""Writes what a format has beside the sound of a split: its folder, the lines of its clips with `file`, the path in that folder."""


@dataclass(frozen=True)
class Kind:
    """A format of exports with sound."""

    name: str
    """Path of a file of sound in the folder of its split, with {number}, from 0, {clip} and {codec}."""
    codecs: tuple[str, ...]
    """What its readers take, the default first."""
    shard: Callable[[Path, Wanted], Shard] = OneClip
    beside: Beside | None = None
    needs: str = ""
    """What a clip must have: text, or a language, too; empty means nothing."""
    alone: str = ""
    """Name of the folder if there are no splits; empty means the export's folder."""

    @property
    def sharded(self) -> bool:
        """Whether a file holds several clips."""
        return self.shard is not OneClip


TEXT, LANGUAGE = "text", "text and language"
KINDS = {
    "files": Kind("{number}.{codec}", CODECS),
    "jsonl": Kind("audio/{clip}.{codec}", CODECS),
    "ljspeech": Kind("wavs/{clip}.{codec}", ("wav",), beside=lines.write_ljspeech, needs=TEXT),
    "huggingface": Kind("clips-{number:05d}.parquet", ("flac", "wav", "mp3", "ogg"), Parquet),
    "nemo": Kind("audio/{clip}.{codec}", LOSSLESS, beside=lines.write_nemo, needs=TEXT),
    "lhotse": Kind("audio/{clip}.{codec}", LOSSLESS, beside=lhotse.write_manifests),
    "lhotse-shar": Kind("recording.{number:06d}.tar", LOSSLESS, SharTar, lhotse.write_shar_cuts, alone="shar"),
    "kaldi": Kind("wav/{clip}.{codec}", ("wav",), beside=lines.write_kaldi, needs=TEXT),
    "webdataset": Kind("clips-{number:06d}.tar", CODECS, Tar),
    "gpt-sovits": Kind("wavs/{clip}.{codec}", ("wav", "flac", "mp3"), beside=lines.write_gpt_sovits, needs=LANGUAGE),
}
"""The formats by their names."""
