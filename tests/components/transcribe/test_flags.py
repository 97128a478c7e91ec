"""What is doubtful about a text: known inventions, loops, silence, rates that nobody speaks at."""

import csv
import tomllib
import unicodedata
from pathlib import Path

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from components.transcribe import flags as module
from components.transcribe.engines import Transcription
from components.transcribe.flags import ANY_RATE, RATES, agreement, characters, flags, is_hallucination, is_usual_rate, repeats_itself
from tests.places import DATA

LISTED = tomllib.loads(Path(module.__file__).with_name("hallucinations.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("시청해주셔서 감사합니다.", "ko"),
        ("시청해 주셔서 감사합니다! 시청해 주셔서 감사합니다!", "ko"),
        ("시청해주셔서 감사합니다", "en"),
        ("MBC 뉴스 이덕영입니다.", "ko"),
        ("mbc뉴스 김재경입니다", "ko"),
        ("한글자막 by 박진희", "ko"),
        ("오늘은 여기까지. 한글자막 by 박진희", "ko"),
        ("구독과 좋아요 부탁드립니다. 다음 영상에서 만나요!", "ko"),
        (unicodedata.normalize("NFD", "다음 영상에서 만나요"), "ko"),
        ("Thanks for watching!", "en"),
        ("you", "en"),
        ("Subtitles by the Amara.org community", "en"),
        ("Untertitel der Amara.org-Community", "de"),
        ("Untertitel im Auftrag des ZDF für funk, 2017", "de"),
        ("Sous-titres réalisés para la communauté d'Amara.org", "fr"),
        ("ご視聴ありがとうございました。", "ja"),
        ("请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", "zh"),
        ("Субтитры сделал DimaTorzok", "ru"),
    ],
)
def test_what_engines_make_up_is_found(text: str, language: str) -> None:
    assert is_hallucination(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "ko"),
        ("감사합니다", "ko"),
        ("오늘도 끝까지 들어주시고 시청해주셔서 감사합니다 저는 김민지였습니다", "ko"),
        ("MBC 뉴스에서 보도했습니다", "ko"),
        ("뉴스 이덕영입니다", "ko"),
        ("자막을 만드는 사람들", "ko"),
        ("Thanks for watching the kids yesterday", "en"),
        ("you know", "en"),
        ("I told you", "en"),
        ("you", "de"),
        ("Der Untertitel fehlt", "de"),
        ("...", "en"),
    ],
)
def test_what_people_say_is_not(text: str, language: str) -> None:
    assert not is_hallucination(text, language)


def test_every_entry_is_found_and_has_its_source() -> None:
    for language, entries in LISTED.items():
        for entry in entries:
            assert set(entry) <= {"text", "anywhere", "source"} and entry["source"], entry
            assert is_hallucination(entry["text"].replace("*", "이름"), language), entry


@given(st.text(), st.sampled_from([*LISTED, ""]))
def test_any_text_can_be_judged(text: str, language: str) -> None:
    result = Transcription(text, language)
    found = flags(result, 1.0)
    assert set(found) <= {"hallucination", "no_speech", "character_rate"}
    assert found == [name for name in ("hallucination", "no_speech", "character_rate") if name in found]
    assert ("no_speech" in found) == (not any(c.isalnum() for c in text))
    assert "no_speech" in flags(Transcription(text, language, no_speech=True), 1.0)
    assert flags(Transcription(problem="no answer"), 1.0) == ["not_transcribed"]


def test_loops_are_found_and_real_sentences_are_none() -> None:
    for text in ("감사합니다. " * 8, "아 " * 40, "Thank you, Mr. President. " * 6, "so " * 40):
        assert repeats_itself(text), text
    for text in ("자, 자, 자, 자, 자, 자", "I'm sorry. I'm sorry. I'm sorry. I'm sorry.", "으으으으으으으으!"):
        assert repeats_itself(text), text
    for text in ("", "네 네 네", "아니 아니 아니", "그래서 저는 그래서 저는 집에 갔다가 다시 나왔어요", "no no no I said no to that"):
        assert not repeats_itself(text), text


def test_rates_by_language_and_for_those_that_nobody_measured() -> None:
    assert is_usual_rate(5, "ko") and not is_usual_rate(15, "ko") and is_usual_rate(15, "en") and not is_usual_rate(0.5, "ko")
    assert is_usual_rate(15, "de") and not is_usual_rate(40, "de")
    assert all(ANY_RATE[0] <= least < most <= ANY_RATE[1] for least, most in RATES.values())
    assert flags(Transcription("가나다라마바사아자차카타파하", "ko-KR"), 1.0) == ["character_rate"]
    assert flags(Transcription("가나다라마바사아자차카타파하", "ko-KR"), 3.0) == []


def test_letters_and_digits_count_and_nothing_else() -> None:
    assert characters("한국, 2개국! OK?") == 7 and characters("... — !") == 0


def test_no_transcript_of_real_speech_is_flagged() -> None:
    if not (DATA / "manifest.csv").is_file():
        pytest.skip(f"no recordings in {DATA}: set SPEECHMILL_DATA")
    with (DATA / "manifest.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["transcript"] and r["lang"] in ("ko", "en") and (DATA / r["path"]).is_file()]
    wrong = [r["path"] for r in rows if flags(Transcription(r["transcript"], r["lang"]), soundfile.info(DATA / r["path"]).duration)]
    assert len(rows) > 400 and not wrong


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_agreement_of_two_texts_has_no_side_and_ignores_all_but_letters_and_digits(one: str, other: str) -> None:
    a, b = Transcription(one), Transcription(other)
    assert agreement(a, b) == agreement(b, a) and 0 <= (agreement(a, b) or 0) <= 1
    assert agreement(a, Transcription(f"  {one}!?")) == 1


def test_the_agreement_is_one_minus_the_edits_by_the_length_of_the_longer() -> None:
    assert agreement(Transcription("오늘 저녁"), Transcription("오늘 저녁은.")) == pytest.approx(1 - 1 / 5)
    assert agreement(Transcription(problem="no answer"), Transcription("오늘")) is None
