"""Tells a recording that fills the disk from a disk that is full without it."""

import errno
import shutil
from pathlib import Path

from components.shared.http import causes
from components.shared.task import StageError

ROOM_BYTES = 10**9
"""Space that a recording may need: three hours as MP3 and as stereo FLAC."""


def disk_full(error: BaseException) -> bool:
    """Checks whether an error is about space on the disk."""
    return _has_number(error, errno.ENOSPC) or over_quota(error)


def over_quota(error: BaseException) -> bool:
    """Checks whether the user's quota, which free space does not show, caused the error."""
    return _has_number(error, errno.EDQUOT)


def _has_number(error: BaseException, number: int) -> bool:
    return any(isinstance(e, OSError) and e.errno == number for e in causes(error))


class Disk:
    """Space for the media file and the FLAC of one recording after another."""

    def __init__(self, media: Path, audio: Path) -> None:
        self._folders = (media, audio)
        self._largest = 0
        self._doubtful = False

    def took(self, size: int) -> None:
        """Counts a recording that had room for its files of so many bytes."""
        self._largest = max(self._largest, size)
        self._doubtful = False

    def filled(self, error: BaseException) -> str:
        """Returns the reason of a recording that filled the disk. Its files are gone already.

        It is the cause if there is room for the largest of the others now, or for ROOM_BYTES if there was none. If not, the next
        recording shows it.

        Raises:
            StageError: The recording before filled the disk as well, and left little room.
        """
        self.check()
        free = min(shutil.disk_usage(folder).free for folder in self._folders)
        self._doubtful = over_quota(error) or free < (self._largest or ROOM_BYTES)
        return "it needs more space than the disk has"

    def check(self) -> None:
        """Raises StageError if the last recording filled the disk, and there was little room without it."""
        if self._doubtful:
            places = " and ".join(str(folder) for folder in self._folders)
            raise StageError(f"expected disk space for a recording in {places}, found none: free some or set TMPDIR")
