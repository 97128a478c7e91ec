"""Reads voices, segments and the reference, writes turns and windows."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from components.diarize.activity import frames_in
from components.diarize.diarize import Diarized, diarize
from components.diarize.encoder import load_segmentation
from components.diarize.settings import check_settings
from components.diarize.stretches import spoken, turns_of
from components.shared.audio import decode
from components.shared.encoders import ENCODERS
from components.shared.mel import RATE_HZ, Signal
from components.shared.rows import SAMPLE_RATE_HZ, Recording, Segment, Turn
from components.shared.table import by_recording, read_rows, write_rows
from components.shared.task import Outcome, Progress, report, run
from components.shared.vectors import Embeddings, embed_windows, without_pauses
from components.shared.voice_encoder import Encoder, load_encoder
from components.shared.window_plan import seconds_of_tens, tens_in, windows_of
from components.shared.windows import REFERENCE_TABLE, Windows, WindowsWriter, certainty


def main(
    voices: Path,
    segments: Path,
    reference: Path,
    turns: Path,
    enabled: bool,
    engine: str,
    hop_seconds: float,
    batch_windows: int,
    threads: int,
) -> Outcome:
    check_settings(engine=engine, hop_seconds=hop_seconds, batch_windows=batch_windows, threads=threads)
    if not enabled:
        with WindowsWriter(turns, REFERENCE_TABLE), WindowsWriter(turns):
            write_rows(turns, Turn, [])
        return {"turns": 0, "voices": 0, "windows": 0, "reference_windows": 0}
    encoder, hear = load_encoder(engine, threads), load_segmentation(threads)
    report(f"diarizes with segmentation-3.0 and {engine} on {encoder.where}")
    recordings, references = ([r for r in read_rows(folder, Recording) if r.samples] for folder in (voices, reference))
    progress = Progress(sum(r.seconds for r in (*references, *recordings)))
    own = [np.zeros((0, ENCODERS[engine].numbers), np.float32)]
    with WindowsWriter(turns, REFERENCE_TABLE) as writer:
        for recording in references:
            found = _whole(partial(_signal, reference, recording), recording, encoder, hop_seconds, batch_windows)
            writer.write(recording.recording, _timed(found, np.zeros(len(found.spans), np.int64), engine))
            own.append(found.vectors)
            progress.add(recording.seconds)
    heard = by_recording(read_rows(segments, Segment))
    rows: list[Turn] = []
    count = voices_found = 0
    with WindowsWriter(turns) as writer:
        for recording in recordings:
            samples = recording.samples * RATE_HZ // SAMPLE_RATE_HZ
            where = spoken(heard[recording.recording], frames_in(samples))
            said = diarize(partial(_signal, voices, recording), samples, where, hear, encoder, hop_seconds, batch_windows)
            writer.write(recording.recording, _timed(said.windows, said.window_voices, engine))
            rows += turns_of(recording.recording, recording.samples, said.parts, said.voices, said.overlaps)
            count, voices_found = count + len(said.windows.spans), voices_found + _voices(said)
            progress.add(recording.seconds)
    write_rows(turns, Turn, rows)
    facts = {"turns": len(rows), "voices": voices_found, "windows": count, "turn_seconds": sum(t.end - t.start for t in rows)}
    return facts | certainty(np.concatenate(own))


def _signal(folder: Path, recording: Recording) -> Iterator[Signal]:
    path = folder / "audio" / f"{recording.recording}.flac"
    return (block[:, 0] for block in decode(path, RATE_HZ, seconds=recording.seconds))


def _whole(read: partial[Iterator[Signal]], recording: Recording, encoder: Encoder, hop_seconds: float, batch_windows: int) -> Embeddings:
    """The windows of a recording of the reference, without pauses: all of it is the voice."""
    spans, _ = windows_of(np.array([[0, tens_in(recording.samples)]]), hop_seconds)
    return without_pauses(embed_windows(read(), spans, encoder, batch_windows)[0])


def _timed(embeddings: Embeddings, voices: np.ndarray, engine: str) -> Windows:
    starts, ends = seconds_of_tens(embeddings.spans).T
    return Windows(starts, ends, voices, embeddings.vectors, engine)


def _voices(said: Diarized) -> int:
    return int(said.voices.max(initial=-1)) + 1


if __name__ == "__main__":
    run(main)
