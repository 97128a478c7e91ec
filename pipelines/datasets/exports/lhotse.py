"""Lhotse's recordings, supervisions and cuts, as https://lhotse.readthedocs.io describes them: a cut for each clip."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from pipelines.datasets.exports.journal import Line
from pipelines.datasets.exports.lines import json_lines_gz, path_of
from pipelines.datasets.exports.wanted import ALWAYS, Wanted

_OWN = (*ALWAYS, "samples", "seconds", "sample_rate_hz", "channels", "text", "language", "speaker", "gender", "start", "end")
"""What recordings and supervisions say in fields of their own, or with another meaning."""


def recording(line: Line, source: dict[str, Any]) -> dict[str, Any]:
    """The recording that is a clip's sound. `source` says where that is."""
    channels = list(range(line["channels"]))
    return {
        "id": line["clip"],
        "sources": [{**source, "channels": channels}],
        "sampling_rate": line["sample_rate_hz"],
        "num_samples": line["samples"],
        "duration": line["seconds"],
        "channel_ids": channels,
    }


def supervision(line: Line, wanted: Wanted) -> dict[str, Any]:
    """Who says what in a clip. What else is known of it is in `custom`, with the place of the clip in its recording."""
    known = {name: line[name] for name in ("text", "language", "speaker", "gender") if line[name]}
    others = {name: line[name] for name in wanted.carried if name not in _OWN}
    place = {"source": line["source"], "licence": line["licence"], "source_start": line["start"], "source_end": line["end"]}
    return {
        "id": line["clip"],
        "recording_id": line["clip"],
        "start": 0.0,
        "duration": line["seconds"],
        "channel": _channel(line),
        **known,
        "custom": place | others,
    }


def cut(line: Line, wanted: Wanted, source: dict[str, Any]) -> dict[str, Any]:
    """The cut that is a clip: all of its recording, with its supervision."""
    return {
        "id": line["clip"],
        "start": 0.0,
        "duration": line["seconds"],
        "channel": _channel(line),
        "supervisions": [supervision(line, wanted)],
        "recording": recording(line, source),
        "type": "MonoCut" if line["channels"] == 1 else "MultiCut",
    }


def _channel(line: Line) -> int | list[int]:
    return 0 if line["channels"] == 1 else list(range(line["channels"]))


def write_manifests(folder: Path, lines: Iterable[Line], wanted: Wanted) -> None:
    """Writes recordings.jsonl.gz, supervisions.jsonl.gz and cuts.jsonl.gz for audio files beside them."""
    names = ("recordings", "supervisions", "cuts")
    with (
        json_lines_gz(folder / f"{names[0]}.jsonl.gz") as recordings,
        json_lines_gz(folder / f"{names[1]}.jsonl.gz") as supervisions,
        json_lines_gz(folder / f"{names[2]}.jsonl.gz") as cuts,
    ):
        for line in lines:
            source = {"type": "file", "source": path_of(line, wanted)}
            recordings(recording(line, source))
            supervisions(supervision(line, wanted))
            cuts(cut(line, wanted, source))


def write_shar_cuts(folder: Path, lines: Iterable[Line], wanted: Wanted) -> None:
    """Writes cuts.<number>.jsonl.gz for each recording.<number>.tar beside it."""
    for name, own in groupby(lines, key=lambda line: line["file"]):
        with json_lines_gz(folder / name.replace("recording.", "cuts.").replace(".tar", ".jsonl.gz")) as cuts:
            for line in own:
                cuts(cut(line, wanted, {"type": "shar", "source": ""}))
