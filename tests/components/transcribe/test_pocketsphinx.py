"""PocketSphinx on real English sentences."""

import numpy as np

from components.shared.rows import SAMPLE_RATE_HZ
from components.transcribe.pocketsphinx import load_pocketsphinx


def test_most_words_of_real_sentences_are_found(spoken: dict[str, tuple[np.ndarray, str]]) -> None:
    engine = load_pocketsphinx()
    results = engine.transcribe([sound for sound, _ in spoken.values()][:3])
    said = [text.split() for _, text in spoken.values()][:3]
    found = sum(word in result.text.split() for result, words in zip(results, said, strict=True) for word in words)
    assert found > 0.5 * sum(map(len, said)), [r.text for r in results]
    for result, (sound, _) in zip(results, spoken.values(), strict=False):
        times = [t for w in result.words for t in (w.start, w.end)]
        assert times == sorted(times) and times[0] >= 0 and times[-1] <= len(sound) / SAMPLE_RATE_HZ
        assert result.text == " ".join(w.text for w in result.words)
        assert result.language == "en-us" and result.confidence is not None and -25 < result.confidence < 0 and not result.problem


def test_a_clip_s_text_is_its_own_whatever_was_heard_before(spoken: dict[str, tuple[np.ndarray, str]]) -> None:
    sounds = [sound[: 2 * SAMPLE_RATE_HZ] for sound, _ in spoken.values()][:2]
    engine = load_pocketsphinx()
    forth = engine.transcribe(sounds)
    back = engine.transcribe(sounds[::-1])[::-1]
    assert forth == back and forth[0].text and forth[0] != forth[1]


def test_a_clip_without_samples_is_no_speech() -> None:
    (result,) = load_pocketsphinx().transcribe([np.zeros(0, np.int16)])
    assert result.no_speech and result.text == "" and result.words == ()
