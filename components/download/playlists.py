"""Recognizes playlists, which name media and are none themselves. Their links may lead anywhere, so they are not followed."""

import re
from pathlib import Path

from components.shared.http import LIVE

MAX_BYTES = 2**24
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(#EXTM3U|\[playlist\]|<asx|<MPD)", re.IGNORECASE)
_KINDS = {b"#extm3u": "M3U", b"[playlist]": "PLS", b"<asx": "ASX", b"<mpd": "DASH"}


def playlist(path: Path) -> str:
    """Returns the reason for which a playlist is no recording, or "" if the file is none."""
    if path.stat().st_size > MAX_BYTES:
        return ""
    data = path.read_bytes()
    found = _BEGINNING.match(data)
    if not found:
        return ""
    if b"#EXT-X-TARGETDURATION" in data and b"#EXT-X-ENDLIST" not in data:
        return LIVE
    return f"not audio: a playlist ({_KINDS[found[1].lower()]}); name the media in it as sources"
