"""Whisper by faster-whisper, with a model from the store. It downloads nothing.

Batches: faster-whisper's batched pipeline takes one signal and the positions of the clips in it. Each clip becomes one row of the batch,
padded to the network's window of 30 seconds, so clips do not affect each other. The pipeline decodes once, greedily or with beam
search, in one language per call, so clips are grouped by language. Clips longer than the window, and clips with a repetitive or
improbable text or without a text for their end, are decoded one by one with Whisper's temperature fallback. Texts do not depend on the
batch. Word times depend on it slightly, because CTranslate2 aligns all texts of a batch at the length of the longest.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.shared.audio import from_pcm16
from components.shared.model import Model, read_model
from components.shared.task import StageError, one_line, report
from components.shared.threads import cpu_threads
from components.transcribe.engines import Engine, Transcription, Word
from components.transcribe.settings import EngineSettings
from components.transcribe.sound import RATE_HZ, Pcm, at_16_khz

KIND = "whisper"
WINDOW_SECONDS = 30
SLOT_SECONDS = 40
"""Distance of two clips in a batch's signal. The gap is a pause before the first word of each clip."""
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
MOST_COMPRESSION = 2.4
"""Maximum zlib compression ratio of a text that is not repetitive. This and the next two are the thresholds of Whisper's own decoding
(Radford and others, Robust Speech Recognition via Large-Scale Weak Supervision, 2022, section 4.5)."""
LEAST_LOG_PROBABILITY = -1.0
MOST_NO_SPEECH = 0.6
EARLY_SECONDS = 2.0
"""A text whose last word ends more than this before the end of a clip's speech misses its end."""
SEED = 1

Signal = NDArray[np.float32]


@dataclass(frozen=True)
class _Piece:
    """The speech of a clip, as the network's input."""

    sound: Signal
    start: float
    """Start in seconds from the clip's start."""
    length: float
    """Length of the whole clip in seconds."""


def load_whisper(folder: Path, settings: EngineSettings) -> Engine:
    """Loads the engine, on a GPU if CTranslate2 finds one.

    Raises StageError if the folder holds no complete Whisper model, or if the model does not support the language or compute type.
    """
    model = read_model(folder, KIND)
    _check_files(model, folder)
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TRANSFORMERS_OFFLINE": "1"}
    import ctranslate2
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    ctranslate2.set_random_seed(SEED)  # makes the temperature fallback reproducible for the same clips in the same order
    threads = cpu_threads(settings.threads)
    try:
        whisper = WhisperModel(str(folder), compute_type=settings.compute_type, cpu_threads=threads, local_files_only=True)
    except (ValueError, RuntimeError) as error:
        raise StageError(
            f"expected a Whisper model of CTranslate2 in {folder} that supports {settings.compute_type} on this machine, found none "
            f"({one_line(error)}): choose another transcribe_compute_type or model"
        ) from None
    bands = whisper.feature_extractor.mel_filters.shape[0]
    if whisper.model.n_mels != bands:
        raise StageError(
            f"expected {whisper.model.n_mels} mel bands in preprocessor_config.json of the model {model.name}, found {bands}: "
            "fetch the model again"
        )
    language = _language(settings.language, whisper.supported_languages, model)
    report(f"{model.name}/{model.version} on the {whisper.model.device}, computing with {whisper.model.compute_type}")
    transcribe = _transcriber(whisper, BatchedInferencePipeline(whisper), language, settings)
    return Engine(f"whisper/{model.name}/{model.version}", settings.batch_clips, transcribe)


