"""axe-core finds nothing serious on any page, wide and in light, or narrow, dark and Chinese."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from hub.web.appointments_texts import STATES
from rooms.appointments import State
from tests.pages.every import NOT_FOUND, PAGES, READY, Furnished, Furnisher
from tests.pages.past import PAST
from tests.pages.ringing import hang_up, ring
from tests.pages.serving import Fair

LOOKS = {
    "wide": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", "locale": "en"},
    "narrow": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "locale": "zh-CN",
    },
}


#: Controls that are there and not wholly between the page's sides, unless they scroll into view.
OFF_SCREEN = """
[...document.querySelectorAll("button, input, select, textarea, a")].filter((node) => {
  const box = node.getBoundingClientRect();
  return node.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && box.width > 1 && (box.left < 0 || box.right > innerWidth + 0.5)
    && !node.closest(".strip, .tabs, .organise-side, .skip, .sr");
}).map((node) => node.outerHTML.slice(0, 120))
"""


#: Times by twelve hours, in either language.
TWELVE = (
    r"""document.body.innerText.match(/.{0,30}(\d\s?[AP]M\b|[上下]午\s?\d).{0,10}/)?.[0] ?? ''"""
)


async def open_page(browser: Browser, look: str, url: str) -> Page:
    more: Any = LOOKS[look]
    context = await browser.new_context(reduced_motion="reduce", **more)
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_function(READY)
    return page


async def check(page: Page, what: str) -> None:
    found = await Axe().run(page)
    serious = [
        (v["id"], v["impact"], [node["html"][:160] for node in v["nodes"]][:4])
        for v in found.response["violations"]
        if v["impact"] in {"serious", "critical", "moderate"}
    ]
    assert serious == [], what
    assert await page.evaluate(TWELVE) == "", f"{what} has a time of its own form"
    size = page.viewport_size
    assert size is not None
    # 320 px is what 1280 px at 400 % leaves: the page reflows and nothing is cut off.
    for width in {size["width"], 320} if size["width"] < 1000 else {size["width"]}:
        await page.set_viewport_size({"width": width, "height": size["height"]})
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{what} scrolls sideways by {wide} px at {width}"
        cut = await page.evaluate(OFF_SCREEN)
        assert cut == [], f"{what} at {width} px cuts off"
    await page.set_viewport_size(size)


#: The wide look is for the long run: both together take half a minute of make test.
BOTH = [pytest.param("wide", marks=pytest.mark.long), "narrow"]


async def enter(page: Page, name: str) -> None:
    await page.locator("#name").fill(name)
    await page.locator("#enter").click()


@pytest.mark.parametrize("look", BOTH)
async def test_pages_for_everyone(fair: Fair, browser: Browser, look: str) -> None:
    room = fair.room("Trade in services 服务贸易", capacity=1)
    await check(await open_page(browser, look, fair.url + "/"), "home")
    inside = await open_page(browser, look, f"{fair.url}/rooms/{room}")
    await check(inside, "lobby")
    if look == "narrow":  # the longer language must fit too
        await check(
            await open_page(browser, look, f"{fair.url}/rooms/{room}?lang=en"), "lobby in English"
        )
    await inside.locator("#allow").click()
    await inside.locator("#mic-field").wait_for()
    await check(inside, "lobby with devices")
    await enter(inside, "Sofia")
    await inside.get_by_role("region").first.wait_for()
    if look == "narrow":
        await check(inside, "room without panel")
        await inside.locator("#bar-chat").click()
    await inside.locator("#say").fill("Hello")
    await inside.locator("#say").press("Enter")
    await inside.locator(".line").wait_for()
    await check(inside, "room")
    if look == "narrow":  # a panel is a sheet over everything there
        await inside.locator(".panel-close").first.click()
    await inside.locator("#bar-people").click()
    await inside.locator(".person").first.wait_for()
    await check(inside, "people")
    waiting = await open_page(browser, look, f"{fair.url}/rooms/{room}")
    await enter(waiting, "Jonas")
    await waiting.locator("#position").wait_for()
    await check(waiting, "waiting")
    await waiting.locator(".actions button").first.click()
    await check(waiting, "ending")


@pytest.mark.parametrize("look", BOTH)
async def test_pages_for_moderators(fair: Fair, browser: Browser, look: str) -> None:
    room = fair.room("Panel", capacity=3)
    desk = await open_page(browser, look, f"{fair.url}/desk#token={fair.token(room, 'moderator')}")
    row = desk.locator(f'tr[data-room="{room}"]')
    await row.wait_for()
    await row.locator(".step").last.click()
    await check(desk, "desk")
    await row.locator(".desk-btns button").first.click()
    await desk.locator("dialog[open]").wait_for()
    await check(desk, "desk people")
    stage = await open_page(
        browser, look, f"{fair.url}/rooms/{room}#token={fair.token(room, 'host', 'Chen Rui')}"
    )
    await stage.locator("#enter").click()
    await stage.locator("#bar-mic").wait_for()
    await check(stage, "stage")
    await stage.locator("#bar-more").click()
    await stage.locator("dialog[open]").wait_for()
    await check(stage, "tools")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def furnished(fair: Fair) -> AsyncIterator[Furnished]:
    found = await Furnisher(fair).furnish()
    yield found
    # Nobody is there to take its messages, and the fair goes on.
    fair.call("DELETE", f"/webhooks/{found.names['webhook']}")


async def signed_in(fair: Fair, found: Furnished, browser: Browser, look: str, who: str) -> Page:
    page = await open_page(browser, look, f"{fair.url}/login")
    if who in found.cookies:
        await page.context.add_cookies(
            [{"name": "pavilion", "value": found.cookies[who], "url": fair.url}]
        )
    return page


async def test_the_pages_show_meetings_in_every_state(
    fair: Fair, furnished: Furnished, browser: Browser
) -> None:
    async def shown(who: str, path: str) -> set[str]:
        page = await signed_in(fair, furnished, browser, "wide", who)
        await page.goto(fair.url + path.format(**furnished.names))
        found = set(await page.locator(".talk-time .badge").all_inner_texts())
        await page.context.close()
        return found

    assert await shown("visitor", "/me/appointments") == set(STATES.values())
    now, zone = datetime.now(UTC), ZoneInfo("Asia/Shanghai")  # the fair's
    days = {(now - timedelta(minutes=one.before_min)).astimezone(zone).date()
            for one in PAST.values()}  # fmt: skip
    texts = await shown("exhibitor", "/companies/{company}/day?day={day}")
    for day in days:  # one, or two after midnight
        texts |= await shown("exhibitor", f"/companies/{{company}}/day?day={day}")
    # What nobody answered or somebody declined is no part of a company's day.
    never = {State.LAPSED, State.DECLINED}
    assert texts == {text for state, text in STATES.items() if state not in never}


@pytest.mark.parametrize("look", BOTH)
async def test_a_ringing_booth(
    fair: Fair, furnished: Furnished, browser: Browser, look: str
) -> None:
    staff = await signed_in(fair, furnished, browser, look, "exhibitor")
    visitor = await signed_in(fair, furnished, browser, look, "visitor")
    company = furnished.names["company"]
    await ring(fair, staff, visitor, company, "Cranes for two new berths 岸桥")
    await check(staff, "a card that rings")
    await check(visitor, "a call that rings")
    await hang_up(visitor)
    await staff.locator(".ring-over").wait_for()
    await check(visitor, "a call that is over")


@pytest.mark.parametrize("who", dict.fromkeys(who for *_, who in PAGES))
@pytest.mark.parametrize(
    "look",
    [pytest.param("wide", marks=pytest.mark.long), "narrow"],  # a minute for each
)
async def test_every_page(
    fair: Fair, furnished: Furnished, browser: Browser, look: str, who: str
) -> None:
    page = await signed_in(fair, furnished, browser, look, who)
    for name, path, whose in PAGES:
        if whose == who:
            answer = await page.goto(fair.url + path.format(**furnished.names))
            assert answer is not None and answer.status == (404 if name in NOT_FOUND else 200)
            await page.wait_for_function(READY)
            await check(page, name)
