"""Decides which files and links may be audio. Only what is clearly something else is left out; ffmpeg judges the rest."""

import os
import re
import urllib.parse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from components.shared.task import one_line

START_BYTES = 4096
"""How much of a file tells text from other data."""

_MEDIA = re.compile(
    r"3g[2ap]|3gpp|aac|ac3|adts|aif[cf]?|amr|ape|asf|au|avi|awb|bwf|caf|dff|dsf|dss|dts|dvf|eac3|f4[av]"
    r"|flac|flv|gsm|m1a|m2a|m2ts|m4[abprv]|mk[av]|mov|mp[123+4ac]|mpe?g|mpga|mts|mxf|og[agmvx]|oma|opus|qt"
    r"|ra|rf64|rmv?b?|snd|spx|tak|ts|tta|voc|vob|w64|wave?|web[am]|wm[av]|wv"
)
_OTHER = re.compile(
    r"ai|apng|avif|bmp|eps|gif|hei[cf]|ico|jfif|jpe?g?|pcx|png|psd|svgz?|tga|tiff?|webp|xcf"  # pictures
    r"|ass|atom|bib|cfg|conf|css|csv|cue|docx?|eaf|epub|html?|hwpx?|ics|ini|jsonl?|key|lab|log|lrc|md"
    r"|mobi|nfo|numbers|od[pst]|opml|pages|pdf|pptx?|ps|rdf|rss|rst|rtf|smi|srt|ssa|stm|sub|tex|textgrid"
    r"|toml|tsv|txt|vtt|xhtml|xlsx?|xml|ya?ml"  # texts
    r"|asx|m3u8?|pls|wpl|xspf"  # playlists
    r"|7z|apk|bak|bz2|cab|crdownload|dmg|exe|gz|iso|jar|js|lock|md5|par2|part|py|pyc|rar|sfv|sha256|so"
    r"|tar|tgz|tmp|torrent|url|webloc|xz|zip|zst"  # archives and programs
    r"|asd|db|dll|ffindex|lnk|np[yz]|parquet|pdb|pek|pkf|pkl|pt|reapeaks|safetensors|sfk|sqlite"  # data
)
_MEDIA_TYPES = ("audio", "video")
_OTHER_TYPES = re.compile(
    r"(image|text|font|model|document|message)\b.*"
    r"|application/(.*[+.-])?(pdf|xml|json|zip|gzip|x-gzip|x-tar|x-rar(-compressed)?|vnd\.rar|x-7z-compressed|x-bittorrent|msword|rtf|postscript"
    r"|javascript|x-shockwave-flash|x-zip-compressed|x?html|css|yaml|hwp|x-hwp|haansofthwp|epub|x-mobipocket-ebook|sql|wasm)"
    r"|application/vnd\.(ms-(excel|powerpoint|word)|openxmlformats|oasis|hancom|apple\.(pages|numbers|keynote)|amazon\.ebook).*",
    re.DOTALL,
)
_HIDDEN = re.compile(r"\..*|__MACOSX|@eaDir|\$RECYCLE\.BIN|System Volume Information", re.DOTALL)
"""Names that start with a point, such as ._a.wav, which macOS writes beside a.wav; and folders of other systems."""
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_TEXT = bytes(set(range(256)) - set(range(32)) | set(b"\t\n\r\f\x1b"))
"""The bytes of texts in any encoding but UTF-16 and UTF-32."""


def by_name(path: str) -> bool | None:
    """Tells by its ending whether a file is media. None: it has none, or an unknown one."""
    ending = PurePosixPath(path.rpartition("/")[2]).suffix[1:].casefold()
    return True if _MEDIA.fullmatch(ending) else False if _OTHER.fullmatch(ending) else None


def by_type(stated: str) -> bool | None:
    """Tells by a stated type whether something is media. None: the type says nothing, as application/octet-stream and "file" do."""
    kind = stated.partition(";")[0].strip().casefold()
    return True if kind.startswith(_MEDIA_TYPES) else False if _OTHER_TYPES.fullmatch(kind) else None


def is_text(start: bytes) -> bool:
    """Tells by its start whether data is text. It holds no control characters."""
    return start.startswith(_MARKS) or not start.translate(None, _TEXT)


def path_of(url: str) -> str:
    """Returns the decoded path of a URL, whose ending `by_name` looks at."""
    return urllib.parse.unquote(url.partition("#")[0].partition("?")[0])


def link_may_be_audio(url: str, stated: str) -> bool:
    """Decides about a link with a stated type: it is none if one of ending and type says so, and the other does not say audio."""
    verdicts = (by_name(path_of(url)), by_type(stated))
    return True in verdicts or False not in verdicts


@dataclass
class Choice:
    """Chooses among the files of a folder or a bucket, and counts by kind what it leaves out."""

    left_out: Counter[str] = field(default_factory=Counter)

    def takes(self, name: str, start: Callable[[], bytes] | None = None) -> bool:
        """Decides about a file.

        Args:
            name: Its path inside the folder.
            start: Reads its first bytes. Without it, a file without a known ending is taken.
        """
        known = by_name(name)
        if any(_HIDDEN.fullmatch(part) for part in PurePosixPath(name).parts):
            self.left_out["hidden"] += 1
        elif known is False:
            self.left_out[PurePosixPath(name).suffix.casefold()] += 1
        elif known is None and start and is_text(start()):
            self.left_out["text"] += 1
        else:
            return True
        return False

    def told(self) -> str:
        """Says what was left out, on one line, or ""."""
        parts = ", ".join(f"{count} {kind}" for kind, count in sorted(self.left_out.items(), key=lambda item: (-item[1], item[0])))
        return f"left out {self.left_out.total()} files that are no audio: {parts}" if parts else ""


@dataclass(frozen=True)
class Found:
    """The files below a folder."""

    files: list[Path]
    """Those that may be audio, sorted; also symlinks to files."""
    told: str
    """What was left out, on one line, or ""."""
    unreadable: list[str]
    """Folders and files that cannot be read."""


def audio_files(folder: Path) -> Found:
    """Returns the files in a folder and its subfolders that may be audio. Symlinks to folders are not followed."""
    choice, files, unreadable = Choice(), list[Path](), list[str]()
    for parent, folders, names in os.walk(folder, onerror=lambda error: unreadable.append(one_line(error.filename)), followlinks=False):
        folders[:] = [name for name in folders if choice.takes(f"{name}/x.wav")]  # a hidden folder counts as one
        for path in (Path(parent, name) for name in names):
            if not path.is_file():
                choice.left_out["pipes and broken links"] += 1
                continue
            try:
                taken = choice.takes(str(path.relative_to(folder)), partial(_start, path))
            except OSError:
                unreadable.append(one_line(path))
            else:
                files += [path] * taken
    return Found(sorted(files), choice.told(), unreadable)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(START_BYTES)
