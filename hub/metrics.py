"""Counters of this process, for ``GET /metrics``; any part may add its own to REGISTRY.

Names are ``pavilion_…`` in base units (seconds, bytes). Never label by room or person:
a fair has 5,500 rooms. ``render`` puts the worker's name on each sample, because hub
workers share one port and a scrape reaches whichever answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

REGISTRY: Final = CollectorRegistry()
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

HTTP_REQUESTS: Final = Counter(
    "pavilion_http_requests",
    "Requests answered, by route as registered",
    ("method", "route", "status"),
    registry=REGISTRY,
)
HTTP_SECONDS: Final = Histogram(
    "pavilion_http_request_duration_seconds",
    "Time to answer an API request or page (not a WebSocket)",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
AUTH_FAILURES: Final = Counter(
    "pavilion_auth_failures",
    "Requests whose key, token, cookie or sign-in link was refused",
    registry=REGISTRY,
)
FAIR_SEATS: Final = Gauge(
    "pavilion_fair_seats",
    "Seats and waiting people of the whole fair (the same from each worker: do not sum)",
    ("state",),
    registry=REGISTRY,
)
FAIR_ROOMS: Final = Gauge(
    "pavilion_fair_rooms",
    "Rooms of the whole fair that Redis knows (the same from each worker: do not sum)",
    ("state",),
    registry=REGISTRY,
)


class _Labelled(Collector):
    """REGISTRY's samples with one label more."""

    def __init__(self, worker: str) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        for metric in REGISTRY.collect():
            metric.samples = [
                Sample(s.name, {**s.labels, "worker": self._worker}, s.value, s.timestamp)
                for s in metric.samples
            ]
            yield metric


def render(worker: str) -> bytes:
    """All samples in the text format, each labelled ``worker``."""
    registry = CollectorRegistry()
    registry.register(_Labelled(worker))
    return generate_latest(registry)
