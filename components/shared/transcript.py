"""The rows of `transcribe`."""

from dataclasses import dataclass

from components.shared.rows import Vector


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of a clip."""

    clip: str
    text: str
    """The text, in Unicode NFC."""
    language: str
    """Language as given or detected, a BCP 47 tag in lower case, such as ko or en-us."""
    confidence: float | None
    """Mean log-probability of the decoded tokens, at most 0; null if the engine gives none."""
    characters_per_second: float | None
    """Letters and digits of the text per second of the clip."""
    words: list[str]
    """The words in order, if the engine gives their times."""
    word_times: Vector
    """Start and end of each word in seconds from the start of the clip: 2 numbers per word."""
    text_flags: str
    """Reasons to doubt the text, separated by commas: hallucination, no_speech, character_rate, cut_word; or not_transcribed if the engine
    did not get the clip or did not answer."""
    text_by: str
    """Engine and model: `whisper/<name>/<version>`, `vosk/<name>/<version>`, `azure/<API version>` or `pocketsphinx/<version>`."""
    text_agreement: float | None
    """Similarity of the text and that of the second engine, 0 to 1: 1 minus their edit distance divided by the length of the longer, of
    letters and digits alone; null without a second engine, or if one of both did not answer."""
    text_second: str
    """Text of the second engine."""
    text_second_by: str
    """Second engine and its model."""
