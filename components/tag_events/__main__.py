"""Reads recordings and clips, writes the events of each clip, and where they are in the recordings."""

from collections import Counter
from pathlib import Path

from components.shared.audio import decode
from components.shared.events import BOUNDS, ClipEvents, EventSpan, events_of
from components.shared.mel import RATE_HZ
from components.shared.rows import Clip, Recording
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Outcome, Progress, report, run
from components.tag_events.network import Network, load_network
from components.tag_events.settings import check_settings
from components.tag_events.tag_events import Heard, hear, hop_frames, of_clip, spans_of


def main(recordings: Path, clips: Path, events: Path, enabled: bool, hop_seconds: float, threshold: float, threads: int) -> Outcome:
    check_settings(hop_seconds=hop_seconds, threshold=threshold, threads=threads)
    found = [r for r in read_rows(recordings, Recording) if r.samples] if enabled else []
    cuts = by_recording(read_rows(clips, Clip))
    rows: list[ClipEvents] = []
    spans: list[EventSpan] = []
    if found:
        network, hop = load_network(threads), hop_frames(hop_seconds)
        heard_by = f"{network.name} every {hop / 100:g} s"
        report(f"hears {heard_by} on {network.where}")
        progress = Progress(sum(r.seconds for r in found))
        for recording in found:
            heard = _heard(recordings, recording, network, hop)
            rows += [of_clip(clip, heard, network, heard_by) for clip in cuts[recording.recording]]
            spans += spans_of(recording.recording, heard, threshold)
            progress.add(recording.seconds)
    write_rows(events, EventSpan, spans, "spans")
    write_rows(events, ClipEvents, rows)
    return {"clips": len(rows), "events": len(spans), **_clips_with(rows)}


def _heard(folder: Path, recording: Recording, network: Network, hop: int) -> Heard:
    path = folder / "audio" / f"{recording.recording}.flac"
    blocks = (block[:, 0] for block in decode(path, RATE_HZ, seconds=recording.seconds))
    return hear(blocks, recording.samples, network, hop)


def _clips_with(rows: list[ClipEvents]) -> dict[str, int]:
    """Number of clips with each event."""
    heard = Counter(name for row in rows for name in events_of(row))
    return {f"clips_with_{name}": heard[name] for name in BOUNDS}


if __name__ == "__main__":
    run(main)
