"""Vosk, a recognizer of Kaldi, with a model from the store. It downloads nothing."""

import json
import math
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from components.shared.model import read_model
from components.shared.task import StageError
from components.shared.threads import cpu_threads
from components.transcribe.engines import Engine, Transcription, Word
from components.transcribe.settings import EngineSettings
from components.transcribe.sound import RATE_HZ, Pcm, at_16_khz

KIND = "vosk"
_FEATURES = "conf/mfcc.conf"
_NEEDED = ("am/final.mdl", _FEATURES)
_CLIPS_PER_THREAD = 4
"""Clips per batch and thread, so that threads wait little at the end of a batch."""
_LEAST_CONFIDENCE = 1e-6
_BLOCK_SAMPLES = RATE_HZ // 4
"""Samples per call. Kaldi decodes blocks of a length of this order."""


def load_vosk(folder: Path, settings: EngineSettings) -> Engine:
    """Loads the engine. A model is of one language, which the setting `language` names for the rows.

    Raises StageError if the folder holds no complete model of Vosk, or if no language is given.
    """
    model = read_model(folder, KIND)
    if missing := [name for name in _NEEDED if name not in model.files]:
        raise StageError(
            f"expected a model of Vosk in {folder}, found no {' and no '.join(missing)} in it: "
            f"choose one of `speechmill models` of kind {KIND}"
        )
    if not settings.language:
        raise StageError(f"parameter transcribe_language: expected the language of the model {model.name} for vosk, found none")
    import vosk

    vosk.SetLogLevel(-1)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            network = vosk.Model(str(_without_dither(folder, model.files, Path(scratch))))
        except Exception as error:  # vosk raises no narrower one
            raise StageError(f"expected a model of Vosk in {folder}, found one that it cannot load ({error}): fetch it again") from None
    threads = cpu_threads(settings.threads)

    def heard(clip: Pcm) -> Transcription:
        recognizer = vosk.KaldiRecognizer(network, RATE_HZ)
        recognizer.SetWords(True)
        sound, parts = at_16_khz(clip), []
        for start in range(0, len(sound), _BLOCK_SAMPLES):
            if recognizer.AcceptWaveform(sound[start : start + _BLOCK_SAMPLES].tobytes()):
                parts.append(json.loads(recognizer.Result()))
        return transcription([*parts, json.loads(recognizer.FinalResult())], settings.language)

    def transcribe(clips: Sequence[Pcm]) -> list[Transcription]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(heard, clips))

    return Engine(f"vosk/{model.name}/{model.version}", _CLIPS_PER_THREAD * threads, transcribe)


def _without_dither(folder: Path, files: Iterable[str], scratch: Path) -> Path:
    """Returns a folder with the same files and a setting less: Kaldi adds random numbers to a sound, so that a text would be another
    one each time."""
    for name in files:
        link = scratch / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((folder / name).resolve())
    own = scratch / _FEATURES
    text = own.read_text(encoding="utf-8")
    own.unlink()
    kept = [line for line in text.splitlines() if not line.startswith("--dither")]
    own.write_text("\n".join([*kept, "--dither=0.0"]) + "\n", encoding="utf-8")
    return scratch


def transcription(parts: Sequence[dict[str, Any]], language: str) -> Transcription:
    """Joins Vosk's results for the parts of a clip, which it divides at pauses."""
    said = [w for part in parts for w in part.get("result", ())]
    text = " ".join(part["text"] for part in parts if part.get("text"))
    if not said:
        return Transcription(text, language, no_speech=not text)
    confidence = sum(math.log(min(1.0, max(_LEAST_CONFIDENCE, float(w["conf"])))) for w in said) / len(said)
    return Transcription(text, language, confidence, tuple(Word(w["word"], float(w["start"]), float(w["end"])) for w in said))
