"""Gets the tokens with which YouTube tells players from crawlers, from a server that makes them.

The server is one that has the HTTP interface of bgutil-ytdlp-pot-provider. The plugin of that project is not used, because its
license, GPL-3.0, would hold for the image.
"""

import json
import os
from functools import cache
from typing import Any

SERVER = "SPEECHMILL_PO_TOKEN_SERVER"
"""Environment variable with the address of the server, such as http://po-tokens:4416."""
_SECONDS = 30.0


@cache
def register() -> None:
    """Makes the server a provider of yt-dlp's PO-token framework."""
    from yt_dlp.extractor.youtube.pot.provider import (
        ExternalRequestFeature,
        PoTokenProvider,
        PoTokenProviderError,
        PoTokenResponse,
        register_provider,
    )
    from yt_dlp.extractor.youtube.pot.utils import WEBPO_CLIENTS, get_webpo_content_binding
    from yt_dlp.networking.common import Request

    class SpeechmillPTP(PoTokenProvider):  # type: ignore[misc]  # yt-dlp has no types
        """Asks the server for a token of a video or a session."""

        PROVIDER_VERSION = "1"
        BUG_REPORT_LOCATION = "https://github.com/Brainicism/bgutil-ytdlp-pot-provider/issues"
        _SUPPORTED_CONTEXTS = None
        _SUPPORTED_CLIENTS = WEBPO_CLIENTS
        _SUPPORTED_EXTERNAL_REQUEST_FEATURES = tuple(ExternalRequestFeature)

        def is_available(self) -> bool:
            """Whether the server can be asked."""
            return True

        def _real_request_pot(self, request: Any) -> Any:
            question = {
                "content_binding": get_webpo_content_binding(request)[0],
                "innertube_context": request.innertube_context,
                "proxy": request.request_proxy,
                "source_address": request.request_source_address,
                "disable_tls_verification": not request.request_verify_tls,
                "bypass_cache": request.bypass_cache,
            }
            headers, extensions = {"Content-Type": "application/json"}, {"timeout": _SECONDS}
            url = f"{os.environ[SERVER].rstrip('/')}/get_pot"
            asked = Request(url, data=json.dumps(question).encode(), headers=headers, extensions=extensions, proxies={"all": None})
            try:
                answer = json.load(self._request_webpage(asked, note=False))
                return PoTokenResponse(answer["poToken"])
            except Exception as error:
                raise PoTokenProviderError(f"expected a PO token of the server in {SERVER}, found {type(error).__name__}") from None

    register_provider(SpeechmillPTP)
