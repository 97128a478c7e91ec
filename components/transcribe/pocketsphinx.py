"""PocketSphinx with the US English model in its wheel. It is inaccurate, but runs on every machine."""

import math
import re
from collections.abc import Sequence

from components.transcribe.engines import Engine, Transcription, Word
from components.transcribe.sound import RATE_HZ, Pcm, at_16_khz

FRAMES_PER_SECOND = 100
LANGUAGE = "en-us"
_VARIANT = re.compile(r"\(\d+\)$")
"""Suffix of an alternative pronunciation in its dictionary."""
_NOT_SAID = ("<", "[", "+")
"""Prefixes of its entries for sentence boundaries, silence and noises."""
_LEAST = 1e-10


def load_pocketsphinx() -> Engine:
    """Loads the engine. Its confidence is the mean log-probability of the words, by their posteriors in the lattice."""
    from importlib.metadata import version

    from pocketsphinx import Decoder

    decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL")

    def transcribe_clip(clip: Pcm) -> Transcription:
        decoder.reinit_feat()  # resets the adaptation to the channel of the previous clip
        decoder.start_utt()
        if sound := at_16_khz(clip).tobytes():
            decoder.process_raw(sound, full_utt=True)
        decoder.end_utt()
        said = [s for s in decoder.seg() or () if not s.word.startswith(_NOT_SAID)]
        if not said:
            return Transcription(language=LANGUAGE, no_speech=True)
        words = tuple(
            Word(_VARIANT.sub("", s.word), s.start_frame / FRAMES_PER_SECOND, (s.end_frame + 1) / FRAMES_PER_SECOND) for s in said
        )
        confidence = sum(math.log(min(1.0, max(_LEAST, s.prob))) for s in said) / len(said)
        return Transcription(" ".join(w.text for w in words), LANGUAGE, confidence, words)

    def transcribe(clips: Sequence[Pcm]) -> list[Transcription]:
        return [transcribe_clip(clip) for clip in clips]

    return Engine(f"pocketsphinx/{version('pocketsphinx')}", 1, transcribe)
