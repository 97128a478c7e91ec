"""The formats in which other tools read who speaks when, and what: RTTM, Praat's TextGrid, SubRip and ELAN's EAF.

Each function makes the text of one file from one recording's timeline. The same timeline gives the same text.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

UNKNOWN = "unknown"
"""The speaker of a clip without a voice vector, or of a turn whose voice is in no clip that has a speaker."""
EVENTS = "event"
"""A tier of events is named by this word and the event."""
TURNS = "turns"
"""A tier of turns is named by this word and the speaker."""
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


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn: a time in which one speaker speaks."""

    start: float
    end: float
    speaker: str
    """The speaker's id; `voiceN` if the voice with the number N in the recording has none."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A time in which something beside speech is heard, such as laughter."""

    start: float
    end: float
    name: str


@dataclass(frozen=True)
class Timeline:
    """All turns and clips of one recording in one version, ordered by start. Clips do not overlap; turns of several speakers may."""

    recording: str
    seconds: float
    """Length of the recording; at least the end of the last clip."""
    turns: Sequence[Spoken]
    """Empty if the version was made before turns were kept."""
    stretches: Sequence[Stretch]
    rejected: bool
    """Whether rejected clips are exported, too."""
    names: Mapping[str, str]
    """The names of speakers by their ids, of those that have one."""
    made: datetime
    """When the version was made."""
    events: Sequence[Happened] = ()
    """Times of one event do not overlap; those of different ones may. Empty if the version was made before events were kept."""

    @property
    def exported(self) -> list[Stretch]:
        """The clips to export."""
        return [s for s in self.stretches if s.kept or self.rejected]

    @property
    def spoken(self) -> Sequence[Spoken]:
        """The turns; if there are none, the clips to export."""
        return self.turns or [Spoken(s.start, s.end, s.speaker or UNKNOWN) for s in self.exported]

    def shown(self, speaker: str) -> str:
        """A speaker for people: the name, or the id if there is none."""
        return self.names.get(speaker, speaker) or UNKNOWN

    def turns_of_speakers(self) -> dict[str, list[Spoken]]:
        """The turns of each speaker, ordered by the speaker's id, then by start. Those that overlap or touch are joined."""
        found: dict[str, list[Spoken]] = defaultdict(list)
        for turn in self.turns:
            own = found[turn.speaker]
            if own and turn.start <= own[-1].end:
                own[-1] = Spoken(own[-1].start, max(own[-1].end, turn.end), turn.speaker)
            else:
                own.append(turn)
        return dict(sorted(found.items()))

    def times_of_events(self) -> dict[str, list[Happened]]:
        """The times of each event, ordered by its name, then by start."""
        return {name: [e for e in self.events if e.name == name] for name in sorted({e.name for e in self.events})}


def rttm(timeline: Timeline) -> str:
    """Returns one SPEAKER line per turn, with times to the millisecond and the speaker's id."""
    return "".join(rttm_line(timeline.recording, s.start, s.end, s.speaker) for s in timeline.spoken)


def rttm_line(recording: str, start: float, end: float, speaker: str) -> str:
    """Returns a SPEAKER line (NIST, The 2009 rich transcription evaluation plan). Times are in seconds; "" is an unknown speaker."""
    first, last = _ms(start), _ms(end)
    return f"SPEAKER {recording} 1 {first / 1000:.3f} {(last - first) / 1000:.3f} <NA> <NA> {speaker or UNKNOWN} <NA> <NA>\n"


