"""Croissant 1.1: the description of an export in JSON-LD that dataset search and loaders read (https://docs.mlcommons.org/croissant)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from components.shared.rows import DatasetRow
from components.shared.table import schema
from pipelines.datasets.facts import Facts, amounts
from pipelines.datasets.folders import MANIFEST
from pipelines.datasets.licences import url_of

CROISSANT = "croissant.json"
_CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_OWN = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet"),
    *("format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references"),
    *("regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
)
"""Terms of Croissant's own vocabulary."""
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _OWN},
}
_MEDIA = {
    **{
        ".flac": "audio/flac",
        ".wav": "audio/wav",
        ".mp3": "audio/mpeg",
        ".ogg": "audio/ogg",
        ".m4a": "audio/mp4",
        ".wma": "audio/x-ms-wma",
    },
    **{".parquet": "application/x-parquet", ".tar": "application/x-tar"},
    **{".rttm": "text/plain", ".TextGrid": "text/plain", ".srt": "application/x-subrip", ".eaf": "text/xml"},
}
"""Media type of each suffix of an export's files."""
_SHAPES = {"words": "-1", "word_times": "-1,2"}
"""Shapes of the columns that hold lists, where -1 is any length."""


def croissant(folder: Path, facts: Facts, clips: pa.Table, *, about: str, limits: Sequence[str], citation: str) -> dict[str, Any]:
    """Describes an export.

    The records are the lines of its manifest. mlcroissant reads no FLAC, so the sound is a set of files whose names are a column.

    Args:
        folder: The export, complete but for its descriptions.
        facts: The version.
        clips: The rows of the clips in the export.
        about: A sentence about the dataset.
        limits: What it is not for.
        citation: How to cite it, as BibTeX.
    """
    with (folder / MANIFEST).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    with (folder / MANIFEST).open(encoding="utf-8") as file:
        first = json.loads(file.readline() or "{}")
    rows = "clips" if "clip" in first else "recordings"
    models = sorted({model for own in facts.models.values() for model in own.values()})
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": facts.dataset,
        "description": about,
        "identifier": f"urn:speechmill:{facts.dataset}:{facts.version.number}:{facts.identity}",
        "version": f"{facts.version.number}.0.0",
        "datePublished": facts.made.date().isoformat(),
        "license": sorted({url_of(a.value) for a in amounts(clips, "licence")}),
        "inLanguage": [a.value for a in amounts(clips, "language") if a.value],
        "keywords": ["speech", "audio"],
        "citeAs": citation,
        "rai:dataCollection": "Recordings that were found and downloaded from the sources, which the column `source` names.",
        "rai:machineAnnotationTools": models,
        "rai:dataLimitations": list(limits),
        "rai:personalSensitiveInformation": "Voices of people, and what they say. Names of speakers, if the publisher gave them.",
        "distribution": [_manifest(sha256), *_files(first)],
        "recordSet": [_records(rows, first)] if first else [],
    }


def _manifest(sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": MANIFEST,
        "name": MANIFEST,
        "description": "One line of JSON per record.",
        "contentUrl": MANIFEST,
        "encodingFormat": "application/jsonlines",
        "sha256": sha256,
    }


def _files(first: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The set of files that the lines of a manifest name, by the name in its first line; the others are like it."""
    name = PurePosixPath(first.get("audio") or first.get("file") or "")
    if name.suffix not in _MEDIA:
        return []
    if "split" in first:
        name = PurePosixPath("*", *name.parts[1:])
    file_set = {"@id": f"files{name.suffix}", "name": f"files{name.suffix}", "includes": str(name.with_name(f"*{name.suffix}"))}
    return [{"@type": "cr:FileSet", "encodingFormat": _MEDIA[name.suffix], **file_set}]


def _records(name: str, first: Mapping[str, Any]) -> dict[str, Any]:
    key = name.removesuffix("s")
    fields = [_field(name, column, value) for column, value in first.items()]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": {"@id": f"{name}/{key}"}, "field": fields}


def _field(records: str, column: str, value: object) -> dict[str, Any]:
    source = {"fileObject": {"@id": MANIFEST}, "extract": {"column": column}}
    shape = {"isArray": True, "arrayShape": _SHAPES.get(column, "-1")} if isinstance(value, list) else {}
    return {"@type": "cr:Field", "@id": f"{records}/{column}", "name": column, "dataType": _type(column, value), "source": source, **shape}


def _type(column: str, value: object) -> str:
    """The type of a column: that of DatasetRow, or else that of a value."""
    known = schema(DatasetRow)
    if column in ("word_times", "events_top_probabilities") or (column in known.names and known.field(column).type == pa.float64()):
        return "sc:Float"
    kinds = {bool: "sc:Boolean", int: "sc:Integer", float: "sc:Float"}
    return kinds.get(type(value), "sc:Text")
