"""A Whisper of random numbers in CTranslate2's format: as many tokens as the real one, a network of a few neurons.

It is made by CTranslate2's converter from a specification that is filled with random weights, with a tokenizer of faster-whisper's own
library, so that all code that loads and decodes a real model runs. What it writes is nonsense; that clips keep their own texts, that times
lie inside clips and that nothing depends on a neighbour shows all the same. Whether a real model's text is right, it cannot show.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from components.shared.model import describe

TEXT_TOKENS = 50_257
STEP_SECONDS = 0.02
POSITIONS, LENGTH = 1500, 448


def write_model(
    folder: Path,
    seed: int = 1,
    width: int = 64,
    layers: int = 2,
    heads: int = 2,
    mels: int = 80,
    stop: float = 12.0,
    quantization: str | None = None,
) -> Path:
    """The model; the higher `stop` is, the sooner its texts end."""
    from ctranslate2.converters import Converter

    tokens = vocabulary()

    class Random(Converter):
        def _load(self) -> Any:
            return specification(tokens, np.random.default_rng(seed), width, layers, heads, mels, stop)

    Random().convert(str(folder), quantization=quantization)
    tokenizer(tokens).save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": mels, "sampling_rate": 16_000, "hop_length": 160}))
    describe(folder, "random", "whisper", "CC0-1.0", "random numbers", "2026-01-01T00:00:00Z")
    return folder


def vocabulary() -> list[str]:
    """The tokens of a multilingual Whisper by their number: bytes, words, what steers it, times."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES
    from tokenizers.pre_tokenizers import ByteLevel

    syllables = [a + b for a, b in itertools.product("bdfgklmnprstvz", "aeiou")]
    words = [f"Ġ{''.join(w)}" for n in (2, 3) for w in itertools.product(syllables, repeat=n)]
    text = [*[*sorted(ByteLevel.alphabet()), *words][: TEXT_TOKENS - 1], ""]  # by the empty one CTranslate2 knows a multilingual model
    languages = [f"<|{code}|>" for code in _LANGUAGE_CODES[:99]]
    steering = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    times = [f"<|{i * STEP_SECONDS:.2f}|>" for i in range(POSITIONS + 1)]
    return [*text, "<|endoftext|>", "<|startoftranscript|>", *languages, *(f"<|{s}|>" for s in steering), *times]


def tokenizer(tokens: list[str]) -> Any:
    """A tokenizer that writes bytes and reads all tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    found = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens[:TEXT_TOKENS])}, []))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    found.add_special_tokens([AddedToken(t, special=True) for t in tokens[TEXT_TOKENS:]])
    return found


def specification(tokens: list[str], rng: np.random.Generator, width: int, layers: int, heads: int, mels: int, stop: float) -> Any:
    """CTranslate2's specification of Whisper, filled with random numbers."""
    from ctranslate2.specs import WhisperSpec

    def numbers(*shape: int) -> Any:
        return rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)

    def fill(linear: Any, outputs: int, inputs: int) -> None:
        linear.weight, linear.bias = numbers(outputs, inputs), np.zeros(outputs, np.float32)

    def normalize(norm: Any) -> None:
        norm.gamma, norm.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def attend(attention: Any, *outputs: int) -> None:
        normalize(attention.layer_norm)
        for linear, count in zip(attention.linear, outputs, strict=True):
            fill(linear, count, width)

    spec = WhisperSpec(layers, heads, layers, heads)
    spec.encoder.conv1.weight, spec.encoder.conv1.bias = numbers(width, mels, 3), np.zeros(width, np.float32)
    spec.encoder.conv2.weight, spec.encoder.conv2.bias = numbers(width, width, 3), np.zeros(width, np.float32)
    for part, positions in ((spec.encoder, POSITIONS), (spec.decoder, LENGTH)):
        part.position_encodings.encodings = rng.normal(0, 0.5, (positions, width)).astype(np.float32)
        normalize(part.layer_norm)
        for layer in part.layer:
            attend(layer.self_attention, 3 * width, width)
            normalize(layer.ffn.layer_norm)
            fill(layer.ffn.linear_0, 4 * width, width)
            fill(layer.ffn.linear_1, width, 4 * width)
    for layer in spec.decoder.layer:
        attend(layer.attention, width, 2 * width, width)
    spec.decoder.embeddings.weight = rng.normal(0, 1, (len(tokens), width)).astype(np.float32)
    fill(spec.decoder.projection, len(tokens), width)
    spec.decoder.projection.weight *= 3
    spec.decoder.projection.bias[TEXT_TOKENS] = stop
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [TEXT_TOKENS]
    spec.config.lang_ids = [i for i, t in enumerate(tokens) if TEXT_TOKENS + 2 <= i < TEXT_TOKENS + 101]
    spec.config.alignment_heads = [[layers - 1, h] for h in range(heads)]
    return spec
