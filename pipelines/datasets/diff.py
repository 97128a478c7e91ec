"""The difference of two versions of a dataset, and its causes as far as the versions say them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.rules import SETTINGS
from pipelines.datasets.amounts import in_seconds, kept_samples
from pipelines.datasets.clip_changes import KINDS, ClipChanges, changed_blocks, clip_changes
from pipelines.datasets.measured_changes import compare_measurements
from store.datasets import DatasetStore, Version, rules, speaker_names
from store.version_rows import Recorded

HOURS_BY = ("speaker", "tone")
_RECORDED = ("recording", "title", "url", "channel", "samples", "media_sha256", "run", "block")
_MOST_CHANNELS = 20


@dataclass(frozen=True)
class Diff:
    """What differs between two versions."""

    before: Version
    after: Version
    clips: ClipChanges
    kept_seconds: dict[str, tuple[dict[str, float], dict[str, float]]]
    """Kept seconds by speaker and by tone, before and after."""
    causes: dict[str, Any]
    """As docs/versions.md describes."""


def diff(dataset: DatasetStore, before: Version, after: Version, most_examples: int = 0) -> Diff:
    """Compares two versions. Reads the blocks whose decisions differ, and few columns of the others for the sums.

    `most_examples` is the number of example clips of each kind of change.
    """
    old, new = (dataset.blocks.read_table(Recorded, v.recordings, _RECORDED) for v in (before, after))
    both = _in_both(old, new)
    moved = both.filter(pc.not_equal(both["before"], both["after"]))  # made again, or joined with other small blocks
    again = both.filter(pc.not_equal(both["run_before"], both["run_after"]))
    clips = clip_changes(dataset, before, after, moved["recording"], most_examples)
    compare_measurements(dataset.blocks, moved.select(["recording", "before", "after"]), clips)
    causes = {
        "sources": _pair(before.lineage["sources_sha256"], after.lineage["sources_sha256"]),
        "recordings": _recordings(old, new, again, _between(dataset, before, after)),
        "rules": _differences(rules(before.lineage), rules(after.lineage)),
        "moved": _moved(clips),
        "stages": _stages(before.lineage["stages"], after.lineage["stages"]),
        "speakers": _speakers(dataset, before, after),
        "rolled_back": [{"version": v.number, "to": v.lineage["rolled_back_to"]} for v in _rollbacks(dataset, before, after)],
    }
    return Diff(before, after, clips, _kept_seconds(dataset, before, after), {name: found for name, found in causes.items() if found})


def diff_json(dataset: str, found: Diff) -> dict[str, Any]:
    """A difference as JSON has it."""
    clips = found.clips
    kinds = {k: {"clips": clips.clips[k], "seconds": clips.samples[k] / SAMPLE_RATE_HZ} for k in KINDS}
    return {
        "dataset": dataset,
        "before": found.before.number,
        "after": found.after.number,
        "clips": {"same": clips.clips["same"], "changed": clips.clips["changed"], **kinds},
        "columns": dict(clips.columns.most_common()),
        "kept_seconds_by": {c: {"before": old, "after": new} for c, (old, new) in found.kept_seconds.items()},
        "causes": found.causes,
        **({"examples": {k: [clip for clip, _ in clips.examples[k]] for k in KINDS if clips.examples[k]}} if clips.most_examples else {}),
    }


def _in_both(old: pa.Table, new: pa.Table) -> pa.Table:
    """The recordings that both versions have, with their blocks, media and runs."""
    places = pc.index_in(new["recording"], value_set=old["recording"])
    new, old = new.filter(pc.is_valid(places)), old.take(places.drop_null())
    columns = {"recording": new["recording"], "title": new["title"], "url": new["url"], "before": old["block"], "after": new["block"]}
    for name in ("media_sha256", "run"):
        columns |= {f"{name}_before": old[name], f"{name}_after": new[name]}
    return pa.table(columns)


def _recordings(old: pa.Table, new: pa.Table, again: pa.Table, between: list[Version]) -> dict[str, Any]:
    added = new.filter(pc.invert(pc.is_in(new["recording"], value_set=old["recording"])))
    removed = old.filter(pc.invert(pc.is_in(old["recording"], value_set=new["recording"])))
    other_file = pc.not_equal(again["media_sha256_before"], again["media_sha256_after"])
    reasons = {r: why for v in between for r, why in v.lineage.get("replaced", {}).items()}
    replaced = again.filter(other_file).select(["recording", "title", "url"]).to_pylist()
    found = {
        "added": _amount(added),
        "removed": _amount(removed),
        "replaced": [{**r, "why": reasons.get(r["recording"], "its file holds other bytes")} for r in replaced],
        "made_again": again.num_rows - len(replaced),
    }
    return {name: value for name, value in found.items() if value}


def _amount(recordings: pa.Table) -> dict[str, Any]:
    """Number and length of recordings, and the channels that most of them are from; empty without any."""
    if not recordings.num_rows:
        return {}
    channels = Counter({pair["values"]: pair["counts"] for pair in pc.value_counts(recordings["channel"]).to_pylist()})
    return {
        "recordings": recordings.num_rows,
        "seconds": pc.sum(recordings["samples"]).as_py() / SAMPLE_RATE_HZ,
        "channels": dict(channels.most_common(_MOST_CHANNELS)),
    }


def _moved(clips: ClipChanges) -> list[dict[str, Any]]:
    """Where clips that both versions have moved, the longest first, with the rule that gives the reason."""
    settings = {s.reason: s.name for s in SETTINGS if s.reason}
    return [
        {
            "from": before or "kept",
            "to": after or "kept",
            "rule": settings.get(after or before, ""),
            "clips": clips.moved_clips[before, after],
            "seconds": samples / SAMPLE_RATE_HZ,
        }
        for (before, after), samples in clips.moves.most_common()
    ]


def _stages(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What differs in each stage: its image, its models with the reference among them, and its settings with the engine."""
    found: dict[str, Any] = {}
    for stage in sorted({*old, *new} - {"publish"}):
        one, two = old.get(stage, {}), new.get(stage, {})
        parts: dict[str, Any] = {"image": _pair(one.get("image", ""), two.get("image", ""))}
        parts |= {part: _differences(one.get(part, {}), two.get(part, {})) for part in ("models", "settings")}
        if parts := {name: value for name, value in parts.items() if value}:
            found[stage] = parts
    image = _pair(old.get("publish", {}).get("image", ""), new.get("publish", {}).get("image", ""))
    return found | ({"publish": {"image": image}} if image else {})


