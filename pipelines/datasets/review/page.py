"""The labelling page: what a reviewer sees of a clip, as the configuration of a Label Studio project."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping

from components.shared.review import OTHER

TEXT, SPEAKER, TONE, REJECT = "text", "speaker", "tone", "reject"
REASONS = {
    "unintelligible": "Words cannot be understood",
    "two_voices": "Two voices",
    "noise": "Noise or music",
    "cut_word": "Begins or ends within a word",
    "wrong_language": "Another language",
    "other": "Another reason",
}
"""Reasons to reject a clip, with what the page calls them."""
_REASON_KEYS = "qwertyuiop"
_MOST_BUTTONS = 12
"""More choices than this are a list to choose from."""
_STYLE = ".sm-context { color: #777; font-size: 90% } .sm-about { font-size: 90% }"


def configuration(tones: Iterable[str], speakers: Mapping[str, str]) -> str:
    """The configuration in XML. `speakers` are names by id, "" without one.

    Keys: 1 to 9 choose a tone, q to y reject, Ctrl+Enter submits, Ctrl+Space plays.
    """
    view = ET.Element("View")
    ET.SubElement(view, "Style").text = _STYLE
    _text(view, "about", "sm-about")
    ET.SubElement(view, "Audio", name="audio", value="$audio", waveHeight="80", defaultzoom="1", height="80")
    _text(view, "before", "sm-context")
    ET.SubElement(
        view,
        "TextArea",
        name=TEXT,
        toName="audio",
        value="$text",
        rows="3",
        maxSubmissions="1",
        editable="true",
        placeholder="What is said",
    )
    _text(view, "after", "sm-context")
    _text(view, "second", "sm-context")
    known = sorted(set(tones) - {"", OTHER})
    _choices(view, TONE, "Tone", {t: t for t in [*known, OTHER]}, "123456789")
    names = {s: f"{s} ({name})" if name else s for s, name in sorted(speakers.items()) if s not in ("", OTHER)}
    _choices(view, SPEAKER, "Speaker", names | {OTHER: "another"}, "")
    _choices(view, REJECT, "Reject, because", REASONS, _REASON_KEYS)
    return ET.tostring(view, encoding="unicode")


def choices_of(configuration: str, name: str) -> list[str]:
    """The values that a page offers for a field."""
    found = ET.fromstring(configuration).iterfind(f".//Choices[@name='{name}']/Choice")
    return [choice.get("alias") or choice.attrib["value"] for choice in found]


def _text(view: ET.Element, name: str, style: str) -> None:
    box = ET.SubElement(view, "View", className=style)
    ET.SubElement(box, "Text", name=name, value=f"${name}", selectionEnabled="false")


def _choices(view: ET.Element, name: str, title: str, values: Mapping[str, str], keys: str) -> None:
    if len(values) == 1 and name != REJECT:  # only another: there is nothing to confirm
        return
    box = ET.SubElement(view, "View")
    ET.SubElement(box, "Header", value=title, size="6")
    buttons = len(values) <= _MOST_BUTTONS
    group = ET.SubElement(box, "Choices", name=name, toName="audio", choice="single", showInline="true")
    if not buttons:
        group.set("layout", "select")
    for place, (value, shown) in enumerate(values.items()):
        choice = ET.SubElement(group, "Choice", value=shown, alias=value)
        if buttons and place < len(keys):
            choice.set("hotkey", keys[place])
