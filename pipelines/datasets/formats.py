"""The formats in which other tools read who speaks when, and what: RTTM, Praat's TextGrid, SubRip and ELAN's EAF.

Each function makes the text of one file from one recording's timeline. The same timeline gives the same text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

UNKNOWN = "unknown"
"""The speaker of a clip without a voice vector."""
KEPT = "kept"
"""What the tier `clip` of a TextGrid says of a kept clip; of another one it says the reason."""
MEDIA_SUFFIX = ".wav"
"""An EAF names the recording's sound as `<recording>.wav` beside it; ELAN plays WAV on every system."""
_EAF_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Stretch:
    """One clip on a recording's timeline; columns of DatasetRow."""

    clip: str
    recording: str
    source: str
    title: str
    channel: str
    published: str
    licence: str
    start: float
    end: float
    timeline_sha256: str
    speaker: str
    text: str
    kept: bool
    reason: str


@dataclass(frozen=True)
class Timeline:
    """All clips of one recording in one version, ordered by start; they do not overlap."""

    recording: str
    seconds: float
    """Length of the recording; at least the end of the last clip."""
    stretches: Sequence[Stretch]
    rejected: bool
    """Whether rejected clips are exported, too."""
    names: Mapping[str, str]
    """The names of speakers by their ids, of those that have one."""
    made: datetime
    """When the version was made."""

    @property
    def exported(self) -> list[Stretch]:
        """The clips to export."""
        return [s for s in self.stretches if s.kept or self.rejected]

    def shown(self, stretch: Stretch) -> str:
        """The speaker of a clip for people: the name, or the id if there is none."""
        return self.names.get(stretch.speaker, stretch.speaker) or UNKNOWN


def rttm(timeline: Timeline) -> str:
    """Returns one SPEAKER line per exported clip, with times to the millisecond and the speaker's id."""
    return "".join(rttm_line(timeline.recording, s.start, s.end, s.speaker) for s in timeline.exported)


def rttm_line(recording: str, start: float, end: float, speaker: str) -> str:
    """Returns a SPEAKER line (NIST, The 2009 rich transcription evaluation plan). Times are in seconds; "" is an unknown speaker."""
    first, last = _ms(start), _ms(end)
    return f"SPEAKER {recording} 1 {first / 1000:.3f} {(last - first) / 1000:.3f} <NA> <NA> {speaker or UNKNOWN} <NA> <NA>\n"


def textgrid(timeline: Timeline) -> str:
    """Returns a TextGrid in Praat's long format with the tiers speaker, text and clip, each of which covers the recording.

    It holds all clips. The tier `clip` says whether each one is kept. Time outside clips has empty labels.
    """
    tiers = {
        "speaker": [timeline.shown(s) for s in timeline.stretches],
        "text": [plain(s.text) for s in timeline.stretches],
        "clip": [KEPT if s.kept else s.reason for s in timeline.stretches],
    }
    end = f"{timeline.seconds:.6f}"
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end}", "tiers? <exists>"]
    lines += [f"size = {len(tiers)}", "item []:"]
    for number, (name, labels) in enumerate(tiers.items(), 1):
        intervals = list(_covering(timeline, labels))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += ["        xmin = 0", f"        xmax = {end}", f"        intervals: size = {len(intervals)}"]
        for i, (a, b, label) in enumerate(intervals, 1):
            quoted = label.replace('"', '""')
            lines += [f"        intervals [{i}]:", f"            xmin = {a}", f"            xmax = {b}", f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"


def srt(timeline: Timeline) -> str:
    """Returns the texts of exported clips as subtitles, each with its speaker if the recording has several. Empty without a text."""
    cues = [(s, text) for s in timeline.exported if (text := plain(s.text))]
    several = len({s.speaker for s, _ in cues}) > 1
    return "".join(
        f"{number}\n{_clock(s.start)} --> {_clock(s.end)}\n{f'{timeline.shown(s)}: ' if several else ''}{text}\n\n"
        for number, (s, text) in enumerate(cues, 1)
    )


def eaf(timeline: Timeline) -> str:
    """Returns an ELAN 3.0 document: a tier per speaker with the texts of exported clips, times in milliseconds."""
    document = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "",
            "DATE": timeline.made.astimezone(UTC).isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": _EAF_SCHEMA,
        },
    )
    header = ElementTree.SubElement(document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    media = f"./{timeline.recording}{MEDIA_SUFFIX}"
    described = {"MEDIA_URL": media, "MIME_TYPE": "audio/x-wav", "RELATIVE_MEDIA_URL": media}
    ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", described)
    order = ElementTree.SubElement(document, "TIME_ORDER")
    tiers: dict[str, ElementTree.Element] = {}
    for number, s in enumerate(timeline.exported, 1):
        slots = [f"ts{2 * number - 1}", f"ts{2 * number}"]
        for slot, seconds in zip(slots, (s.start, s.end), strict=True):
            ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(_ms(seconds))})
        speaker = s.speaker or UNKNOWN
        if speaker not in tiers:
            tiers[speaker] = ElementTree.Element(
                "TIER", {"LINGUISTIC_TYPE_REF": "speech", "PARTICIPANT": timeline.shown(s), "TIER_ID": speaker}
            )
        annotation = ElementTree.SubElement(tiers[speaker], "ANNOTATION")
        said = {"ANNOTATION_ID": f"a{number}", "TIME_SLOT_REF1": slots[0], "TIME_SLOT_REF2": slots[1]}
        ElementTree.SubElement(ElementTree.SubElement(annotation, "ALIGNABLE_ANNOTATION", said), "ANNOTATION_VALUE").text = plain(s.text)
    document.extend(tiers[speaker] for speaker in sorted(tiers))
    kind = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": "speech", "TIME_ALIGNABLE": "true"}
    ElementTree.SubElement(document, "LINGUISTIC_TYPE", kind)
    ElementTree.indent(document)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(document, encoding="unicode") + "\n"


FORMATS = {"rttm": (rttm, ".rttm"), "textgrid": (textgrid, ".TextGrid"), "srt": (srt, ".srt"), "eaf": (eaf, ".eaf")}
"""For each format: the function that writes it, and the suffix of its files."""


def plain(text: str) -> str:
    """Returns a text on one line, without what no XML file and no subtitle may hold."""
    return " ".join(_NO_TEXT.sub("", text).split())


def _covering(timeline: Timeline, labels: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yields start, end and label of intervals without gap or overlap from 0 to the recording's end."""
    at, end = f"{0:.6f}", f"{timeline.seconds:.6f}"
    for stretch, label in zip(timeline.stretches, labels, strict=True):
        a, b = f"{stretch.start:.6f}", f"{stretch.end:.6f}"
        if a != at:
            yield at, a, ""
        yield a, b, label
        at = b
    if at != end:
        yield at, end, ""


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _clock(seconds: float) -> str:
    """A time as SubRip has it: 01:02:03,456."""
    ms = _ms(seconds)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"
