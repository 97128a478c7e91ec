"""What went wrong, in words that may be written down: no secrets, and nothing that differs from run to run."""

import errno
import re
import traceback

from components.shared.http import causes
from components.shared.network import PrivateAddressError, public_text, public_url
from components.shared.task import one_line


def private_address(error: BaseException) -> str:
    """The refusal of a private address that led to the error, or ""."""
    return next((str(e) for e in causes(error) if isinstance(e, PrivateAddressError)), "")


def disk_full(error: BaseException) -> bool:
    """Whether the disk led to the error: no fault of the item."""
    return any(isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT) for e in causes(error))


def without_secrets(text: str, url: str) -> str:
    """A text about a URL without the URL's secrets: other libraries quote it whole or in parts."""
    user = re.match(r"[^:/?#]*://([^/?#]*)@", url)
    before_fragment, _, fragment = url.partition("#")
    for secret in (user[1] if user else "", before_fragment.partition("?")[2], fragment):
        if secret and secret not in public_url(url):
            text = text.replace(secret, "…")
    return public_text(text)


def surprise(error: Exception, url: str) -> tuple[str, str]:
    """Reason and traceback of an error that nobody expected, a defect of ours perhaps."""
    reason = without_secrets(f"{type(error).__name__}: {error}", url)
    return one_line(reason), without_secrets("".join(traceback.format_exception(error)), url)
