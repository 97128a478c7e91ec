"""Restricts a process to the public internet, and removes secrets from URLs."""

import contextlib
import http.client
import ipaddress
import os
import re
import socket
import urllib.parse
import urllib.request
from typing import Any

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:[^/?#]*@|[^/?#:@[]*:(?!\d*(?:[/?#]|$))[^@]*@)?(?P<place>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE | re.DOTALL,
)
_URLS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_SECRETS = re.compile(
    "auth|authorization|awsaccesskeyid|exp|expires|expiry|googleaccessid|hdnea|hdntl|hdnts|hmac|jwt|key|keypairid|passwd|policy|pwd|sessionid|sig"
)
_SECRET_PARTS = ("accesskey", "apikey", "credential", "password", "secret", "signature", "token")
_SECRET_BEGINNINGS = ("xamz", "xgoog")


class PrivateAddressError(OSError):
    """A connection to an address outside the public internet was refused."""

    def __init__(self, host: str, address: str) -> None:
        place = address if host == address else f"{host} ({address})"
        super().__init__(f"{place} is a private address; --allow-private lets it be fetched")


def public_url(url: str) -> str:
    """Returns a URL for logs and tables: without user, password, fragment and secret parameters.

    A parameter is secret if its name, in lower case without - and _, is one of `_SECRETS` (sig, key,
    expires, Policy, Key-Pair-Id, …), contains one of `_SECRET_PARTS` (token, signature, …) or starts
    like X-Amz-… or X-Goog-…. The rest is unchanged, as is a text without `scheme://`, such as a path.
    """
    match = _URL.fullmatch(url)
    if not match:
        return url
    kept = [p for p in (match["query"] or "").split("&") if p and not _is_secret(p.partition("=")[0])]
    return match["scheme"] + match["place"] + ("?" + "&".join(kept) if kept else "")


def public_text(text: str) -> str:
    """Applies `public_url` to every URL in a text, for example an error message."""
    return _URLS.sub(lambda match: public_url(match[0]), text)


def without_secrets(text: str, url: str) -> str:
    """Removes a URL's secrets from a text, since libraries quote the URL whole or in parts."""
    user = re.match(r"[^:/?#]*://([^/?#]*)@", url)
    before_fragment, _, fragment = url.partition("#")
    for secret in (user[1] if user else "", before_fragment.partition("?")[2], fragment):
        if secret and secret not in public_url(url):
            text = text.replace(secret, "…")
    return public_text(text)


def _is_secret(parameter: str) -> bool:
    name = re.sub(r"[-_]", "", urllib.parse.unquote(parameter)).lower()
    return bool(_SECRETS.fullmatch(name)) or name.startswith(_SECRET_BEGINNINGS) or any(part in name for part in _SECRET_PARTS)


def is_public(address: str) -> bool:
    """Checks whether a resolved IPv4 or IPv6 address is a host on the public internet.

    IPv4 inside IPv6 (mapped, 6to4, NAT64) counts as IPv4. Other translator addresses, multicast and
    reserved addresses are not public.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        ip = inside or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def public_only() -> None:
    """Restricts this process to public addresses: any other connection raises PrivateAddressError.

    Python's sockets check each connection against its actual address, so redirects, unusual notations
    (0177.1, 2130706433) and changing DNS answers cannot bypass it. Three servers are allowed at any
    address: a proxy from http_proxy, https_proxy or all_proxy, the store (AWS_ENDPOINT_URL), which
    itself refuses unsigned links from sources, and the PO-token server (SPEECHMILL_PO_TOKEN_SERVER).
    The target of an HTTP proxy is checked if it resolves here, that of a SOCKS proxy is not. Child
    processes, libraries with their own sockets (Arrow and Delta Lake, for the store) and Unix sockets
    are not restricted.
    """
    if getattr(socket.getaddrinfo, "public_only", False):
        return
    look_up, connect, connect_ex = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex
    put_request, set_tunnel = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.set_tunnel
    operators = _operators()
    operators_addresses: set[tuple[str, int]] = set()

    def public_answers(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
        answers: list[Any] = look_up(host, port, family, type, proto, flags)
        if flags & socket.AI_PASSIVE:  # an address to listen on
            return answers
        name = _text(host)
        if any((name.lower(), answer[4][1]) in operators for answer in answers):
            operators_addresses.update(answer[4][:2] for answer in answers)
            return answers
        public = [a for a in answers if is_public(a[4][0]) or a[4][:2] in operators_addresses]
        if not public:
            raise PrivateAddressError(name or "localhost", answers[0][4][0])
        return public

    def checked(sock: Any, address: Any) -> Any:
        """Returns the address with a numeric host, so that it is not resolved again."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            return address
        answer = public_answers(address[0], address[1], sock.family, sock.type)[0][4]
        return answer[:2] + (tuple(address[2:]) or answer[2:])

    def check_proxied(host: str) -> None:
        with contextlib.suppress(socket.gaierror):  # only the proxy can resolve the name
            public_answers(host, None, type=socket.SOCK_STREAM)

    def put_checked_request(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if "://" in url.partition("?")[0] and not url.startswith("/"):
            check_proxied(urllib.parse.urlsplit(url).hostname or "")
        put_request(self, method, url, *args, **kwargs)

    def set_checked_tunnel(self: Any, host: str, *args: Any, **kwargs: Any) -> None:
        check_proxied(urllib.parse.urlsplit(f"//{host}").hostname or "")
        set_tunnel(self, host, *args, **kwargs)

    public_answers.public_only = True  # type: ignore[attr-defined]
    socket.getaddrinfo = public_answers
    socket.socket.connect = lambda self, address: connect(self, checked(self, address))  # type: ignore[method-assign]
    socket.socket.connect_ex = lambda self, address: connect_ex(self, checked(self, address))  # type: ignore[method-assign]
    http.client.HTTPConnection.putrequest = put_checked_request  # type: ignore[method-assign]
    http.client.HTTPConnection.set_tunnel = set_checked_tunnel  # type: ignore[method-assign]


def _text(host: str | bytes | None) -> str:
    return host.decode(errors="replace") if isinstance(host, bytes) else host or ""


def _operators() -> set[tuple[str, int]]:
    """Returns host and port of every proxy in the environment, of the store's server and of the PO-token server."""
    found = set()
    own = {"store": os.environ.get("AWS_ENDPOINT_URL", ""), "tokens": os.environ.get("SPEECHMILL_PO_TOKEN_SERVER", "")}
    for scheme, url in (urllib.request.getproxies() | own).items():
        parts = urllib.parse.urlsplit(url if "://" in url else f"{scheme}://{url}")
        if scheme != "no" and parts.hostname:
            found.add((parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)))
    return found