def _transcriber(
    whisper: Any, batched: Any, language: str | None, settings: EngineSettings
) -> Callable[[Sequence[Pcm]], list[Transcription]]:
    """Returns a function that transcribes the clips of one batch."""

    def together(pieces: Sequence[_Piece], spoken: str) -> list[list[Any]]:
        """Decodes pieces that fit the window; returns the segments of each."""
        signal = np.zeros((len(pieces) + 1) * SLOT_SECONDS * RATE_HZ, np.float32)
        places = []
        for slot, piece in enumerate(pieces, start=1):
            start = slot * SLOT_SECONDS
            signal[start * RATE_HZ : start * RATE_HZ + len(piece.sound)] = piece.sound
            places.append({"start": start, "end": start + (len(piece.sound) + 0.5) / RATE_HZ})  # the pipeline rounds down
        segments, _ = batched.transcribe(
            signal,
            language=spoken,
            beam_size=settings.beam_size,
            temperature=0.0,
            clip_timestamps=places,
            batch_size=len(places),
            word_timestamps=settings.word_times,
            condition_on_previous_text=False,
        )
        found: list[list[Any]] = [[] for _ in pieces]
        for segment in segments:
            slot = segment.seek // (SLOT_SECONDS * whisper.frames_per_second)
            for word in segment.words or ():
                word.start, word.end = word.start - slot * SLOT_SECONDS, word.end - slot * SLOT_SECONDS
            found[slot - 1].append(segment)
        return found

    def alone(piece: _Piece, spoken: str) -> list[Any]:
        """Decodes a piece of any length, with the temperature fallback if the settings ask for it; returns its segments."""
        segments, _ = whisper.transcribe(
            piece.sound,
            language=spoken,
            beam_size=settings.beam_size,
            temperature=TEMPERATURES if settings.fallback else 0.0,
            compression_ratio_threshold=MOST_COMPRESSION,
            log_prob_threshold=LEAST_LOG_PROBABILITY,
            no_speech_threshold=None,  # skip nothing: doubtful text is flagged instead
            word_timestamps=settings.word_times,
            condition_on_previous_text=False,
        )
        return list(segments)

    def transcribe(clips: Sequence[Pcm]) -> list[Transcription]:
        pieces = {i: piece for i, clip in enumerate(clips) if (piece := _piece(clip, settings))}
        languages = {i: language or str(whisper.detect_language(audio=piece.sound)[0]) for i, piece in pieces.items()}
        found: dict[int, Transcription] = {}
        for spoken in sorted(set(languages.values())):
            group = [i for i, name in languages.items() if name == spoken]
            short = [i for i in group if len(pieces[i].sound) <= WINDOW_SECONDS * RATE_HZ]
            segments = dict(zip(short, together([pieces[i] for i in short], spoken) if short else [], strict=True))
            for i in group:
                if i not in segments or (settings.fallback and (_is_doubtful(segments[i]) or _stops_early(segments[i], pieces[i]))):
                    segments[i] = alone(pieces[i], spoken)
                found[i] = _transcription(segments[i], pieces[i], settings.language or spoken, settings.no_speech_probability)
        return [found.get(i, Transcription(language=settings.language, no_speech=True)) for i in range(len(clips))]

    return transcribe


def _piece(clip: Pcm, settings: EngineSettings) -> _Piece | None:
    """Returns the clip from its first to its last speech by Silero VAD, or None without speech; the whole clip without vad_filter."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    sound = from_pcm16(at_16_khz(clip))
    length = len(sound) / RATE_HZ
    if not settings.vad_filter:
        return _Piece(sound, 0.0, length) if len(sound) else None
    options = VadOptions(threshold=settings.vad_threshold, speech_pad_ms=round(1000 * settings.vad_pad_seconds))
    speech = get_speech_timestamps(sound, options) if len(sound) else []
    if not speech:
        return None
    start, stop = int(speech[0]["start"]), int(speech[-1]["end"])
    return _Piece(sound[start:stop], start / RATE_HZ, length)


def _transcription(segments: Sequence[Any], piece: _Piece, language: str, no_speech_probability: float) -> Transcription:
    if not segments:
        return Transcription(language=language, no_speech=True)
    words = tuple(
        Word(w.word.strip(), *(round(min(max(0.0, piece.start + float(t)), piece.length), 3) for t in (w.start, w.end)))
        for s in segments
        for w in s.words or ()
        if w.word.strip()
    )
    text = "".join(s.text for s in segments).strip()
    silent = min(s.no_speech_prob for s in segments) >= no_speech_probability
    return Transcription(text, language, min(0.0, _log_probability(segments)), words, silent)


def _log_probability(segments: Sequence[Any]) -> float:
    """Returns the mean log-probability of all tokens, including the end token of each segment, as faster-whisper does for one segment."""
    counts = [len(s.tokens) + 1 for s in segments]
    return float(sum(n * s.avg_logprob for n, s in zip(counts, segments, strict=True)) / sum(counts))


def _is_doubtful(segments: Sequence[Any]) -> bool:
    """Returns whether Whisper's own rules would decode these segments again at a higher temperature."""
    if not segments:
        return False
    improbable = _log_probability(segments) < LEAST_LOG_PROBABILITY
    silent = improbable and min(s.no_speech_prob for s in segments) > MOST_NO_SPEECH
    return not silent and (improbable or max(s.compression_ratio for s in segments) > MOST_COMPRESSION)


def _stops_early(segments: Sequence[Any], piece: _Piece) -> bool:
    """Returns whether the last word ends long before the last speech: Whisper sometimes stops after a sentence when it decodes a batch."""
    words = [w for s in segments for w in s.words or ()]
    return bool(words) and len(piece.sound) / RATE_HZ - float(words[-1].end) > EARLY_SECONDS


def _check_files(model: Model, folder: Path) -> None:
    """Checks the files, because faster-whisper would download a missing one or fail without a clear message."""
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if name not in model.files]
    if missing or not {"vocabulary.json", "vocabulary.txt"} & set(model.files):
        raise StageError(
            f"expected model.bin, config.json, tokenizer.json and a vocabulary in the model {model.name} in {folder}, found "
            f"{', '.join(model.files)}: choose one of `speechmill models` of kind {KIND}"
        )


def _language(wanted: str, known: Sequence[str], model: Model) -> str | None:
    """Returns the model's name of a language, without region; None makes it detect the language of each clip."""
    language = wanted.lower().partition("-")[0]
    if language and language not in known:
        raise StageError(
            f"parameter transcribe_language: expected a language of the model {model.name} ({', '.join(known)}), found {wanted}"
        )
    return language or (known[0] if len(known) == 1 else None)
