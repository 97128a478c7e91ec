"""Reads turns, windows and clips, writes speakers."""

from pathlib import Path

from components.shared.clip_voices import clip_voices, reference_voice
from components.shared.rows import Clip, Speaker, Turn
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Lineage, Outcome, run
from components.shared.windows import certainty
from components.tag_speaker.tag_speaker import all_shares, speaker_rows


def main(turns: Path, clips: Path, speakers: Path, lineage: Lineage) -> Outcome:
    reference, vectors = reference_voice(turns)
    name = "" if reference is None else str(lineage["diarize"]["models"]["reference"])
    cut, said = read_rows(clips, Clip), by_recording(read_rows(turns, Turn))
    measured = [share for recording, own in by_recording(cut).items() for share in all_shares(own, said[recording])]
    voices = clip_voices(turns, cut)
    rows = speaker_rows(cut, measured, voices, reference, name)
    write_rows(speakers, Speaker, rows)
    facts = {"clips": len(rows), "clips_without_voice": int((~voices.heard).sum()), "voices": len(voices.voice_seconds)}
    return facts | (certainty(vectors) if reference else {})


if __name__ == "__main__":
    run(main)
