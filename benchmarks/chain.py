"""The chain by hand that the dataset pipeline replaces, with the packages' own functions, each in a process and environment of its own.

    PYTHONPATH=. .venv/bin/python benchmarks/chain.py --in FILE --reference FILE --out FOLDER --model FOLDER

1. spleeter 2stems separates the voices from the music, in pieces of ten minutes: voices.wav
2. inaSpeechSegmenter labels speech, music, noise and silence: segments.csv
3. The speech is cut by these segments, Resemblyzer compares each clip with the reference, and the clips are written: clips/,
   clips.csv

--model is a folder with a model of Spleeter, as `speechmill models fetch` makes it.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

RATE_HZ = 44_100
PIECE_SECONDS = 600
LEAST_SECONDS, MOST_SECONDS = 1.5, 15.0
"""Lengths of clips, as `publish` and `cut` have them by default."""
ROOT = Path(__file__).resolve().parent.parent


def spleeter_settings(model: Path, folder: Path) -> str:
    """Writes Spleeter's description of a model in a folder; returns its path, which Separator takes."""
    path = folder / "spleeter.json"
    path.write_text(json.dumps(json.loads((model / "config.json").read_text()) | {"model_dir": str(model)}))
    return str(path)


def pieces(source: Path) -> Iterator[Any]:
    """Yields an audio file as arrays of up to ten minutes, shaped (samples, 2)."""
    import imageio_ffmpeg
    import numpy as np

    for number in range(sys.maxsize):
        span = ["-ss", str(number * PIECE_SECONDS), "-t", str(PIECE_SECONDS)]
        form = ["-f", "f32le", "-ac", "2", "-ar", str(RATE_HZ)]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *span, "-i", str(source), *form, "-"]
        sound = np.frombuffer(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout, np.float32).reshape(-1, 2)
        if len(sound):
            yield sound
        if len(sound) < PIECE_SECONDS * RATE_HZ:
            return


def separate(source: Path, model: Path, target: Path) -> None:
    """Writes the voices of an audio file, by Spleeter."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import soundfile
    from spleeter.separator import Separator

    with tempfile.TemporaryDirectory() as scratch, soundfile.SoundFile(target, "w", RATE_HZ, 2, "PCM_16") as file:
        separator = Separator(spleeter_settings(model, Path(scratch)), multiprocess=False)
        for piece in pieces(source):
            file.write(separator.separate(piece)["vocals"])


def segment(source: Path, target: Path) -> None:
    """Writes the segments of an audio file, by inaSpeechSegmenter: a line is a label, a start and an end in seconds."""
    import imageio_ffmpeg
    from inaSpeechSegmenter import segmenter

    weights = Path(sys.prefix) / "models" / "inaSpeechSegmenter"
    segmenter.get_remote = lambda name: str(weights / name)  # the package downloads them; these are the same files
    found = segmenter.Segmenter(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe())(str(source))
    with target.open("w", newline="") as file:
        csv.writer(file).writerows(found)


def spans(segments: Sequence[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    """Cuts the speech of some segments.

    Args:
        segments: Label, start and end in seconds, in order.

    Returns:
        Gender, start and end in seconds of each clip, of LEAST_SECONDS to MOST_SECONDS. A longer segment becomes clips of MOST_SECONDS
        and one of the rest; a shorter segment, or rest, becomes none.
    """
    clips = []
    for label, start, end in segments:
        while label in ("male", "female", "speech") and end - start >= LEAST_SECONDS:
            clips.append((label, start, min(end, start + MOST_SECONDS)))
            start += MOST_SECONDS
    return clips


def read_segments(path: Path) -> list[tuple[str, float, float]]:
    """Reads the segments that `segment` wrote."""
    with path.open(newline="") as file:
        return [(label, float(start), float(end)) for label, start, end in csv.reader(file)]


def compare(voices: Path, segments: Path, reference: Path, folder: Path) -> None:
    """Writes each clip of speech, and its similarity with the voice of the reference by Resemblyzer, from -1 to 1."""
    import soundfile
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)
    wanted = encoder.embed_utterance(preprocess_wav(reference))
    clips = folder / "clips"
    clips.mkdir(exist_ok=True)
    with soundfile.SoundFile(voices) as file, (folder / "clips.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        for number, (gender, start, end) in enumerate(spans(read_segments(segments))):
            file.seek(round(start * RATE_HZ))
            sound = file.read(round((end - start) * RATE_HZ), dtype="float32")
            path = clips / f"{number:05}.wav"
            soundfile.write(path, sound, RATE_HZ)
            heard = preprocess_wav(sound.mean(axis=1), RATE_HZ)
            similarity = float(encoder.embed_utterance(heard) @ wanted) if len(heard) else float("nan")
            rows.writerow([path.name, gender, f"{start:.2f}", f"{end:.2f}", f"{similarity:.3f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="source", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--step", choices=["separate", "segment", "compare"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    voices, segments = chosen.out / "voices.wav", chosen.out / "segments.csv"
    if chosen.step == "separate":
        separate(chosen.source, chosen.model, voices)
    elif chosen.step == "segment":
        segment(voices, segments)
    elif chosen.step == "compare":
        compare(voices, segments, chosen.reference, chosen.out)
    else:
        from benchmarks.suite.environments import peer_python, variables

        chosen.out.mkdir(parents=True, exist_ok=True)
        for step, environment in {"separate": "spleeter", "segment": "inaspeechsegmenter", "compare": "torch"}.items():
            python = peer_python(environment)
            subprocess.run([python, __file__, *sys.argv[1:], "--step", step], check=True, env=variables(python))


if __name__ == "__main__":
    main()
