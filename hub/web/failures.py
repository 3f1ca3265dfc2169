"""How often an address may fail to prove who it is: a token bucket per address prefix."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aiohttp import web

PER_S: Final = 0.5
BURST: Final = 30
PREFIXES_MAX: Final = 10_000  # remembered at most; the longest unseen goes first


def prefix_of(address: str | None) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: what one subscriber is given."""
    if address is None:
        return ""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class Failures:
    """Buckets of BURST failures that refill with PER_S. ``now``: monotonic seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, prefix: str) -> float:
        """Count one failure; seconds to wait when the bucket is empty, else 0."""
        now = self._now()
        left, at = self._buckets.pop(prefix, (float(BURST), now))
        left = min(BURST, left + (now - at) * PER_S) - 1
        wait = 0.0 if left >= 0 else -left / PER_S
        self._buckets[prefix] = (max(left, -1.0), now)
        if len(self._buckets) > PREFIXES_MAX:
            self._buckets.popitem(last=False)
        return wait


FAILURES: Final = web.AppKey("auth_failures", Failures)
