"""The directory on a phone: its filters are folded, and tell how many are in force."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from tests.pages.serving import Fair
from tests.pages.test_accessibility import check, open_page


async def test_filters_of_the_directory_fold_on_a_phone(fair: Fair, browser: Browser) -> None:
    wide = await open_page(browser, "wide", f"{fair.url}/companies")
    await expect(wide.locator("#sector")).to_be_visible()
    await expect(wide.locator(".fold > summary")).to_be_hidden()
    await wide.context.close()

    page = await open_page(browser, "narrow", f"{fair.url}/companies")
    fold = page.locator(".fold > summary")
    await expect(fold).to_have_text("筛选")
    await expect(page.locator("#sector")).to_be_hidden()
    await fold.focus()
    await page.keyboard.press("Enter")
    await page.locator("input[name=on_site]").press("Space")
    await page.wait_for_url("**/companies?on_site=1")  # without leaving the page
    await expect(fold).to_have_text("筛选(1)")
    await expect(page.locator("input[name=on_site]")).to_be_focused()
    await check(page, "filters open")
    await page.reload()
    await expect(fold).to_have_text("筛选(1)")
    await expect(page.locator("#sector")).to_be_hidden()
    await page.context.close()
