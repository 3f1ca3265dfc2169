"""Requests at a steady rate against a fair, and its pages in Chromium from a cold cache.

The rate is kept whatever the answers take (an open loop): a server that falls behind shows it in
its latencies. Times are the client's, from the moment a request was due.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from playwright.async_api import async_playwright

from hub.load.figures import Latency
from tests.pages.serving import BROWSER_ARGS, CHROMIUM

RATE: Final = 50.0  # requests a second
SECONDS: Final = 4.0
WARM: Final = 10  # requests before the clock runs: templates are compiled, connections made
COLD_RUNS: Final = 3
_TIMINGS: Final = """() => {
  const entries = performance.getEntriesByType("resource");
  const page = performance.getEntriesByType("navigation")[0];
  return {
    ready: page.domContentLoadedEventEnd,
    bytes: [page, ...entries].reduce((sum, one) => sum + one.transferSize, 0),
    requests: entries.length + 1,
  };
}"""


@dataclass
class Measured:
    latency: Latency = field(default_factory=Latency)
    bytes_most: int = 0

    def figures(self) -> dict[str, float]:
        return {
            "p50_ms": round(self.latency.at(0.5), 1),
            "p99_ms": round(self.latency.at(0.99), 1),
            "kb": round(self.bytes_most / 1024, 1),
        }


async def steadily(url: str, paths: Sequence[str], headers: dict[str, str]) -> Measured:
    """``paths`` in turn, RATE a second for SECONDS; every answer must be 200."""
    measured = Measured()
    turn = itertools.cycle(paths)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        url, headers={"Accept-Encoding": "gzip", **headers}, connector=connector,
        auto_decompress=False,
    ) as session:  # fmt: skip

        async def ask(path: str, due: float | None) -> None:
            async with session.get(path) as answer:
                size = len(await answer.read())
                assert answer.status == 200, f"{answer.status} for {path}"
            if due is not None:
                measured.latency.add((time.perf_counter() - due) * 1000)
                measured.bytes_most = max(measured.bytes_most, size)

        for _ in range(WARM):
            await ask(next(turn), None)
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(RATE * SECONDS)):
                due = begun + number / RATE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(ask(next(turn), due))
    return measured


async def cold(url: str, paths: Sequence[str]) -> dict[str, dict[str, float]]:
    """For each path, the worst of COLD_RUNS visits with nothing cached: ms until its scripts
    have run (``domContentLoadedEventEnd``: modules run before it), and KB of all it fetched."""
    found: dict[str, dict[str, float]] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGS)
        try:
            for path in paths:
                visits: list[dict[str, Any]] = []
                for _ in range(COLD_RUNS):
                    context = await browser.new_context(viewport={"width": 1440, "height": 900})
                    page = await context.new_page()
                    await page.goto(url + path, wait_until="load")
                    visits.append(await page.evaluate(_TIMINGS))
                    await context.close()
                found[path] = {
                    "interactive_ms": round(max(one["ready"] for one in visits), 1),
                    "kb": round(max(one["bytes"] for one in visits) / 1024, 1),
                    "requests": max(one["requests"] for one in visits),
                }
        finally:
            await browser.close()
    return found
