"""Fixtures every test may use: real servers, never fakes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from hub.embedded import find_server
from tests.pages.serving import BROWSER_ARGS, CABLE_PORT, CHROMIUM, Fair
from tests.servers import serve

#: Which of the tests with a browser stay together, by the beginning of a file's name.
GROUPS = {
    "talks": ("test_talk", "test_relay"),
    "business": ("test_ring", "test_business", "test_organiser", "test_fair"),
}


@pytest.hookimpl(tryfirst=True)  # xdist writes the group into the name of a test: before it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the browser, in groups with one fair and one browser each."""
    for item in items:
        home = item.path.parent.name
        if home in {"pages", "journeys"}:
            names = (name for name, files in GROUPS.items() if item.path.stem.startswith(files))
            group = next(names, home) if home == "journeys" else home
            item.add_marker(pytest.mark.xdist_group(group))


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
