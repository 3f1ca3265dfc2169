"""Several companies in one talk, and what happens on its way: words aside, a colleague, another
room, the planned end, a shared screen, a link that leads in; and the bell that begins one."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, WebSocket, expect

from tests.journeys.keyboard import Keyboard
from tests.journeys.test_gate import account
from tests.journeys.test_media_troubles import holds
from tests.journeys.test_ring import staff_of
from tests.journeys.test_stage import WATCH, rising
from tests.journeys.test_talk import SMALL, enter, panel
from tests.journeys.visitors import company
from tests.pages.serving import Fair
from tests.pages.test_accessibility import LOOKS, check

WAIT_MS = 20_000  # two cores under load


@dataclass
class Guest:
    """Somebody with a page of their own, and every frame of the live socket that reached it."""

    page: Page
    id: str
    frames: list[str] = field(default_factory=list)

    def listen(self, socket: WebSocket) -> None:
        if socket.url.endswith("/live"):
            socket.on("framereceived", lambda frame: self.frames.append(str(frame)))

    async def came_in(self, room: str, *, devices: bool = False) -> None:
        """By the entrance of ``room``, where the page is or goes."""
        path = f"/negotiations/{room}"
        if not self.page.url.endswith(path):
            await self.page.goto(path)
        await self.page.wait_for_selector("html[data-ready]")
        await (enter(self.page) if devices else self.page.locator("#enter").click())
        await inside(self.page)


async def inside(page: Page) -> None:
    await expect(page.locator("#bar-leave")).to_be_visible(timeout=WAIT_MS)


async def together(count: int, *pages: Page) -> None:
    """Each sees so many people, all of them there."""
    for page in pages:
        await panel(page, "people")
        await expect(page.locator(".people .person")).to_have_count(count, timeout=WAIT_MS)
        await expect(page.locator(".people .person-live")).to_have_count(count)


async def stranger(browser: Browser, fair: Fair, look: str = "") -> Page:
    """A page of nobody, that watches its connections and sends small pictures."""
    more: Any = LOOKS[look] if look else {"viewport": {"width": 1280, "height": 800}}
    context = await browser.new_context(
        **{"locale": "en", **more}, base_url=fair.url, reduced_motion="reduce"
    )
    context.set_default_timeout(WAIT_MS)
    page = await context.new_page()
    await page.add_init_script(WATCH + SMALL)
    return page


async def guest(browser: Browser, fair: Fair, name: str, look: str = "") -> Guest:
    page = await stranger(browser, fair, look)
    cookie = await account(fair, name)
    await page.context.add_cookies([{"name": "pavilion", "value": cookie, "url": fair.url}])
    me = await (await page.request.get("/api/v1/me")).json()
    one = Guest(page, str(me["id"]))
    page.on("websocket", one.listen)
    return one


def open_talk(fair: Fair, **fields: Any) -> str:
    """The room of a talk that begins now."""
    status, answer, _ = fair.call("POST", "/negotiations", {"subject": "Cold chain", **fields})
    assert status == 201, answer
    return str(answer["items"][0]["room"])


def a_firm(fair: Fair, name: str) -> str:
    return company(fair, f"{name} {secrets.token_hex(3)}", "冷链物流", "finance", "物流")


def pressed(page: Page, control: str, on: bool) -> Any:
    button, said = page.locator(f"#bar-{control}"), str(on).lower()
    return expect(button).to_have_attribute("aria-pressed", said)


async def bring_in(host: Guest, colleague: Guest, room: str) -> None:
    """By one press of a key; the card on the colleague's page leads into the room."""
    await online_at_home(colleague)
    before = await colleague.page.request.get(f"/negotiations/{room}")
    assert before.status == 404, "the room exists for somebody who was not invited"
    await panel(host.page, "people")
    row = host.page.get_by_role("region", name="Bring in a colleague").get_by_role("listitem")
    await Keyboard(host.page).press(row.get_by_role("button", name="Invite Lin Wei"))
    await expect(row).to_contain_text("invited")
    await expect(row.get_by_role("button")).to_have_count(0)
    said = host.page.locator(".invite").get_by_text("Lin Wei is invited")
    await expect(said).to_be_visible()
    await expect(host.page.locator("#invite-title")).to_be_focused()  # the button is gone
    card = colleague.page.locator(".news-item", has_text="Cold chain")
    await expect(card).to_contain_text("Chen Rui")
    await card.get_by_role("link").click()
    await expect(colleague.page).to_have_url(re.compile(f"/negotiations/{room}$"))
    await colleague.came_in(room)


