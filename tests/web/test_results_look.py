"""axe-core, reflow and keyboard on the results' pages: wide, light and English; narrow, dark and
Chinese."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright

from tests.pages.serving import BROWSER_ARGS, CHROMIUM
from tests.pages.test_accessibility import LOOKS, check
from tests.web.conftest import Hub
from tests.web.test_companies import Person
from tests.web.test_results import Talk


@pytest.fixture
async def talk(site: Hub) -> AsyncIterator[Talk]:
    async with AsyncExitStack() as stack:
        yield await Talk(site, stack).open()


@pytest.fixture
async def own_browser() -> AsyncIterator[Browser]:
    """In this test's own loop, where its hub is."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGS)
        yield launched
        await launched.close()


def cookies_of(who: Person) -> list[Any]:
    return [
        {"name": cookie.key, "value": cookie.value, "url": who.hub.base}
        for cookie in who.hub.http.cookie_jar
    ]


@pytest.mark.parametrize(
    "look",
    [
        "narrow",
        # The same pages by the same rules, half a minute more: what is wide breaks less.
        pytest.param("wide", marks=pytest.mark.long),
    ],
)
async def test_every_page_of_results(talk: Talk, own_browser: Browser, look: str) -> None:
    public = await talk.released()
    notes = {"notes": {"en": "A typo."}, "amount": {"value": 5, "currency": "JPY"}}
    path = f"/results/{public['id']}/corrections"
    await talk.site.api("POST", path, notes, headers={"If-Match": "*"})
    asked = await talk.recorded()
    await talk.act("staff", asked["id"], "submit", version=1)
    seen = {"version": 1, "digest": asked["own"]["digest"]}
    await talk.act("guest", asked["id"], "confirm", **seen)
    await talk.people["staff"].api(
        "PATCH", f"/results/{asked['id']}", {"kind": "award"}, **{"If-Match": '"1"'}
    )
    ready = await talk.confirmed()
    gone = await talk.released()
    await talk.act("organiser", gone["id"], "withdraw", notes={"en": "No."})
    base = f"/negotiations/{talk.room}/result"
    pages = {
        "nobody": ["/results", "/results?q=nowhere", f"/results/{public['id']}",
                   f"/results/{gone['id']}", "/companies/pearl"],
        "guest": [base, f"{base}/new", f"{base}/{asked['id']}", f"/results/{asked['id']}"],
        "organiser": ["/organise/results", "/organise/results?tab=published",
                      f"/organise/results/{ready['id']}", f"/organise/results/{asked['id']}",
                      f"/organise/results/{public['id']}/edit", "/organise/results/new"],
    }  # fmt: skip
    more: Any = LOOKS[look]
    for who, paths in pages.items():
        context = await own_browser.new_context(reduced_motion="reduce", **more)
        await context.add_cookies(cookies_of(talk.people[who]))
        page = await context.new_page()
        faults: list[str] = []
        page.on("console", lambda said, to=faults: said.type == "error" and to.append(said.text))  # type: ignore[misc]
        for path in paths:
            answer = await page.goto(talk.site.base + path)
            assert answer is not None and answer.status in (200, 410), path
            await check(page, f"{path} {look}")
            faults = [text for text in faults if "410" not in text]
            assert faults == [], path
        await context.close()


async def test_confirming_by_keys_alone(talk: Talk, own_browser: Browser) -> None:
    asked = await talk.recorded()
    await talk.act("staff", asked["id"], "submit", version=1)
    context = await own_browser.new_context(locale="en")
    await context.add_cookies(cookies_of(talk.people["guest"]))
    page = await context.new_page()
    await page.goto(f"{talk.site.base}/negotiations/{talk.room}/result")
    for target in ("Read and confirm", "Confirm version 1"):
        for _ in range(60):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.textContent.trim()") == target:
                break
        else:
            raise AssertionError(f"{target} is not reached")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
    await page.get_by_role("status").filter(has_text="Confirmed. Thank you.").wait_for()
    found = await talk.results.get(asked["id"])
    assert found is not None and [party.name for party in found.missing] == ["Pearl"]


