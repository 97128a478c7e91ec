"""The story of one clip: where it is from, what measured it, and what each version of its dataset decided of it."""

from typing import Any

import pyarrow.compute as pc

from components.shared.events import BOUNDS
from components.shared.rows import DatasetRow
from components.shared.rules import SETTINGS
from components.shared.table import from_table
from pipelines.datasets.summary import as_time
from store.datasets import DatasetStore, Version, rules, speaker_names
from store.interface import StoreError
from store.parquet import conformed
from store.version_rows import Recorded

GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cut": (("start", "end", "samples", "gender", "hard_cut"), ("segment", "diarize", "cut")),
    "sound": (("audio_sha256", "before_sha256"), ("download", "separate", "denoise")),
    "voice": (("similarity", "clip_similarity", "purity", "overlap_share", "reference", "voice_by"), ("tag_speaker",)),
    "extraction": (("extracted_share", "extract_similarity_gain"), ("extract",)),
    "tone": (
        (
            "tone",
            "tone_probability",
            "arousal",
            "f0_mean_hz",
            "f0_range_semitones",
            "f0_slope_semitones_per_second",
            "energy_db",
            "voiced_rate",
            "tone_by",
        ),
        ("tag_tone",),
    ),
    "quality": (
        (
            "dnsmos_sig",
            "dnsmos_bak",
            "dnsmos_ovrl",
            "snr_db",
            "bandwidth_hz",
            "loudness_lufs",
            "true_peak_dbtp",
            "clipped_share",
            "quality_by",
        ),
        ("tag_quality",),
    ),
    "events": ((*BOUNDS, "events_top", "events_by"), ("tag_events",)),
    "transcript": (("text", "language", "confidence", "characters_per_second", "text_flags", "text_by"), ("transcribe",)),
}
"""The measurements of a clip by group, and the stages that make them."""
_ORIGIN = ("recording", "url", "title", "run", "block", "duplicate_of")


def clip_history(dataset: DatasetStore, clip: str) -> dict[str, Any]:
    """The story of a clip, as JSON has it; docs/versions.md describes it. Raises StoreError if no version has the clip."""
    versions = dataset.versions()
    reader = _Reader(dataset, clip)
    told = [reader.told(version) for version in versions]
    makings = [reader.making(version, versions) for version in versions]
    if not any(makings):
        raise StoreError(
            f"expected a clip of dataset {dataset.name} in {dataset.store.uri}, found {clip!r}, which none of its {len(versions)} "
            f'versions has: `speechmill dataset sql {dataset.name} "select clip from clips"` lists its clips'
        )
    distinct = {m["block"]: m for m in makings if m}
    return {"dataset": dataset.name, "clip": clip, "made": list(distinct.values()), "versions": told}


class _Reader:
    """Reads what versions say of one clip. Files that several versions share are read once."""

    def __init__(self, dataset: DatasetStore, clip: str) -> None:
        self._dataset, self._clip = dataset, clip
        self._recording = clip.rpartition("-")[0]
        self._recorded: dict[str, dict[str, Any] | None] = {}
        self._decided: dict[str, dict[str, Any] | None] = {}
        self._rows: dict[str, DatasetRow] = {}

    def told(self, version: Version) -> dict[str, Any]:
        """What a version decides."""
        found: dict[str, Any] = {"version": version.number, "made": as_time(version.timestamp_ms), "run": version.run}
        decision = self._decision(version)
        if decision is None:
            return found | {"has_it": False}
        recorded = self._recording_of(version) or {}
        speaker, reason = decision["speaker"], decision["reason"]
        found |= {"has_it": True, "kept": decision["kept"], "reason": reason, "speaker": speaker}
        found["name"] = speaker_names(version.lineage).get(speaker, "")
        why = self._why(reason, version, recorded)
        return found | ({"why": why} if why else {})

    def making(self, version: Version, versions: list[Version]) -> dict[str, Any] | None:
        """How the clip that a version has was made; None if it has none."""
        recorded = self._recording_of(version)
        if recorded is None or self._decision(version) is None:
            return None
        row = self._row(recorded["block"])
        stages: dict[str, Any] = next((v.lineage["stages"] for v in versions if v.run == recorded["run"]), {})
        groups = {}
        for group, (columns, makers) in GROUPS.items():
            values = {c: v for c in columns if (v := getattr(row, c)) not in ("", None, b"")}
            groups[group] = {"values": values, "stages": {s: stages[s] for s in makers if s in stages}}
        return {
            "block": recorded["block"],
            "run": recorded["run"],
            "recording": recorded["recording"],
            "url": recorded["url"] or row.source,
            "title": recorded["title"] or row.title,
            "start_seconds": row.start,
            "end_seconds": row.end,
            "measurements": groups,
        }

    def _recording_of(self, version: Version) -> dict[str, Any] | None:
        """The columns _ORIGIN of the clip's recording in a version."""
        if version.recordings not in self._recorded:
            rows = self._dataset.blocks.read_table(Recorded, version.recordings, _ORIGIN)
            found = rows.filter(pc.equal(rows["recording"], self._recording)).to_pylist()
            self._recorded[version.recordings] = found[0] if found else None
        return self._recorded[version.recordings]

    def _decision(self, version: Version) -> dict[str, Any] | None:
        recorded = self._recording_of(version)
        file = self._dataset.files(version).get(recorded["block"]) if recorded else None
        if file is None:
            return None
        if file.name not in self._decided:
            rows = self._dataset.table.read(file)
            found = rows.filter(pc.equal(rows["clip"], self._clip)).to_pylist()
            self._decided[file.name] = found[0] if found else None
        return self._decided[file.name]

    def _row(self, block: str) -> DatasetRow:
        """The measurements of the clip in a block; those columns that versions decide are empty."""
        if block not in self._rows:
            rows = self._dataset.blocks.read(block)
            rows = rows.filter(pc.equal(rows["clip"], self._clip))
            (self._rows[block],) = from_table(DatasetRow, conformed(DatasetRow, rows, f"block {block}"))
        return self._rows[block]

    def _why(self, reason: str, version: Version, recorded: dict[str, Any]) -> str:
        """What the clip was rejected for, with its value and the rule's; "" of a kept clip."""
        short, _, other = reason.partition(":")
        if not short:
            return ""
        if short == "duplicate":
            return f"its recording has the same file as {recorded['duplicate_of']}"
        setting = next((s for s in SETTINGS if s.reason == short), None)
        if setting is None:
            return ""
        limit = f"rule {setting.name} {rules(version.lineage).get(setting.name)}"
        if other:
            return f"{limit}: it is heard in {other} before"
        if setting.column in ("", "speaker"):
            return limit
        value = getattr(self._row(recorded["block"]), setting.column)
        return f"{limit}: {setting.column} is {'not measured' if value in (None, '') else value}"
