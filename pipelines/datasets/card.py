"""The dataset card of an export: README.md with the front matter that Hugging Face reads, and what a person must know to use it."""

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rules import SETTINGS
from pipelines.datasets.facts import Amount, Facts, Source, amounts, distinct, filled, sources, total_seconds
from pipelines.datasets.folders import MANIFEST
from pipelines.datasets.licences import OTHER, UNKNOWN, hub_ids
from store.datasets import rules, speaker_names

CARD = "README.md"
MOST = 50
"""Number of sources, speakers and other values in a table; a last line sums up the others."""
LIMITS = (
    "Whether the speakers agreed to this use is not known. A license of a recording is not the consent of the people in it.",
    "A license is what the source states. Nobody checked whether it had the right to. Unknown licenses permit nothing.",
    "Do not imitate the voice of a person, or identify people by their voices, without their consent.",
    "Transcripts, tones, genders, languages and speakers are found by models and hold errors. They are no ground truth.",
    "The recordings are what the sources publish, not a balanced sample of people, places or ways to speak.",
)
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))
_LARGEST = "10M<n<100M"
_BY = {"voices": "voice_by", "tones": "tone_by", "quality": "quality_by", "events": "events_by", "texts": "text_by"}
"""The columns that say what measured a clip."""
Defaults = Mapping[str, Mapping[str, Any]]
"""The default of each setting, by stage and name."""


@dataclass(frozen=True)
class Form:
    """The form of an export."""

    kind: str
    """Its format."""
    said: str
    """What else a person must know of it, as sentences, or empty."""
    data_files: Any
    """The files of data, as the front matter names them."""


def card(facts: Facts, clips: pa.Table, form: Form, defaults: Defaults) -> str:
    """Returns the card of an export; the same version gives the same text.

    Args:
        facts: The version.
        clips: The facts of the clips in the export; of one with splits with the column `split`.
        form: The form of the export.
        defaults: The defaults of the stages' settings, to tell which ones a run changed.
    """
    parts = (
        _front_matter(facts, clips, form),
        f"# {facts.dataset}, version {facts.version.number}\n\n{about(facts, clips)}",
        _contents(clips, form),
        _licenses(clips),
        _people(facts, clips),
        _made_by(facts, clips, defaults),
        _selection(facts),
        "## What it is not for\n\n" + "\n".join(f"- {limit}" for limit in LIMITS),
        _identity(facts),
        _sources(sources(clips)),
        f"## Citation\n\nCite the sources, and this version as\n\n```bibtex\n{citation(facts)}\n```",
    )
    return "\n\n".join(parts) + "\n"


def about(facts: Facts, clips: pa.Table) -> str:
    """A sentence about what an export holds."""
    said = [a.value for a in amounts(clips, "language") if a.value]
    return (
        f"{clips.num_rows} clips of speech, {hours(total_seconds(clips))} hours, of {distinct(clips, 'recording')} recordings"
        + (f", in {', '.join(said)}" if said else "")
        + f". Version {facts.version.number} of the dataset {facts.dataset}, made with Speechmill."
    )


def citation(facts: Facts) -> str:
    """A BibTeX entry that names the version by its identity."""
    key = f"speechmill_{facts.dataset.replace('-', '_')}_{facts.version.number}"
    return (
        f"@misc{{{key},\n  title = {{{facts.dataset}, version {facts.version.number}}},\n  year = {{{facts.made.year}}},\n"
        f"  note = {{Speechmill dataset version {facts.identity}}}\n}}"
    )


def hours(seconds: float) -> str:
    """Hours to hundredths; of less than one hundredth to ten-thousandths."""
    return f"{seconds / 3600:.2f}" if seconds >= 36 else f"{seconds / 3600:.4f}"


def _front_matter(facts: Facts, clips: pa.Table, form: Form) -> str:
    licences = hub_ids(a.value for a in amounts(clips, "licence"))
    tags = [a.value for a in amounts(clips, "language") if a.value]
    given: dict[str, Any] = {
        "pretty_name": f"{facts.dataset}, version {facts.version.number}",
        "license": licences if len(licences) != 1 else licences[0],
        "license_name": "as-each-source-states" if OTHER in licences else None,
        "language": sorted({tag.partition("-")[0] for tag in tags}),
        "language_bcp47": sorted(tag for tag in tags if "-" in tag),
        "task_categories": ["automatic-speech-recognition", "text-to-speech"] if distinct(clips, "text") else [],
        "size_categories": [next((name for most, name in _SIZES if clips.num_rows < most), _LARGEST)],
        "tags": ["audio", "speech", "speechmill"],
        "configs": [{"config_name": "default", "data_files": form.data_files}],
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in given.items() if value]  # JSON is YAML
    return "\n".join(["---", *lines, "---"])


def _contents(clips: pa.Table, form: Form) -> str:
    length = clips["seconds"]
    lengths = (
        [f"{v:.2f}" for v in (pc.min(length).as_py(), pc.mean(length).as_py(), pc.max(length).as_py())] if len(clips) else ["", "", ""]
    )
    known = [
        ("clips", clips.num_rows),
        ("hours", hours(total_seconds(clips))),
        ("recordings", distinct(clips, "recording")),
        ("speakers", distinct(clips, "speaker")),
        ("seconds of a clip, least, mean and most", ", ".join(lengths)),
        ("clips with a text", filled(clips, "text").num_rows),
    ]
    said = f"Format: {form.kind}. `{MANIFEST}` has a line of JSON for each {'clip' if 'split' in clips.column_names else 'file'}, with the "
    said += " ".join(["license and the URL of its recording.", form.said]).strip()
    parts = ["## Contents", said, _table(["what", "how much"], known)]
    if "split" in clips.column_names and len(splits := amounts(clips, "split")) > 1:
        parts.append(_amounts("split", splits))
    return "\n\n".join(parts)


