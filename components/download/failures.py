"""Error texts for tables and logs: without secrets, the same in every run."""

import re
import traceback

from components.shared.http import causes
from components.shared.network import PrivateAddressError, public_text, public_url
from components.shared.task import one_line


def private_address(error: BaseException) -> str:
    """Returns the message of the PrivateAddressError that caused an error, or ""."""
    return next((str(e) for e in causes(error) if isinstance(e, PrivateAddressError)), "")


def without_secrets(text: str, url: str) -> str:
    """Removes a URL's secrets from a text, since libraries quote the URL whole or in parts."""
    user = re.match(r"[^:/?#]*://([^/?#]*)@", url)
    before_fragment, _, fragment = url.partition("#")
    for secret in (user[1] if user else "", before_fragment.partition("?")[2], fragment):
        if secret and secret not in public_url(url):
            text = text.replace(secret, "…")
    return public_text(text)


def surprise(error: Exception, url: str) -> tuple[str, str]:
    """Returns reason and traceback of an unexpected error, which may be a bug of `download`."""
    reason = without_secrets(f"{type(error).__name__}: {error}", url)
    return one_line(reason), without_secrets("".join(traceback.format_exception(error)), url)
