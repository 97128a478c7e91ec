"""Reads voices, segments and the reference, writes windows."""

from pathlib import Path

import numpy as np

from components.embed.embed import Embeddings, embed_windows, without_pauses
from components.embed.encoder import load_encoder
from components.embed.mel import RATE_HZ
from components.embed.plan import Spans, frames_in, seconds, stretches, windows_of
from components.embed.settings import check_settings
from components.shared.audio import decode
from components.shared.encoders import ENCODERS
from components.shared.rows import Recording, Segment
from components.shared.table import by_recording, read_rows
from components.shared.task import Outcome, Progress, report, run
from components.shared.windows import REFERENCE_TABLE, Windows, WindowsWriter, certainty


def main(
    voices: Path,
    segments: Path,
    reference: Path,
    windows: Path,
    enabled: bool,
    engine: str,
    hop_seconds: float,
    batch_windows: int,
    threads: int,
) -> Outcome:
    check_settings(engine=engine, hop_seconds=hop_seconds, batch_windows=batch_windows, threads=threads)
    if not enabled:
        with WindowsWriter(windows, REFERENCE_TABLE), WindowsWriter(windows):
            return {"windows": 0, "speech_seconds": 0.0, "reference_windows": 0}
    encoder = load_encoder(engine, threads)
    report(f"embeds voices with {engine} on {encoder.where}")
    recordings, references = ([r for r in read_rows(folder, Recording) if r.samples] for folder in (voices, reference))
    progress = Progress(sum(r.seconds for r in (*references, *recordings)))

    def embed_recording(folder: Path, recording: Recording, speech: Spans) -> Embeddings:
        path = folder / "audio" / f"{recording.recording}.flac"
        signal = (block[:, 0] for block in decode(path, RATE_HZ, seconds=recording.seconds))
        found = embed_windows(signal, windows_of(speech, hop_seconds), encoder, batch_windows)
        progress.add(recording.seconds)
        return found

    own = [np.zeros((0, ENCODERS[engine].numbers), np.float32)]
    with WindowsWriter(windows, REFERENCE_TABLE) as writer:
        for recording in references:
            found = without_pauses(embed_recording(reference, recording, np.array([[0, frames_in(recording.samples)]])))
            writer.write(recording.recording, _timed(found, engine))
            own.append(found.vectors)
    rows = [s for s in read_rows(segments, Segment) if s.label == "speech"]
    speech = by_recording(rows)
    count = 0
    with WindowsWriter(windows) as writer:
        for recording in recordings:
            found = embed_recording(voices, recording, stretches(speech[recording.recording], frames_in(recording.samples)))
            writer.write(recording.recording, _timed(found, engine))
            count += len(found.spans)
    return {"windows": count, "speech_seconds": sum(s.end - s.start for s in rows)} | certainty(np.concatenate(own))


def _timed(embeddings: Embeddings, engine: str) -> Windows:
    return Windows(seconds(embeddings.spans[:, 0]), seconds(embeddings.spans[:, 1]), embeddings.vectors, engine)


if __name__ == "__main__":
    run(main)