async def online_at_home(one: Guest) -> None:
    greeted = asyncio.Event()

    def heard(socket: WebSocket) -> None:
        if socket.url.endswith("/news"):
            socket.on("framereceived", lambda f: greeted.set() if '"welcome"' in str(f) else None)

    one.page.on("websocket", heard)
    await one.page.goto("/programme")
    async with asyncio.timeout(WAIT_MS / 1000):
        await greeted.wait()


async def aside(host: Guest, colleague: Guest, others: list[Guest], words: str) -> None:
    """The colleague writes to their own company; the host reads it by keys alone."""
    await panel(colleague.page, "chat")
    await colleague.page.locator("#chat-tab-side").click()
    await colleague.page.locator("#say-side").fill(words)
    await colleague.page.locator("#say-side").press("Enter")
    await panel(host.page, "chat")
    tab, opener = host.page.locator("#chat-tab-side"), host.page.locator("#bar-chat .badge")
    for mark in (tab.locator(".tabs-count"), opener):
        await expect(mark).to_be_visible()
        await expect(mark).to_have_text("1")
    await expect(host.page.get_by_text(words)).to_have_count(0)
    await Keyboard(host.page).reach(host.page.locator("#chat-tab-all"))
    await host.page.keyboard.press("ArrowRight")
    await expect(tab).to_be_focused()
    await expect(tab).to_have_attribute("aria-selected", "true")
    await expect(host.page.get_by_role("tabpanel").get_by_text(words)).to_be_visible()
    await expect(tab.locator(".tabs-count")).to_be_hidden()
    await expect(opener).to_be_hidden()
    await Keyboard(host.page).reach(host.page.locator("#say-side"))
    await host.page.keyboard.type(f"Read: {words}")
    await host.page.keyboard.press("Enter")
    await expect(colleague.page.get_by_text(f"Read: {words}")).to_be_visible()
    # What is said to everybody after it arrives; the words aside never left for the others.
    await host.page.keyboard.press("Shift+Tab")
    await host.page.locator("#chat-tab-all").click()
    await host.page.locator("#say").fill(f"Openly {secrets.token_hex(3)}")
    openly = await host.page.locator("#say").input_value()
    await host.page.locator("#say").press("Enter")
    for other in others:
        await panel(other.page, "chat")
        await expect(other.page.get_by_text(openly)).to_be_visible()
        await expect(other.page.locator("#chat-tab-side .tabs-count")).to_be_hidden()
        assert any(openly in frame for frame in other.frames)
        assert not any(words in frame for frame in other.frames), "told to another company"
    await expect(colleague.page.locator("#chat-tab-all .tabs-count")).to_have_text("1")


async def moves_everybody(host: Page) -> None:
    """By keys alone."""
    await panel(host, "talk")
    keys = Keyboard(host)
    await keys.press(host.get_by_role("button", name="Move to another room"))
    asked = host.get_by_role("dialog", name="Move everybody to another room?")
    await keys.press(asked.get_by_role("button", name="Move everybody"))


async def arrived(before: str, *pages: Page) -> None:
    """All of them inside another room, the same one."""
    for page in pages:
        await expect(page).not_to_have_url(before, timeout=WAIT_MS)
        await inside(page)
    assert len({page.url for page in pages}) == 1


