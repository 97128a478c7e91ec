"""PocketSphinx with the US English model that its wheel carries: rough, but there on every machine."""

import math
import re
from collections.abc import Sequence

from components.transcribe.engines import Engine, Heard, Word
from components.transcribe.sound import RATE_HZ, Pcm, at_16_khz

FRAMES_PER_SECOND = 100
LANGUAGE = "en-us"
_VARIANT = re.compile(r"\(\d+\)$")
"""What names another pronunciation of a word in its dictionary."""
_NOT_SAID = ("<", "[", "+")
"""What its names of sentence marks, silence and noises begin with."""
_LEAST = 1e-10


def load_pocketsphinx() -> Engine:
    """The engine; its confidence is the mean logarithm of the words' posterior probabilities in the lattice."""
    from importlib.metadata import version

    from pocketsphinx import Decoder

    decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL")

    def hear_one(clip: Pcm) -> Heard:
        decoder.reinit_feat()  # what it has learnt of the last clip's channel is none of this one's
        decoder.start_utt()
        if sound := at_16_khz(clip).tobytes():
            decoder.process_raw(sound, full_utt=True)
        decoder.end_utt()
        said = [s for s in decoder.seg() or () if not s.word.startswith(_NOT_SAID)]
        if not said:
            return Heard(language=LANGUAGE, no_speech=True)
        words = tuple(
            Word(_VARIANT.sub("", s.word), s.start_frame / FRAMES_PER_SECOND, (s.end_frame + 1) / FRAMES_PER_SECOND) for s in said
        )
        confidence = sum(math.log(min(1.0, max(_LEAST, s.prob))) for s in said) / len(said)
        return Heard(" ".join(w.text for w in words), LANGUAGE, confidence, words)

    def hear(clips: Sequence[Pcm]) -> list[Heard]:
        return [hear_one(clip) for clip in clips]

    return Engine(f"pocketsphinx/{version('pocketsphinx')}", 1, hear)