def textgrid(timeline: Timeline) -> str:
    """Returns a TextGrid in Praat's long format: tiers for speaker, text and clip, for each speaker's turns and for each event.

    It holds all clips. The tier `clip` says whether each one is kept. Every tier covers the recording: time outside clips and turns has
    empty labels.
    """
    clips = {
        "speaker": [timeline.shown(s.speaker) for s in timeline.stretches],
        "text": [plain(s.text) for s in timeline.stretches],
        "clip": [KEPT if s.kept else s.reason for s in timeline.stretches],
    }
    tiers = {name: list(_covering(timeline.seconds, timeline.stretches, labels)) for name, labels in clips.items()}
    for speaker, turns in timeline.turns_of_speakers().items():
        tiers[f"{TURNS} {speaker}"] = list(_covering(timeline.seconds, turns, [timeline.shown(speaker)] * len(turns)))
    for name, times in timeline.times_of_events().items():
        tiers[f"{EVENTS} {name}"] = list(_covering(timeline.seconds, times, [name] * len(times)))
    end = f"{timeline.seconds:.6f}"
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end}", "tiers? <exists>"]
    lines += [f"size = {len(tiers)}", "item []:"]
    for number, (name, intervals) in enumerate(tiers.items(), 1):
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
        f"{number}\n{_clock(s.start)} --> {_clock(s.end)}\n{f'{timeline.shown(s.speaker)}: ' if several else ''}{text}\n\n"
        for number, (s, text) in enumerate(cues, 1)
    )


def eaf(timeline: Timeline) -> str:
    """Returns an ELAN 3.0 document, times in milliseconds: per speaker a tier with the texts of exported clips, and one of turns; and
    one of each event."""
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
    for number, (tier, speaker, start, end, text) in enumerate(_annotations(timeline), 1):
        slots = [f"ts{2 * number - 1}", f"ts{2 * number}"]
        for slot, seconds in zip(slots, (start, end), strict=True):
            ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(_ms(seconds))})
        if tier not in tiers:
            who = {"PARTICIPANT": timeline.shown(speaker)} if speaker is not None else {}
            tiers[tier] = ElementTree.Element("TIER", {"LINGUISTIC_TYPE_REF": "speech", **who, "TIER_ID": tier})
        annotation = ElementTree.SubElement(tiers[tier], "ANNOTATION")
        said = {"ANNOTATION_ID": f"a{number}", "TIME_SLOT_REF1": slots[0], "TIME_SLOT_REF2": slots[1]}
        ElementTree.SubElement(ElementTree.SubElement(annotation, "ALIGNABLE_ANNOTATION", said), "ANNOTATION_VALUE").text = text
    document.extend(tiers[tier] for tier in sorted(tiers))
    kind = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": "speech", "TIME_ALIGNABLE": "true"}
    ElementTree.SubElement(document, "LINGUISTIC_TYPE", kind)
    ElementTree.indent(document)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(document, encoding="unicode") + "\n"


FORMATS = {"rttm": (rttm, ".rttm"), "textgrid": (textgrid, ".TextGrid"), "srt": (srt, ".srt"), "eaf": (eaf, ".eaf")}
"""For each format: the function that writes it, and the suffix of its files."""


def plain(text: str) -> str:
    """Returns a text on one line, without what no XML file and no subtitle may hold."""
    return " ".join(_NO_TEXT.sub("", text).split())


def _annotations(timeline: Timeline) -> Iterator[tuple[str, str | None, float, float, str]]:
    """Yields tier, speaker (None for an event), start, end and text of each annotation of an EAF."""
    for s in timeline.exported:
        yield s.speaker or UNKNOWN, s.speaker, s.start, s.end, plain(s.text)
    for speaker, turns in timeline.turns_of_speakers().items():
        for turn in turns:
            yield f"{TURNS} {speaker}", speaker, turn.start, turn.end, ""
    for name, times in timeline.times_of_events().items():
        for event in times:
            yield f"{EVENTS} {name}", None, event.start, event.end, name


def _covering(seconds: float, spans: Iterable[Stretch | Spoken | Happened], labels: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yields start, end and label of intervals without gap or overlap from 0 to the recording's end."""
    at, end = f"{0:.6f}", f"{seconds:.6f}"
    for stretch, label in zip(spans, labels, strict=True):
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
