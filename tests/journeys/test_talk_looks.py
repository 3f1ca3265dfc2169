"""A talk's page to those who see, read and press it another way: axe-core at two looks, and the
whole visit by keys alone."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journeys.keyboard import Keyboard
from tests.journeys.test_talk import a_talk_of, panel
from tests.journeys.visitors import sign_in
from tests.pages.serving import Fair
from tests.pages.test_accessibility import BOTH, check, open_page

LANGUAGE = {"wide": "en", "narrow": "zh-Hans"}
PANELS = ("chat", "notes", "files", "people", "talk")


@pytest.mark.parametrize("look", BOTH)
async def test_axe_finds_nothing_on_a_talk(fair: Fair, browser: Browser, look: str) -> None:
    room, host, _ = await a_talk_of(fair, agenda="1. Volumes\n2. Rates 费率")
    page = await open_page(browser, look, f"{fair.url}/negotiations/{room}")
    await check(page, "no such room")
    await page.goto(f"{fair.url}/?lang=en")
    await sign_in(page, fair, host.address)
    await page.goto(f"{fair.url}/negotiations/{room}?lang={LANGUAGE[look]}")
    await page.wait_for_selector("html[data-ready]")
    await check(page, "entrance")
    await page.locator("#allow").click()
    await page.locator("#mic-field").wait_for()
    await check(page, "entrance with devices")
    await page.locator("#enter").click()
    await page.locator("#bar-mic").wait_for()
    if look == "narrow":
        await check(page, "talk without panel")
    for name in PANELS:
        await panel(page, name)
        await page.locator("#panel-title").wait_for()
        await check(page, f"talk with {name}")
        if look == "narrow":  # a panel is a sheet over everything there
            await page.locator(".panel-close").first.click()
    await panel(page, "talk")
    await page.locator("#talk-settings").click()
    await check(page, "settings")
    await page.keyboard.press("Escape")
    if look == "narrow":
        await page.locator(".panel-close").first.click()
    await page.locator("#bar-leave").click()
    await expect(page.locator("#outcome h1")).to_be_visible()
    await check(page, "left")


async def focused(page: Page) -> str:
    return str(await page.evaluate("document.activeElement?.id ?? ''"))


async def test_a_talk_by_keyboard_alone(fair: Fair, browser: Browser) -> None:
    room, host, _ = await a_talk_of(fair)
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    page = await context.new_page()
    await sign_in(page, fair, host.address)
    await page.goto(f"{fair.url}/negotiations/{room}")
    await page.wait_for_selector("html[data-ready]")
    keys = Keyboard(page)
    await keys.reach(page.locator("#enter"))
    await page.keyboard.press("Enter")
    await page.locator("#bar-mic").wait_for()
    await page.keyboard.press("F2")
    assert await focused(page) == "bar-mic"
    await page.keyboard.press("n")
    await expect(page.locator("#notes")).to_be_visible()
    await page.keyboard.press("Escape")
    assert await focused(page) == "bar-notes", "closing a panel loses the place"
    await page.keyboard.press("p")
    await expect(page.locator("#panel-title")).to_have_text("People")
    await page.keyboard.press("t")
    await keys.reach(page.get_by_role("button", name="End the talk for everybody"))
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="End the talk for everybody?")
    await keys.reach(dialog.get_by_role("button", name="Cancel"))
    await page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    await keys.reach(page.locator("#bar-leave"))
    await page.keyboard.press("Enter")
    await expect(page.locator("#outcome h1")).to_have_text("You have left the talk")
    await keys.reach(page.get_by_role("button", name="Back to the entrance"))
    await page.keyboard.press("Enter")
    assert await focused(page) == "enter"
