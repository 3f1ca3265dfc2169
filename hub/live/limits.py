"""Token buckets: per socket, person and address prefix. Who asks too often waits."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from aiohttp import web

#: People and prefixes remembered; the longest unused goes first.
REMEMBERED: Final = 50_000
#: Messages over the limit, one forgiven a second, that end a connection (4013).
STRIKES: Final = 100

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Bucket:
    """``burst`` at once, then ``rate`` a second. Times are seconds of one monotonic clock."""

    __slots__ = ("at", "tokens")

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = burst
        self.at = now

    def take(self, rate: float, burst: float, now: float) -> int:
        """0 when granted, else milliseconds until it would be."""
        self.tokens = min(burst, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0
        return max(1, int((1.0 - self.tokens) / rate * 1000)) if rate > 0 else 60_000


class Buckets:
    """A bucket per key, bounded in number."""

    def __init__(self, rate: float, burst: float, remembered: int = REMEMBERED) -> None:
        self._rate = rate
        self._burst = burst
        self._remembered = remembered
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> int:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._burst, now)
            if len(self._buckets) > self._remembered:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(self._rate, self._burst, now)


class Addresses:
    """Connections per IPv4 address or IPv6 /64: how many a second and how many open."""

    def __init__(self, per_s: float, open_max: int) -> None:
        self._rates = Buckets(per_s, per_s)
        self._open_max = open_max
        self._open: dict[str, int] = {}  # one entry per prefix with an open socket

    def enter(self, address: str, now: float) -> int:
        """0 when granted (pair with ``leave``), else milliseconds to wait."""
        key = prefix(address)
        if self._open.get(key, 0) >= self._open_max:
            return 5_000
        wait = self._rates.take(key, now)
        if wait == 0:
            self._open[key] = self._open.get(key, 0) + 1
        return wait

    def leave(self, address: str) -> None:
        key = prefix(address)
        left = self._open.get(key, 0) - 1
        if left > 0:
            self._open[key] = left
        else:
            self._open.pop(key, None)


def prefix(address: str) -> str:
    """What a limit is counted on: the IPv4 address, or the IPv6 /64 (mapped IPv4 as IPv4)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)


def networks(trusted: Sequence[str]) -> tuple[Network, ...]:
    """``server.trusted_proxies`` parsed. Raises ValueError."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in trusted)


def client_address(request: web.Request, trusted: tuple[Network, ...]) -> str:
    """Who connects: the peer, or what a trusted proxy says, read from the right.

    Only hops that are trusted proxies themselves are believed; a header sent by anyone
    else is ignored.
    """
    address = request.remote or "local"
    if not trusted:
        return address
    hops = [
        hop.strip()
        for line in request.headers.getall("X-Forwarded-For", [])
        for hop in line.split(",")
    ]
    while hops and _within(address, trusted):
        address = hops.pop()
    return address


def _within(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address == "local"  # a Unix socket: only a proxy of ours can reach it
    return any(parsed in network for network in trusted)
