"""The tone and the speaker of a recording, from its file name in four published collections of emotional speech."""

import re
from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True)
class Label:
    """What a collection says of one recording."""

    tone: str
    speaker: str
    language: str
    gender: str
    """female, male, or empty if unknown."""


_RAVDESS = re.compile(r"\d\d-(?P<channel>\d\d)-(?P<code>\d\d)-\d\d-\d\d-\d\d-(?P<speaker>\d\d)", re.IGNORECASE)
_EMODB = re.compile(r"(?P<speaker>\d\d)[ab]\d\d(?P<code>[a-z])[a-z]?", re.IGNORECASE)
_TESS = re.compile(r"(?P<speaker>oaf|oa|yaf)_[^_]+_(?P<code>\w+)", re.IGNORECASE)
_SAVEE = re.compile(r"(?P<speaker>dc|je|jk|kl)[_/](?P<code>sa|su|[a-z])\d\d", re.IGNORECASE)

_TONES = {
    "ravdess": dict(
        zip(
            (f"{n:02}" for n in range(1, 9)),
            ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised"),
            strict=True,
        )
    ),
    "emodb": {"w": "angry", "l": "bored", "e": "disgusted", "a": "fearful", "f": "happy", "t": "sad", "n": "neutral"},
    "tess": {"angry": "angry", "disgust": "disgusted", "fear": "fearful", "happy": "happy", "neutral": "neutral", "sad": "sad"}
    | dict.fromkeys(("ps", "pleasant_surprise", "pleasant_surprised"), "surprised"),
    "savee": {"a": "angry", "d": "disgusted", "f": "fearful", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprised"},
}
_EMODB_MEN = ("03", "10", "11", "12", "15")
_SPEECH = "01"


def label_of(path: PurePath) -> Label | str:
    """Returns the label of a recording by the names of its file and its folder, or the reason why it has none.

    The names are those of RAVDESS (03-01-05-01-01-01-12), EmoDB (03a01Wa), TESS (OAF_back_angry) and SAVEE (DC_a01, or a01 in the
    folder DC).
    """
    if match := _RAVDESS.fullmatch(path.stem):
        if match["channel"] != _SPEECH:
            return "song or another channel of RAVDESS, not speech"
        gender = "female" if int(match["speaker"]) % 2 == 0 else "male"
        return _label("ravdess", match, match["speaker"], "en", gender)
    if match := _EMODB.fullmatch(path.stem):
        return _label("emodb", match, match["speaker"], "de", "male" if match["speaker"] in _EMODB_MEN else "female")
    if match := _TESS.fullmatch(path.stem):
        return _label("tess", match, "yaf" if match["speaker"].lower() == "yaf" else "oaf", "en", "female")
    if match := _SAVEE.fullmatch(path.stem) or _SAVEE.fullmatch(f"{path.parent.name}/{path.stem}"):
        return _label("savee", match, match["speaker"].lower(), "en", "male")
    return "the file name is not one of RAVDESS, EmoDB, TESS or SAVEE"


def _label(collection: str, match: re.Match[str], speaker: str, language: str, gender: str) -> Label | str:
    tone = _TONES[collection].get(match["code"].lower())
    if not tone:
        return f"the file name is of {collection}, but {match['code']!r} is none of its tones"
    return Label(tone, f"{collection}-{speaker}", language, gender)
