"""Which addresses a webhook may go to: public ones only.

Whoever may add an endpoint must not make the hub speak to what only the hub can reach. The
name is resolved at each connection and the connection goes to exactly the addresses that were
judged, so that a name that answers differently the next time gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from hub.ports.events import BadEndpoint

URL_MAX: Final = 500
_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)

#: Global as far as the registry says, yet they lead to an IPv4 address of somebody's choice.
_TUNNELS: Final = tuple(
    ipaddress.ip_network(network)
    for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96",
                    "::ffff:0:0/96", "192.88.99.0/24", "fec0::/10")
)  # fmt: skip


class Forbidden(OSError):
    """The name leads to an address that is not allowed."""


def public(address: str) -> bool:
    """Whether ``address`` is an address of the public Internet. False for what is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(found.version == tunnel.version and found in tunnel for tunnel in _TUNNELS):
        return False
    return found.is_global and not (
        found.is_multicast or found.is_reserved or found.is_unspecified or found.is_loopback
    )


def check_url(url: str, allow_private: bool) -> str:
    """``url`` when it can be an endpoint's. Raises BadEndpoint."""
    if len(url) > URL_MAX or not url.isascii() or any(ord(c) <= 32 for c in url):
        raise BadEndpoint("bad_url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadEndpoint("bad_url") from None
    host = parts.hostname
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise BadEndpoint("bad_url")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise BadEndpoint("not_https")
    if allow_private:
        return url
    # Below 1024 live services that might take the request for something else.
    if port is not None and port != 443 and port < 1024:
        raise BadEndpoint("bad_port")
    if is_address(host):
        if not public(host):
            raise BadEndpoint("private_address")
    elif not _HOST.fullmatch(host) or host.rstrip(".").rsplit(".", 1)[-1].isdigit():
        # 127.1 and 0x7f.1 are names to us and addresses to the system's resolver.
        raise BadEndpoint("bad_url")
    elif host.rstrip(".").lower().endswith(("localhost", ".local", ".internal")):
        raise BadEndpoint("private_address")
    return url


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class GuardedResolver(AbstractResolver):
    """Resolves with ``inner`` and refuses names with any address that is not public."""

    def __init__(self, inner: AbstractResolver, allow_private: bool) -> None:
        self._inner = inner
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Forbidden, and OSError when the name is unknown."""
        found = await self._inner.resolve(host, port, family)
        if not self._allow_private and not all(public(one["host"]) for one in found):
            raise Forbidden(f"{host} leads to an address that is not public")
        return found

    async def close(self) -> None:
        await self._inner.close()
