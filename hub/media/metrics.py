"""The media workers' counters on a hub's ``GET /metrics``.

Each hub hears them from each worker once a second, so every hub tells the same: do not sum
over hubs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_TOTALS: Final = {
    "packets_received": "Datagrams the media worker took in",
    "packets_forwarded": "RTP packets the media worker sent to subscribers",
    "packets_dropped": "Packets the kernel would not take",
    "cpu_seconds": "User and system time of the media worker",
}
_NOW: Final = {
    "rooms": "Rooms on the media worker",
    "publishers": "Publish sessions on the media worker",
    "subscribers": "Subscribe sessions on the media worker",
}


class MediaCollector(Collector):
    """``read`` gives the counters by worker (``MediaPool.counters``)."""

    def __init__(self, read: Callable[[], Mapping[str, Mapping[str, float]]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        found = self._read()
        for names, family in ((_TOTALS, CounterMetricFamily), (_NOW, GaugeMetricFamily)):
            for name, text in names.items():
                metric = family(f"pavilion_media_{name}", text, labels=("media",))
                for worker, values in found.items():
                    if name in values:
                        metric.add_metric([worker], values[name])
                yield metric