@pytest.mark.timeout(240)
async def test_companies_talk_aside_bring_a_colleague_and_move_together(
    fair: Fair, browser: Browser
) -> None:
    chen, sofia, jonas = [
        await guest(browser, fair, name) for name in ("Chen Rui", "Sofia Martins", "Jonas Berg")
    ]
    lin = await guest(browser, fair, "Lin Wei", "narrow")
    firms = [a_firm(fair, name) for name in ("Nordwind", "Porto Sul", "Baltic Cold")]
    await staff_of(fair, firms[0], chen.id, lin.id)
    for firm, one in zip(firms[1:], (sofia, jonas), strict=True):
        await staff_of(fair, firm, one.id)
    room = open_talk(
        fair, mode="many_to_many", company=firms[0], capacity=4,
        sides={firms[0]: 2, firms[1]: 1, firms[2]: 1},
        members=[
            {"person": chen.id, "side": firms[0], "role": "host"},
            {"person": sofia.id, "side": firms[1]}, {"person": jonas.id, "side": firms[2]},
        ],
    )  # fmt: skip
    for one, devices in ((chen, True), (sofia, True), (jonas, False)):
        await one.came_in(room, devices=devices)
    await bring_in(chen, lin, room)
    await aside(chen, lin, [sofia, jonas], "Not below forty")
    await check(chen.page, "a talk of several companies")
    await check(lin.page, "a side's own chat on a phone")
    await panel(chen.page, "people")
    await expect(chen.page.get_by_role("group", name=re.compile("^Code with"))).to_have_count(3)
    await check(chen.page, "people of several companies")

    await lin.page.locator(".panel-close").first.click()
    before, pages = chen.page.url, [one.page for one in (chen, sofia, jonas, lin)]
    await moves_everybody(chen.page)
    for page in pages:
        await page.locator("dialog[open] button[value=go]").click()
    await arrived(before, *pages)
    await together(4, *pages[:3])
    for one, on in ((chen, True), (sofia, True), (jonas, False), (lin, False)):
        await pressed(one.page, "mic", on)
        await pressed(one.page, "camera", on)
    await asyncio.gather(rising(chen.page, "Chen Rui", 1, 60), rising(sofia.page, "Sofia", 1, 60))
    # Their places are the same: who is of one company still has a chat of their own.
    await aside(chen, lin, [sofia, jonas], "Now down to thirty")


@pytest.mark.long  # the real count of five seconds
async def test_who_says_nothing_is_moved_along_and_who_will_stays(
    fair: Fair, browser: Browser
) -> None:
    chen, sofia, jonas = [await guest(browser, fair, name) for name in ("Chen", "Sofia", "Jonas")]
    firm = a_firm(fair, "Nordwind")
    await staff_of(fair, firm, chen.id)
    members = [{"person": one.id} for one in (sofia, jonas)]
    members.append({"person": chen.id, "side": firm, "role": "host"})
    room = open_talk(fair, mode="one_to_many", company=firm, capacity=3, members=members)
    for one in (chen, sofia, jonas):
        await one.came_in(room)
    before = jonas.page.url
    await moves_everybody(chen.page)
    asked = sofia.page.get_by_role("dialog", name="Everybody goes to another room")
    await expect(asked).to_contain_text("Your camera and microphone stay as they are.")
    await jonas.page.get_by_role("button", name="Stay here").click()
    await arrived(before, chen.page, sofia.page)
    await together(2, chen.page, sofia.page)
    # Their seats here are free at once; the way after them stays open.
    await expect(jonas.page).to_have_url(before)
    await expect(jonas.page.get_by_text("Nobody else is here yet")).to_be_visible()
    await jonas.came_in(chen.page.url.rpartition("/")[2])
    await together(3, chen.page, sofia.page, jonas.page)


async def at(moment: datetime, *pages: Page) -> None:
    """The time of day as the pages see it; everything else runs on as it does."""
    for page in pages:
        await page.clock.set_fixed_time(moment)


