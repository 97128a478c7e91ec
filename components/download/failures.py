"""Error texts for tables and logs: without secrets, the same in every run."""

import traceback

from components.shared.http import causes
from components.shared.network import PrivateAddressError, without_secrets
from components.shared.task import one_line


def private_address(error: BaseException) -> str:
    """Returns the message of the PrivateAddressError that caused an error, or ""."""
    return next((str(e) for e in causes(error) if isinstance(e, PrivateAddressError)), "")


def surprise(error: Exception, url: str) -> tuple[str, str]:
    """Returns reason and traceback of an unexpected error, which may be a bug of `download`."""
    reason = without_secrets(f"{type(error).__name__}: {error}", url)
    return one_line(reason), without_secrets("".join(traceback.format_exception(error)), url)
