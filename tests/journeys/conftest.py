"""A whole fair with media, reached by some through a line that can be cut, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.journeys.cable import Cable
from tests.pages.serving import BROWSER_ARGS, CHROMIUM, Fair, free_port

CABLE_PORT = free_port()


@pytest.fixture(scope="package")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fair]:
    origin = f"http://127.0.0.1:{CABLE_PORT}"
    running = Fair(tmp_path_factory.mktemp("journeys") / "data", origins=(origin,))
    try:
        running.await_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
async def cable(fair: Fair) -> AsyncIterator[Cable]:
    async with Cable(CABLE_PORT, fair.port) as line:
        yield line


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGS)
        try:
            yield chromium
        finally:
            await chromium.close()