@pytest.mark.long  # in every run tests/js/talk-state.test.js holds when it warns
async def test_a_talk_warns_before_its_end_and_is_extended(fair: Fair, browser: Browser) -> None:
    chen, sofia = [await guest(browser, fair, name) for name in ("Chen Rui", "Sofia Martins")]
    firm = a_firm(fair, "Nordwind")
    await staff_of(fair, firm, chen.id)
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=20)
    room = open_talk(
        fair, mode="one_to_one", company=firm, agenda="1. Volumes\n2. Rates 费率",
        ends_at=end.isoformat(), members=[
            {"person": chen.id, "side": firm, "role": "host"}, {"person": sofia.id},
        ],
    )  # fmt: skip
    both = (chen.page, sofia.page)
    for one in (chen, sofia):
        await one.came_in(room)
        await panel(one.page, "talk")
        await expect(one.page.locator(".agenda-text")).to_have_text("1. Volumes\n2. Rates 费率")
        await expect(one.page.get_by_text("Planned end")).to_be_visible()
    run = "Run the talk"
    await expect(chen.page.get_by_role("region", name=run)).to_be_visible()
    await expect(sofia.page.get_by_role("region", name=run)).to_be_hidden()

    async def left(text: str) -> None:
        for page in both:
            await expect(page.get_by_role("timer")).to_have_text(text)

    def warning(page: Page, text: str) -> Any:
        return page.locator(".toast-warn", has_text=text)

    await left("20 min left")
    await at(end - timedelta(minutes=5), *both)
    await left("5:00 left")
    for page in both:
        await expect(warning(page, "5 minutes until the planned end.")).to_be_visible()
    await expect(sofia.page.locator(".toast-way")).to_have_count(0)
    await check(chen.page, "a talk that is soon over")

    # The host extends it from the warning itself.
    await chen.page.locator(".toast-warn").get_by_role("button", name="15 minutes more").click()
    await left("20 min left")
    told = sofia.page.get_by_text(re.compile(r"^Chen Rui extended the talk until \d\d:\d\d\.$"))
    await expect(told.first).to_be_visible()
    later = end + timedelta(minutes=15)
    known = await (await sofia.page.request.get(f"/api/v1/negotiations/{room}")).json()
    assert datetime.fromisoformat(known["ends_at"]) == later
    await sofia.page.reload()
    await inside(sofia.page)
    await left("20 min left")

    await at(later - timedelta(seconds=60), *both)
    for page in both:
        await expect(warning(page, "1 minute until the planned end.")).to_be_visible()
        await expect(page.get_by_role("alert").filter(has_text="1 minute until")).to_have_count(1)
    await at(later + timedelta(seconds=1), *both)
    await left("Time is up")

    # Nothing goes on for ever: why it does not is said beside the button.
    await at(later + timedelta(hours=12), chen.page)
    more = chen.page.get_by_role("region", name=run).get_by_role("button", name="15 minutes more")
    await Keyboard(chen.page).press(more)
    fault = chen.page.get_by_role("region", name=run).get_by_role("alert")
    await expect(fault).to_have_text("A talk cannot be extended further.")
    known = await (await sofia.page.request.get(f"/api/v1/negotiations/{room}")).json()
    assert datetime.fromisoformat(known["ends_at"]) == later


#: Keeps the screens a page shares, and lets a test end one by the browser's own bar.
SCREENS = """
(() => {
  const real = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
  window.screens = [];
  navigator.mediaDevices.getDisplayMedia = async (wanted) => {
    const stream = await real(wanted);
    window.screens.push(...stream.getVideoTracks());
    return stream;
  };
  window.stopSharing = () => {
    const track = window.screens.at(-1);
    track.stop();
    track.dispatchEvent(new Event("ended"));
  };
})();
"""
SHOWN = "document.querySelector('.tile-screen video')?.getVideoPlaybackQuality().totalVideoFrames"


async def decodes_the_screen(page: Page, name: str) -> None:
    tile = page.locator(".tile-screen")
    await expect(tile.locator(".tile-name")).to_have_text(f"Screen of {name}")
    await expect(tile.locator("video")).to_be_visible()
    await holds(page, f"({SHOWN} ?? 0) > 5", WAIT_MS / 1000)
    size = "document.querySelector('.tile-screen video').videoWidth"
    # Larger than the cameras of this file: it is the screen that is shown.
    await holds(page, f"{size} > 320", WAIT_MS / 1000)


async def shares_no_more(host: Page, other: Page, name: str) -> None:
    await expect(other.locator(".tile-screen")).to_have_count(0)
    await pressed(host, "share", False)
    assert await host.evaluate("screens.every((track) => track.readyState === 'ended')")
    await asyncio.gather(rising(host, name, 1, 60), rising(other, "the other", 1, 60))


