"""How often an address may do something: a token bucket per address prefix."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aiohttp import web

#: Failures to prove who one is: an honest person mistypes, a hall of them a little more often.
FAILURES_PER_S: Final = 0.5
FAILURES_BURST: Final = 30
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


class Buckets:
    """Buckets of ``burst`` acts that refill with ``per_s``. ``now``: monotonic seconds."""

    def __init__(self, per_s: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, prefix: str) -> float:
        """Count one act; seconds to wait when the bucket is empty, else 0."""
        now = self._now()
        left, at = self._buckets.pop(prefix, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_s) - 1
        wait = 0.0 if left >= 0 else -left / self._per_s
        self._buckets[prefix] = (max(left, -1.0), now)
        if len(self._buckets) > PREFIXES_MAX:
            self._buckets.popitem(last=False)
        return wait


FAILURES: Final = web.AppKey("auth_failures", Buckets)
NEW_GUESTS: Final = web.AppKey("new_guests", Buckets)