async def test_filters_fold_on_a_phone_and_chosen_ones_go_one_by_one(
    talk: Talk, own_browser: Browser
) -> None:
    await talk.released(kind="launch")
    await talk.released()
    wide = await own_browser.new_page(locale="en", viewport={"width": 1440, "height": 900})
    await wide.goto(f"{talk.site.base}/results")
    assert await wide.locator("#kind").is_visible()
    assert not await wide.locator(".fold > summary").is_visible()
    await wide.locator("#q").focus()
    await wide.keyboard.press("Tab")
    await wide.keyboard.press("Tab")  # past the button: what is not folded is in the order of keys
    assert await wide.evaluate("document.activeElement.id") == "kind"

    page = await own_browser.new_page(locale="en", viewport={"width": 390, "height": 844})
    await page.goto(f"{talk.site.base}/results?company=pearl")
    fold = page.locator(".fold > summary")
    assert await fold.is_visible() and not await page.locator("#kind").is_visible()
    await fold.focus()
    await page.keyboard.press("Enter")
    await page.locator("#kind").select_option("launch")
    await check(page, "filters open")
    await page.locator("#kind").press("Tab")
    async with page.expect_navigation():
        await page.locator("#q").press("Enter")
    assert await page.locator(".result").count() == 1
    assert " ".join((await fold.inner_text()).split()) == "Filters (1)"
    chips = page.get_by_role("list", name="Filters in use").get_by_role("link")
    assert [" ".join(text.split()) for text in await chips.all_inner_texts()] == [
        "Pearl Remove", "Launch Remove", "Clear all",
    ]  # fmt: skip
    async with page.expect_navigation():
        await chips.nth(1).press("Enter")
    assert "company=pearl" in page.url and "kind" not in page.url
    assert await page.locator(".result").count() == 2


async def test_a_party_is_found_while_one_types_by_keys_alone(
    talk: Talk, own_browser: Browser
) -> None:
    await talk.company("pearson", name="Pearson Ports", names={"zh-Hans": "皮尔逊港口"})
    context = await own_browser.new_context(locale="en", viewport={"width": 390, "height": 844})
    await context.add_cookies(cookies_of(talk.people["organiser"]))
    page = await context.new_page()
    await page.goto(f"{talk.site.base}/organise/results/new")
    await page.wait_for_selector("html[data-ready]")
    field = page.get_by_role("combobox", name="Company of the fair").first
    options = page.locator("#f-party_company_0-list").get_by_role("option")
    await field.press_sequentially("Pear")
    await options.nth(1).wait_for()
    assert await field.get_attribute("aria-expanded") == "true"
    await check(page, "what was found")
    await field.press("Escape")
    assert await options.count() == 0 and await field.input_value() == "Pear"  # none in sight
    await field.press("ArrowDown")  # asks again
    await options.nth(1).wait_for()
    names = [text.splitlines()[0] for text in await options.all_inner_texts()]
    await field.press("ArrowUp")  # the last one
    chosen = page.locator(".combo-list [aria-selected=true]")
    assert await chosen.get_attribute("id") == await field.get_attribute("aria-activedescendant")
    for _ in range(len(names) - names.index(next(one for one in names if "Pearson" in one)) - 1):
        await field.press("ArrowUp")
    await field.press("Enter")  # takes it, and sends nothing
    picked = page.locator("input[name=party_pick_0]")
    assert await field.input_value() == "Pearson Ports"
    assert await picked.input_value() == "pearson" and page.url.endswith("/new")
    await field.press("x")  # it is another text now
    assert await picked.input_value() == ""
    await field.fill("皮尔逊")
    await options.filter(has_text="皮尔逊").or_(options.filter(has_text="Pearson")).wait_for()
    await options.first.click()
    assert await picked.input_value() == "pearson"
    second = page.get_by_role("combobox", name="Company of the fair").nth(1)
    await second.fill("qqqqqqq")
    await page.get_by_text("No company is called this.").first.wait_for()
