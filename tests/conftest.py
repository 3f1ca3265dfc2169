"""Fixtures every test may use: real servers, never fakes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from xdist.scheduler import LoadScopeScheduling

from hub.embedded import find_server
from tests.pages.serving import BROWSER_ARGS, CABLE_PORT, CHROMIUM, Fair
from tests.servers import serve

#: Tests with a browser, by the beginning of a file's path: each group stays in one process, with
#: one fair and one browser. The groups take about as long as each other.
BROWSER_GROUPS = {
    "talks": (
        "tests/pages/", "tests/journeys/test_talk", "tests/journeys/test_relay",
        "tests/journeys/test_business", "tests/journeys/test_ring",
    ),
    "rooms": ("tests/journeys/",),
}  # fmt: skip


def browser_group(nodeid: str) -> str | None:
    found = (name for name, paths in BROWSER_GROUPS.items() if nodeid.startswith(paths))
    return next(found, None)


class Together(LoadScopeScheduling):
    """A group to one process, and of everything else one test at a time to whoever is free.

    The mark ``xdist_group`` says the same and is not heard: pytest 9.2 does not let pytest-xdist
    3.8 write it into a test's name.
    """

    def _split_scope(self, nodeid: str) -> str:
        return browser_group(nodeid) or nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The groups first: what takes longest must not begin last."""
    items.sort(key=lambda item: browser_group(item.nodeid) is None)


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded Valkey, one for the whole run; tests use room names of their own."""
    yield from serve(find_server(), tmp_path_factory.mktemp("valkey"))


@pytest.fixture(scope="session")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fair]:
    """A whole fair with media, one for all tests with a browser: each makes its own rooms."""
    origin = f"http://127.0.0.1:{CABLE_PORT}"
    running = Fair(tmp_path_factory.mktemp("fair") / "data", origins=(origin,))
    try:
        running.await_ready()
        yield running
    finally:
        running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGS)
        try:
            yield launched
        finally:
            await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The one browser; what a test opened in it is closed after the test, cookies and all."""
    yield chromium
    for context in chromium.contexts:
        await context.close()