def _speakers(dataset: DatasetStore, before: Version, after: Version) -> dict[str, Any]:
    corrections = [{"version": v.number, **v.lineage["correction"]} for v in _between(dataset, before, after) if "correction" in v.lineage]
    names = _differences(speaker_names(before.lineage), speaker_names(after.lineage))
    found = {"corrections": corrections, "undone": before.number > after.number, "names": names}
    return found if corrections or names else {}


def _between(dataset: DatasetStore, before: Version, after: Version) -> list[Version]:
    """The versions after the older one, up to the newer one."""
    first, last = sorted((before.number, after.number))
    return [v for v in dataset.versions() if first < v.number <= last]


def _rollbacks(dataset: DatasetStore, before: Version, after: Version) -> list[Version]:
    return [v for v in _between(dataset, before, after) if "rolled_back_to" in v.lineage]


def _differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, list[Any]]:
    """The values that differ, before and after, by name; None is none."""
    return {name: [old.get(name), new.get(name)] for name in sorted({*old, *new}) if old.get(name) != new.get(name)}


def _pair(old: str, new: str) -> list[str]:
    return [old, new] if old != new else []


def _kept_seconds(dataset: DatasetStore, before: Version, after: Version) -> dict[str, tuple[dict[str, float], dict[str, float]]]:
    same, only_before, only_after = changed_blocks(dataset.files(before), dataset.files(after))
    shared = kept_samples(dataset, after, same, HOURS_BY)
    old, new = kept_samples(dataset, before, only_before, HOURS_BY), kept_samples(dataset, after, only_after, HOURS_BY)
    sums = [in_seconds({c: shared[c] + own[c] for c in HOURS_BY}) for own in (old, new)]
    return {c: (sums[0][c], sums[1][c]) for c in HOURS_BY}
