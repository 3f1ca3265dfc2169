"""The load client and the bench measure what really happens."""

from __future__ import annotations

import asyncio

import pytest

from hub.load import media as load
from hub.load import streams
from tests.bench import media as bench

SETTINGS = load.Settings("http://x", "key", "room", 2, 1.0, "127.0.0.1", None)


async def test_a_small_run_against_a_real_worker_delivers_everything() -> None:
    results = await asyncio.to_thread(bench.measure, [8], 1.0)
    size = results["sizes"][8]
    assert size["worker"]["failed"] == 0
    assert size["worker"]["delivered"] == 1.0
    assert 0 < size["worker"]["p50_ms"] < 1000
    assert size["bare"]["delivered"] == 1.0
    assert "ratio" in bench.text(results)


@pytest.mark.parametrize(
    ("seen", "fails"),
    [
        (streams.Seen(2, 0, 2000, 1000, [1.0] * 100), ""),
        (streams.Seen(2, 1, 2000, 1000, [1.0] * 100), "could not connect"),
        (streams.Seen(2, 0, 1980, 980, [1.0] * 100), "delivered"),
        (streams.Seen(2, 0, 2000, 1000, [1.0] * 90 + [90.0] * 10), "latency"),
        (streams.Seen(0, 2), "nobody"),
    ],
)
def test_a_run_is_judged_by_what_was_seen(seen: streams.Seen, fails: str) -> None:
    report = load.judge(SETTINGS, seen, 1000, 0.5, 0.01)
    assert report.ok is not bool(fails)
    assert fails in report.text()
