"""What a server may speak to on the network: public addresses alone, unless its operator allows private ones.

A name is looked up once, every address that it has is judged, and the connection goes to the very address that was
judged, so that a name that changes its mind between the two gains nothing. Redirects are judged anew.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urljoin, urlsplit

import urllib3

from kinema.errors import RecipeError
from kinema.settings import read_settings

MOST_REDIRECTS, TIMEOUT_SECONDS, MAX_URL_CHARS = 3, 10.0, 2048


@dataclass(frozen=True)
class Address:
    """A judged address: where to connect, and what was asked for."""

    scheme: str
    host: str
    port: int
    ip: str
    path: str


def judge(url: str, *, allow_private: bool) -> Address:
    """The address of a URL that may be spoken to. Raises RecipeError."""
    if len(url) > MAX_URL_CHARS or not url.isprintable() or " " in url:
        raise RecipeError(f"the address {url[:60]!r} is of no use; it is too long or holds characters that none has")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RecipeError(f"the address {url[:60]!r} is of no use") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise RecipeError(f"the address {url[:60]!r} is of no use; http:// and https:// ones without a password are")
    port = port or (443 if parts.scheme == "https" else 80)
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise RecipeError(f"the host {parts.hostname[:60]!r} is not known") from None
    if not allow_private and not all(_is_public(ip) for ip in found):
        raise RecipeError(f"the host {parts.hostname[:60]!r} has a private address, which is never spoken to")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, parts.hostname, port, sorted(found)[0], path)


def _is_public(ip: str) -> bool:
    address = ipaddress.ip_address(ip.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return (inner or address).is_global and not address.is_multicast


def send(
    method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None, allow_private: bool
) -> urllib3.BaseHTTPResponse:
    """The answer of a judged address, its body not yet read; no redirect is followed. Raises urllib3's HTTPError."""
    address = judge(url, allow_private=allow_private)
    timeout = urllib3.Timeout(connect=TIMEOUT_SECONDS, read=TIMEOUT_SECONDS)
    if address.scheme == "https":
        pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
            address.ip,
            address.port,
            timeout=timeout,
            server_hostname=address.host,
            assert_hostname=address.host,
            cert_reqs="CERT_REQUIRED",
        )
    else:
        pool = urllib3.HTTPConnectionPool(address.ip, address.port, timeout=timeout)
    usual = address.port == (443 if address.scheme == "https" else 80)
    host = f"[{address.host}]" if ":" in address.host else address.host
    told = {"Host": host if usual else f"{host}:{address.port}", "User-Agent": "kinema"} | dict(headers or {})
    return pool.urlopen(
        method, address.path, body=body, headers=told, redirect=False, retries=False, preload_content=False
    )


def fetch(url: str, path: Path, most_bytes: int) -> None:
    """What lies at an http(s) address is in the file. Raises RecipeError for whatever keeps it from there."""
    settings = read_settings()
    if not settings.fetch:
        raise RecipeError(
            "this server fetches nothing from the network; send the picture itself or as a data: URL, or have the"
            " operator set KINEMA_FETCH"
        )
    until = monotonic() + 6 * TIMEOUT_SECONDS
    try:
        for _ in range(MOST_REDIRECTS + 1):
            answer = send("GET", url, allow_private=settings.private_addresses)
            if answer.status in (301, 302, 303, 307, 308) and "location" in answer.headers:
                url = urljoin(url, answer.headers["location"])
                answer.close()
                continue
            if answer.status != 200:
                raise RecipeError(f"the address answers {answer.status} and gives nothing")
            _save(answer, path, most_bytes, until)
            return
    except urllib3.exceptions.HTTPError as error:
        raise RecipeError(f"the address cannot be fetched: {type(error).__name__}") from None
    raise RecipeError(f"the address leads on more than {MOST_REDIRECTS} times")


def _save(answer: urllib3.BaseHTTPResponse, path: Path, most_bytes: int, until: float) -> None:
    came = 0
    with path.open("wb") as file:
        for part in answer.stream(1 << 16, decode_content=False):
            came += len(part)
            if came > most_bytes or monotonic() > until:
                answer.close()
                raise RecipeError("what lies at the address is too large, or comes too slowly")
            file.write(part)
    answer.close()