def _licenses(clips: pa.Table) -> str:
    said = f"Each line of `{MANIFEST}` has the license of its recording in `licence`, as the source states it. Empty means unknown."
    return f"## Licenses\n\n{said}\n\n{_amounts('license', amounts(clips, 'licence'))}"


def _people(facts: Facts, clips: pa.Table) -> str:
    names = speaker_names(facts.version.lineage)
    speakers = [Amount(f"{a.value} ({names[a.value]})" if a.value in names else a.value, *_of(a)) for a in amounts(clips, "speaker")]
    parts = [
        f"### {title}\n\n{_amounts(title.lower(), found)}"
        for title, found in (
            ("Language", amounts(clips, "language")),
            ("Speaker", speakers),
            ("Gender", amounts(clips, "gender")),
            ("Tone", amounts(clips, "tone")),
        )
        if any(a.value for a in found)
    ]
    said = "An id such as s0001 is a voice that the same encoder finds similar in all recordings. All of this is found by models."
    return "\n\n".join(["## Languages and speakers", said, *parts])


def _of(amount: Amount) -> tuple[int, int, float]:
    return amount.clips, amount.recordings, amount.seconds


def _made_by(facts: Facts, clips: pa.Table, defaults: Defaults) -> str:
    lines = [
        (
            stage,
            own.get("image", "").rpartition("/")[2],
            ", ".join(f"{name} {model}" for name, model in sorted(facts.models.get(stage, {}).items())),
            _changed(own.get("settings", {}), defaults.get(stage, {})),
        )
        for stage, own in sorted(facts.stages.items())
    ]
    said = "The stages with their images, models and settings that are not the default. An image's name ends in the hash of its code."
    measured = [
        (what, ", ".join(found)) for what, column in _BY.items() if (found := sorted(v for v in clips[column].unique().to_pylist() if v))
    ]
    tables = [_table(["stage", "image", "models", "settings"], lines), *([_table(["what", "found by"], measured)] if measured else [])]
    return "\n\n".join(["## How it was made", said, *tables])


def _changed(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(settings.items()) if name not in defaults or value != defaults[name])


def _selection(facts: Facts) -> str:
    """The rules in words, and what was kept and rejected of all recordings."""
    given = rules(facts.version.lineage)
    used = [(s, given[s.name]) for s in SETTINGS if s.name in given and given[s.name] not in ("", s.neutral)]
    said = _table(["rule", "value", "meaning"], [(s.name, value, s.help) for s, value in used]) if used else "No rule rejects a clip."
    total = sum(facts.seconds_by_outcome.values())
    by_outcome = sorted(facts.seconds_by_outcome.items(), key=lambda item: (item[0] != "kept", -item[1]))
    shares = [(name.replace("_", " "), f"{seconds:.1f}", f"{seconds / total:.1%}" if total else "") for name, seconds in by_outcome]
    return f"## Selection\n\n{said}\n\nAll seconds of all recordings:\n\n{_table(['outcome', 'seconds', 'share'], shares)}"


def _identity(facts: Facts) -> str:
    v = facts.version
    known = [
        ("dataset", facts.dataset),
        ("version", v.number),
        ("identity", facts.identity),
        ("run", v.run),
        ("made", f"{facts.made:%Y-%m-%d %H:%M:%S} UTC"),
        ("sources_sha256", facts.sources_sha256),
    ]
    said = "A version never changes. Its identity is a hash of dataset, version, run, and all settings, images and models."
    return f"## Identity\n\n{said}\n\n{_table(['what', 'value'], known)}"


def _sources(found: Sequence[Source]) -> str:
    lines: list[Sequence[object]] = [
        (s.name, s.namespace, s.recordings, hours(s.seconds), ", ".join(licence or UNKNOWN for licence in s.licences)) for s in found[:MOST]
    ]
    if more := found[MOST:]:
        lines.append((f"and {len(more)} more", "", sum(s.recordings for s in more), hours(sum(s.seconds for s in more)), ""))
    table = _table(["source", "from", "recordings", "hours", "licenses"], lines)
    return f"## Sources\n\nThe URL of each recording is `source` in `{MANIFEST}`.\n\n{table}"


def _amounts(what: str, found: Sequence[Amount]) -> str:
    lines: list[Sequence[object]] = [(a.value or UNKNOWN, a.clips, a.recordings, f"{a.seconds:.1f}") for a in found[:MOST]]
    if more := found[MOST:]:
        lines.append((f"and {len(more)} more", sum(a.clips for a in more), "", f"{sum(a.seconds for a in more):.1f}"))
    return _table([what, "clips", "recordings", "seconds"], lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(cell if cell == '---' else _cell(cell) for cell in map(str, row))} |" for row in rows)


def _cell(text: str) -> str:
    """A text from outside for a cell: on one line, and neither Markdown nor HTML."""
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", html.escape(" ".join(text.split()), quote=False))
