"""What an export shall hold, and in which form."""

import dataclasses
from dataclasses import dataclass

from components.shared.rows import SAMPLE_RATE_HZ, DatasetRow
from pipelines.datasets.exports.splits import Splits

_OUT = ("vector", "kept", "reason")
"""Columns of DatasetRow that no line of a manifest has."""
COLUMNS = (
    *(f.name for f in dataclasses.fields(DatasetRow) if f.name not in _OUT),
    *("seconds", "sample_rate_hz", "channels", "speaker_name", "dataset", "version"),
)
"""What a line of a manifest can say of a clip, in order. `samples` is the length of the sound in the export, `seconds` the same length."""
ALWAYS = ("audio", "split", "clip", "recording", "source", "licence")
"""What every line says: where the sound is and who made it, with its license."""
SHARD_BYTES = 500_000_000


@dataclass(frozen=True)
class Wanted:
    """What an export shall hold, and in which form."""

    kind: str
    """One of KINDS."""
    codec: str
    """One of the kind's codecs."""
    rate_hz: int = SAMPLE_RATE_HZ
    channels: int = 1
    """1 or 2, which are the same."""
    splits: Splits | None = None
    columns: tuple[str, ...] = ()
    """Of COLUMNS; none means all."""
    where: str = ""
    """SQL on the columns of a clip that is true for those to export; empty means all kept ones."""
    shard_bytes: int = SHARD_BYTES
    """Greatest size of a file that holds several clips. A larger clip has a file of its own."""
    path_prefix: str = ""
    """Text before the paths of audio files from the export's folder. Without it they are relative to their split's folder."""

    @property
    def carried(self) -> tuple[str, ...]:
        """The names of what a line of a manifest says of a clip, in order."""
        chosen = dict.fromkeys(self.columns or COLUMNS)
        return (*(name for name in ALWAYS if name != "split" or self.splits), *(name for name in chosen if name not in ALWAYS))
