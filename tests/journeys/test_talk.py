"""A talk in real browsers: straight from browser to browser, the lobby, notes, files, and the
change to the fair's server and back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journeys.test_capacity import inside
from tests.journeys.test_stage import WATCH, rising
from tests.journeys.visitors import by_app, company, sign_in
from tests.pages.serving import Fair


@dataclass
class Person:
    name: str
    address: str
    id: str


async def people(fair: Fair, *names: str) -> list[Person]:
    return [Person(name, *await by_app(fair, name)) for name in names]


def staff(fair: Fair, slug: str, *who: Person) -> None:
    for one in who:
        status, answer, _ = fair.call("PUT", f"/companies/{slug}/staff/{one.id}", {"role": "staff"})
        assert status == 204, answer


def talk(fair: Fair, slug: str, host: Person, *guests: Person, **fields: Any) -> str:
    """The room of a one_to_many talk that begins now."""
    members = [{"person": host.id, "side": slug, "role": "host"}]
    members += [{"person": guest.id, "side": "guest"} for guest in guests]
    status, answer, _ = fair.call("POST", "/negotiations", {
        "mode": "one_to_many", "subject": "Cold chain to Lisbon", "company": slug, "capacity": 8,
        "members": members, **fields,
    })  # fmt: skip
    assert status == 201, answer
    return str(answer["items"][0]["room"])


async def a_talk_of(fair: Fair, **fields: Any) -> tuple[str, Person, Person]:
    """(room, host, guest)."""
    chen, sofia = await people(fair, "Chen Rui", "Sofia Martins")
    slug = company(fair, "Nordwind Logistics", "北风物流", "finance", "物流")
    staff(fair, slug, chen)
    return talk(fair, slug, chen, sofia, **fields), chen, sofia


async def at_the_entrance(browser: Browser, fair: Fair, who: Person, room: str) -> Page:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="en", reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    page = await context.new_page()
    await page.add_init_script(WATCH)
    await sign_in(page, fair, who.address)
    await page.goto(f"{fair.url}/negotiations/{room}")
    await page.wait_for_selector("html[data-ready]")
    return page


async def enter(page: Page) -> None:
    await page.locator("#allow").click()
    await page.locator("#preview-bar").wait_for()
    await page.locator("#enter").click()


#: Forget the connections that are closed: what they received does not count any more.
OPEN = "() => { window.peers = peers.filter((pc) => pc.connectionState !== 'closed'); }"
#: Five browsers that encode and decode on two cores: small pictures, few a second.
SMALL = """
(() => {
  const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
  const video = { width: 320, height: 180, frameRate: 8 };
  devices.getUserMedia = (what) => open({ ...what, ...(what.video ? { video } : {}) });
})();
"""


async def in_the_talk(
    browser: Browser, fair: Fair, who: Person, room: str, script: str = ""
) -> Page:
    page = await at_the_entrance(browser, fair, who, room)
    if script:
        await page.evaluate(script)
    await enter(page)
    await inside(page, 20)
    return page


async def panel(page: Page, name: str) -> None:
    opener = page.locator(f"#bar-{name}")
    if await opener.get_attribute("aria-expanded") != "true":
        await opener.click()


async def code(page: Page, other: str) -> list[str]:
    await panel(page, "people")
    groups = page.get_by_role("group", name=f"Code with {other}")
    await expect(groups).to_be_visible(timeout=15_000)
    return [text for text in (await groups.inner_text()).split() if text]


async def same_notes(*pages: Page) -> str:
    """The text, once all show the same and have it saved."""
    deadline = time.monotonic() + 10
    while True:
        texts = {await page.locator("#notes").input_value() for page in pages}
        saved = {await page.locator("#notes-state").inner_text() for page in pages}
        if len(texts) == 1 and saved == {"Saved"}:
            return texts.pop()
        assert time.monotonic() < deadline, f"{texts} {saved}"
        await asyncio.sleep(0.1)


async def test_two_talk_from_browser_to_browser(fair: Fair, browser: Browser) -> None:
    room, chen, sofia = await a_talk_of(fair)
    host = await in_the_talk(browser, fair, chen, room)
    await expect(host.get_by_text("Nobody else is here yet")).to_be_visible()
    guest = await in_the_talk(browser, fair, sofia, room)
    await asyncio.gather(rising(host, "the host"), rising(guest, "the guest"))
    await expect(host.locator(".talk-secure")).to_have_text("End-to-end encrypted")
    assert await host.evaluate("peers.length") == 1, "more than the one direct connection"

    mine, theirs = await code(host, "Sofia Martins"), await code(guest, "Chen Rui")
    assert mine == theirs and len(mine) == 6

    for page in (host, guest):
        await panel(page, "notes")
        await expect(page.locator("#notes")).to_be_enabled()
    await asyncio.gather(
        host.locator("#notes").press_sequentially("Forty containers a month. ", delay=15),
        guest.locator("#notes").press_sequentially("价格如前 agreed. ", delay=15),
    )
    text = await same_notes(host, guest)
    assert sorted(text) == sorted("Forty containers a month. 价格如前 agreed. "), text

    for page in (host, guest):
        await panel(page, "files")
    shared = {"name": "rates.txt", "mimeType": "text/plain", "buffer": b"forty a month"}
    await host.locator("#file-put").set_input_files(shared)
    kept = guest.get_by_role("button", name="rates.txt", exact=True)
    await expect(kept).to_be_visible()
    async with guest.expect_download() as saving:
        await kept.click()
    assert (await (await saving.value).path()).read_bytes() == b"forty a month"
    handed = {"name": "offer.pdf", "mimeType": "application/pdf", "buffer": b"%PDF" * 100_000}
    await guest.locator("#file-hand").set_input_files(handed)
    link = host.get_by_role("link", name="offer.pdf")
    await expect(link).to_be_visible(timeout=10_000)
    async with host.expect_download() as saving:
        await link.click()
    assert (await (await saving.value).path()).read_bytes() == handed["buffer"]

    # A reload keeps the seat; picture and sound come back by themselves.
    await guest.reload()
    await inside(guest, 10)
    await asyncio.gather(rising(host, "the host"), rising(guest, "the guest"))
    await panel(guest, "notes")
    assert await same_notes(guest) == text

    await panel(host, "talk")
    await host.get_by_role("button", name="End the talk for everybody").click()
    await host.get_by_role("dialog").get_by_role("button", name="End the talk").click()
    for page in (host, guest):
        await expect(page.get_by_role("heading", level=1)).to_have_text("The talk is over")
        await expect(page.get_by_role("link", name="Record the result")).to_be_visible()


async def test_who_knocks_is_talked_to_and_let_in_or_turned_away(
    fair: Fair, browser: Browser
) -> None:
    chen, sofia, jonas = await people(fair, "Chen Rui", "Sofia Martins", "Jonas Berg")
    slug = company(fair, "Nordwind Logistics", "北风物流", "finance", "物流")
    staff(fair, slug, chen)
    room = talk(fair, slug, chen, sofia, jonas, lobby=True)
    host = await in_the_talk(browser, fair, chen, room)
    sofias = await at_the_entrance(browser, fair, sofia, room)
    await sofias.get_by_role("button", name="Knock").click()
    await expect(sofias.get_by_role("heading", level=1)).to_have_text("You are at the door")
    await sofias.get_by_label("Message to the host side").fill("Good morning")
    await sofias.get_by_label("Message to the host side").press("Enter")
    await panel(host, "people")
    knock = host.get_by_role("group", name="Sofia Martins")
    await knock.get_by_role("button", name="Talk").click()
    await expect(knock.get_by_text("Good morning", exact=True)).to_be_visible()
    await knock.get_by_label("Message to Sofia Martins").fill("Come in")
    await knock.get_by_label("Message to Sofia Martins").press("Enter")
    await expect(sofias.get_by_text("Come in", exact=True)).to_be_visible()
    await knock.get_by_role("button", name="Let in").click()
    await inside(sofias, 10)

    jonass = await at_the_entrance(browser, fair, jonas, room)
    await jonass.get_by_role("button", name="Knock").click()
    await expect(jonass.get_by_text("Come in", exact=True)).to_have_count(0)
    turned = host.get_by_role("group", name="Jonas Berg")
    await turned.get_by_role("button", name="Turn away").click()
    await host.get_by_label("Reason (may be empty)").fill("Another time")
    await host.get_by_role("dialog").get_by_role("button", name="Turn away").click()
    await expect(jonass.get_by_role("heading", level=1)).to_have_text("You were not let in")
    await expect(
        jonass.get_by_text("The host side wrote: Another time", exact=True)
    ).to_be_visible()
    # Redis has turned him away already; SQL follows in the same act.
    deadline = time.monotonic() + 10
    while (await jonass.goto(f"{fair.url}/negotiations/{room}")).status != 404:  # type: ignore[union-attr]
        assert time.monotonic() < deadline, "whoever was turned away is a member for good"
    await expect(jonass.get_by_role("heading", level=1)).to_have_text("There is no such room")


@pytest.mark.timeout(420)
@pytest.mark.long  # five browsers that send and decode on two cores: about half a minute
async def test_a_fifth_person_moves_the_media_to_the_server_and_back(
    fair: Fair, browser: Browser
) -> None:
    names = ["Chen Rui", "Sofia Martins", "Jonas Berg", "Amara Okafor", "Lin Wei"]
    everybody = await people(fair, *names)
    slug = company(fair, "Nordwind Logistics", "北风物流", "finance", "物流")
    staff(fair, slug, everybody[0])
    room = talk(fair, slug, *everybody)
    pages = [await in_the_talk(browser, fair, who, room, SMALL) for who in everybody[:4]]
    await asyncio.gather(*(rising(p, n, 3, 90) for p, n in zip(pages, names, strict=False)))
    for page in pages:
        await expect(page.locator(".talk-secure")).to_have_text("End-to-end encrypted")
    fifth = await in_the_talk(browser, fair, everybody[4], room, SMALL)
    for page in pages:
        await expect(page.locator(".talk-secure")).to_have_text("Through the fair's server")
        await expect(page.locator(".toast-warn")).to_contain_text("encryption has ended")
    # The direct connections are gone, and everyone sees four others.
    gone = "() => peers.filter((pc) => pc.connectionState !== 'closed').length === 2"
    for page in (*pages, fifth):
        await page.wait_for_function(gone, timeout=30_000)
        await page.evaluate(OPEN)
    await asyncio.gather(*(rising(p, "somebody", 4, 90) for p in (*pages, fifth)))
    await fifth.get_by_role("button", name="Leave").click()
    for page in pages:
        await expect(page.locator(".talk-secure")).to_have_text(
            "End-to-end encrypted", timeout=30_000
        )
    direct = "() => peers.filter((pc) => pc.connectionState === 'connected').length === 3"
    for page in pages:
        await page.wait_for_function(direct, timeout=30_000)
    await asyncio.gather(*(rising(p, n, 3, 90) for p, n in zip(pages, names, strict=False)))
