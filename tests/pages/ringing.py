"""A booth is rung: a visitor's page that calls, and a page of the company's staff that rings."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Page

from tests.pages.every import READY
from tests.pages.serving import Fair

WAIT_S = 15.0  # two cores under load


async def online(fair: Fair, page: Page, path: str = "/programme") -> None:
    """On a page until the hub has heard of its news socket."""
    greeted = asyncio.Event()

    def heard(frame: str | bytes) -> None:
        if '"welcome"' in str(frame):
            greeted.set()

    def opened(ws: Any) -> None:
        if ws.url.endswith("/news"):
            ws.on("framereceived", heard)

    page.on("websocket", opened)
    await page.goto(fair.url + path)
    async with asyncio.timeout(WAIT_S):
        await greeted.wait()
    page.remove_listener("websocket", opened)


async def ring(fair: Fair, staff: Page, visitor: Page, company: str, subject: str) -> None:
    """Both are signed in. ``staff`` shows the card, ``visitor`` counts down; for half a minute."""
    await online(fair, staff, f"/companies/{company}/day")
    await staff.wait_for_function(READY)
    await visitor.goto(f"{fair.url}/companies/{company}")
    await visitor.wait_for_function(READY)
    await visitor.locator("[data-ring-company]").click()
    await visitor.locator("#call-subject").fill(subject)
    await visitor.locator("dialog.call button[type=submit]").click()
    await visitor.locator(".call-bar").wait_for()
    await staff.locator(".ring-card").wait_for()


async def hang_up(visitor: Page) -> None:
    await visitor.locator("dialog.call .btn-danger").click()
    await visitor.locator("dialog.call a.btn-primary").wait_for()