async def test_a_link_leads_in_and_a_screen_is_shared(fair: Fair, browser: Browser) -> None:
    chen = await guest(browser, fair, "Chen Rui")
    await chen.page.add_init_script(SCREENS)
    firm = a_firm(fair, "Nordwind")
    await staff_of(fair, firm, chen.id)
    members = [{"person": chen.id, "side": firm, "role": "host"}]
    room = open_talk(fair, mode="one_to_many", company=firm, capacity=4, members=members)
    await chen.came_in(room, devices=True)

    token = fair.token(room, name="Mei Tan")
    mei, path = await stranger(browser, fair), f"/negotiations/{room}"
    asked: list[str] = []
    mei.on("request", lambda request: asked.append(request.url))
    await mei.goto(f"{path}#token={token}")
    await mei.wait_for_selector("html[data-ready]")
    assert mei.url == fair.url + path, "the token stays in the address bar"
    await mei.go_back()
    assert token not in mei.url, "the token stays in the history"
    await mei.go_forward()
    assert not any(token in url for url in asked)
    kept = "Object.values(localStorage).join() + document.cookie + document.body.outerHTML"
    assert token not in await mei.evaluate(kept)
    await mei.wait_for_selector("html[data-ready]")
    await expect(mei.get_by_text("You enter as Mei Tan")).to_be_visible()
    await enter(mei)
    await inside(mei)

    await chen.page.keyboard.press("s")
    await pressed(chen.page, "share", True)
    await decodes_the_screen(mei, "Chen Rui")
    await check(mei, "a shared screen")
    # A reload keeps the place, without a question; what is shared is there again.
    await mei.reload()
    await inside(mei)
    await together(2, chen.page, mei)
    await decodes_the_screen(mei, "Chen Rui")
    await chen.page.locator("#bar-share").click()
    await shares_no_more(chen.page, mei, "Chen Rui")
    # Once more, and ended by the browser's own bar.
    await chen.page.locator("#bar-share").click()
    await decodes_the_screen(mei, "Chen Rui")
    await chen.page.evaluate("stopSharing()")
    await shares_no_more(chen.page, mei, "Chen Rui")

    # The link was this tab's alone, and one that nobody signed leads nowhere.
    other = await mei.context.new_page()
    await other.goto(path)
    await expect(other.get_by_role("heading", level=1)).to_have_text("There is no such room")
    forged = await stranger(browser, fair)
    await forged.goto(f"{path}#token={token[:-8]}AAAAAAAA")
    await forged.wait_for_selector("html[data-ready]")
    await forged.locator("#enter").click()
    await expect(forged.locator("#outcome h1")).to_be_visible()
    await expect(forged.locator("#outcome .actions").locator("a, button").first).to_be_visible()
    await together(2, chen.page, mei)


@pytest.mark.long  # in every run test_ring holds the focus, and test_accessibility the looks
@pytest.mark.parametrize("look", LOOKS)
async def test_a_booth_is_rung_and_taken_by_keyboard_alone(
    fair: Fair, browser: Browser, look: str
) -> None:
    chen, sofia = [await guest(browser, fair, name, look) for name in ("Chen Rui", "Sofia")]
    firm = a_firm(fair, "Nordwind")
    await staff_of(fair, firm, chen.id)
    await online_at_home(chen)
    await sofia.page.goto(f"/companies/{firm}")
    await sofia.page.wait_for_selector("html[data-ready]")
    caller, staff = Keyboard(sofia.page), Keyboard(chen.page)
    bell, dialog = sofia.page.locator("[data-ring-company]"), sofia.page.locator("dialog.call")
    card = chen.page.get_by_role("alertdialog")

    # Thought better of: nothing rings, and the place is where it was.
    await caller.press(bell)
    await expect(sofia.page.locator("#call-subject")).to_be_focused()
    await check(sofia.page, "the question what it is about")
    await sofia.page.keyboard.press("Escape")
    await expect(bell).to_be_focused()

    await sofia.page.keyboard.press("Enter")
    await sofia.page.keyboard.type("Cold chain to Lisbon")
    await caller.press(dialog.locator("button[type=submit]"))
    await expect(dialog.locator(".btn-danger")).to_be_focused()
    await expect(card).to_be_focused()
    await expect(card).to_contain_text("Cold chain to Lisbon")
    await check(chen.page, "a card that rings")
    await staff.reach(card.locator(".ring-hush"))
    await chen.page.keyboard.press("Space")
    await expect(card.locator(".ring-hush")).to_have_attribute("aria-pressed", "true")
    await sofia.page.keyboard.press("Escape")  # hangs up
    over = chen.page.locator(".ring-over")
    await expect(over.get_by_role("button")).to_be_focused()
    await check(chen.page, "a card that rings no more")
    await check(sofia.page, "a call that is over")
    await chen.page.keyboard.press("Enter")
    await expect(over).to_have_count(0)

    # Rung again and taken: both are led into one room.
    await caller.press(dialog.locator("button.btn").first)
    await expect(sofia.page.locator("#call-subject")).to_be_focused()
    await sofia.page.keyboard.press("Enter")
    await expect(card).to_be_focused()
    await staff.press(card.locator(".btn-primary"))
    for one in (chen, sofia):
        await expect(one.page).to_have_url(re.compile(r"/negotiations/n-[a-z2-7]{20}$"))
    assert chen.page.url == sofia.page.url
