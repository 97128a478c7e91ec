"""The script of the bundled sample's two episodes, as data. Every sentence was written for it."""

from dataclasses import dataclass

TITLE = "Speechmill sample: 작은 라디오"
HOST = "Yuna"
LICENCE = "https://creativecommons.org/publicdomain/zero/1.0/"


@dataclass(frozen=True)
class Voice:
    """A speaker: espeak-ng's language and variant, its pitch (0 to 99) and speed."""

    gender: str
    espeak: str
    pitch: int
    words_per_minute: int


VOICES = {
    "Yuna": Voice("F", "ko+f4", 75, 175),
    "Junho": Voice("M", "ko+m3", 42, 175),
    "Daniel": Voice("M", "en-us+m7", 40, 160),
    "Grace": Voice("F", "en-us+f2", 62, 160),
}


@dataclass(frozen=True)
class Music:
    """Music alone."""

    seconds: float


@dataclass(frozen=True)
class Silence:
    """Only the whistle."""

    seconds: float


@dataclass(frozen=True)
class Effect:
    """A sound effect alone."""

    name: str


@dataclass(frozen=True)
class Talk:
    """Lines of (speaker, sentence) with a pause after each, and the sounds under them."""

    lines: tuple[tuple[str, str], ...]
    music_db: float = 0.0
    """Music under the lines, this many dB below speech; 0 is none."""
    noise_db: float = 0.0
    """A crowd under the lines, this many dB below speech; 0 is none."""
    effects: tuple[str, ...] = ()
    """Effects during the lines: the n-th in the middle of the n-th line."""


@dataclass(frozen=True)
class Episode:
    """One episode: steps that follow each other."""

    title: str
    published: str
    channels: int
    key: int
    """Tonic of its music, a MIDI note."""
    steps: tuple[Music | Silence | Effect | Talk, ...]


EPISODES = (
    Episode(
        "1회: 저녁 바람 / The evening wind",
        "Mon, 01 Jan 2024 19:00:00 +0900",
        2,
        55,
        (
            Music(4.5),
            Talk(
                (
                    ("Yuna", "안녕하세요 여러분 작은 라디오 첫 번째 시간입니다."),
                    ("Daniel", "Good evening and thank you for having me on the program."),
                ),
                music_db=15,
            ),
            Talk(
                (
                    ("Yuna", "오늘 저녁에는 바람이 조금 불고 구름이 많겠습니다."),
                    ("Daniel", "I walked here along the river and counted nineteen little boats."),
                ),
            ),
            Effect("bell"),
            Silence(1.5),
            Talk(
                (
                    ("Daniel", "Someone must be standing at the door of the studio."),
                    ("Yuna", "잠깐만 기다려 주시면 제가 나가서 문을 열겠습니다."),
                ),
                effects=("knock", "horn"),
            ),
            Music(4.0),
            Talk(
                (
                    ("Daniel", "The market was full of people and the noodles smelled wonderful."),
                    ("Yuna", "시장 골목에는 따뜻한 국수 냄새가 가득했어요."),
                ),
                noise_db=15,
            ),
            Effect("door"),
            Silence(1.5),
            Talk(
                (
                    ("Yuna", "저는 어제 할머니의 오래된 라디오를 하나 고쳤습니다."),
                    ("Daniel", "Mine has been broken since the summer before last."),
                ),
                music_db=16,
            ),
        ),
    ),
    Episode(
        "2회: 밤 기차 / The night train",
        "Mon, 08 Jan 2024 19:00:00 +0900",
        1,
        57,
        (
            Silence(1.0),
            Music(4.5),
            Talk(
                (
                    ("Yuna", "다시 만나서 반갑습니다 오늘은 밤 기차 이야기를 나누겠습니다."),
                    ("Junho", "저는 부산으로 가는 마지막 기차를 자주 탑니다."),
                ),
                music_db=12,
            ),
            Talk(
                (
                    ("Grace", "The night train to Busan leaves at half past nine."),
                    ("Junho", "창밖으로 보이는 작은 마을의 불빛이 참 좋아요."),
                ),
            ),
            Effect("horn"),
            Talk(
                (
                    ("Yuna", "기차가 떠날 때마다 멀리서 종소리가 들립니다."),
                    ("Grace", "Every house beside the railway has a door of a different color."),
                ),
                effects=("spring", "bell"),
            ),
            Silence(2.0),
            Talk(
                (
                    ("Junho", "역 안에는 도시락을 파는 가게가 세 곳이나 있습니다."),
                    ("Grace", "Please bring one for me when you come back on Sunday."),
                ),
                noise_db=16,
            ),
            Effect("knock"),
            Music(4.5),
            Talk(
                (
                    ("Junho", "새벽에 바다를 보면 모든 걱정이 사라집니다."),
                    ("Yuna", "오늘도 함께해 주셔서 고맙습니다 안녕히 주무세요."),
                ),
                music_db=15,
            ),
        ),
    ),
)
