"""A booth is rung in real browsers: all its pages ring, one takes it, who is gone frees all."""

from __future__ import annotations

import re
import secrets
from typing import Any

import sqlalchemy as sa
from playwright.async_api import Browser, Page, expect

from hub.fair.engine import make_engine, transaction
from hub.fair.tables import company_staff, rings
from tests.journeys.test_gate import account
from tests.journeys.visitors import a_page, company
from tests.pages.ringing import online
from tests.pages.serving import Fair

WAIT_MS = 15_000  # two cores under load


def database(fair: Fair) -> Any:
    return make_engine(f"sqlite+aiosqlite:///{fair.log.parent / 'data' / 'pavilion.sqlite'}")


async def somebody(browser: Browser, fair: Fair, name: str) -> tuple[Page, str]:
    """(a page that is signed in, the account's id)."""
    cookie = await account(fair, name)
    page = await a_page(browser)
    await page.context.add_cookies([{"name": "pavilion", "value": cookie, "url": fair.url}])
    await page.goto(f"{fair.url}/me")
    me = await page.evaluate(
        "fetch('/api/v1/me').then((answer) => answer.json()).then((me) => me.id)"
    )
    return page, str(me)


async def staff_of(fair: Fair, slug: str, *people: str) -> None:
    engine = database(fair)
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(company_staff), [
            {"company": slug, "person": one, "role": "staff", "title": None, "shown": True,
             "created_ms": 1}
            for one in people
        ])  # fmt: skip
    await engine.dispose()


async def newest_ring(fair: Fair, slug: str) -> Any:
    engine = database(fair)
    async with engine.connect() as connection:
        found = await connection.execute(
            sa.select(rings).where(rings.c.company == slug).order_by(rings.c.created_ms.desc())
        )
        row = found.first()
    await engine.dispose()
    return row


async def test_a_booth_is_rung_taken_once_and_missed(browser: Browser, fair: Fair) -> None:
    slug = company(fair, f"Ringing {secrets.token_hex(3)}", "铃声科技", "finance", "电话")
    staff = [await somebody(browser, fair, name) for name in ("Li Na", "Omar", "Greta")]
    await staff_of(fair, slug, *(id for _, id in staff))
    visitor, _ = await somebody(browser, fair, "Vera")
    pages = [page for page, _ in staff]
    for page in pages:
        await online(fair, page)
    second = await pages[0].context.new_page()  # another page of the same person
    await online(fair, second)

    async def ring(subject: str) -> None:
        await visitor.get_by_role("button", name="Ring the booth").click()
        await visitor.get_by_label("What is it about?").fill(subject)
        await visitor.get_by_role("button", name="Ring", exact=True).click()
        await expect(visitor.get_by_role("button", name="Hang up")).to_be_visible()

    await visitor.goto(f"{fair.url}/companies/{slug}")
    await visitor.wait_for_selector("html[data-ready]")
    await ring("")
    for page in (*pages, second):
        card = page.get_by_role("alertdialog", name=re.compile("Vera is ringing the booth"))
        await expect(card).to_be_visible(timeout=WAIT_MS)
    # One of them cannot just now: it goes on for the others.
    await pages[1].get_by_role("button", name="Not now").click()
    await expect(pages[1].get_by_role("alertdialog")).to_have_count(0)
    await expect(pages[2].get_by_role("alertdialog")).to_be_visible()
    # Taken: both are brought into the room, every other page stops.
    await pages[2].get_by_role("button", name="Take the call").click()
    room = re.compile(re.escape(fair.url) + r"/negotiations/n-[a-z2-7]{20}$")
    await expect(pages[2]).to_have_url(room, timeout=WAIT_MS)
    await expect(visitor).to_have_url(pages[2].url, timeout=WAIT_MS)
    for page in (pages[0], second):
        await expect(page.get_by_text("Greta took the call.").first).to_be_visible()
        await expect(page.get_by_role("alertdialog")).to_have_count(0)
    row = await newest_ring(fair, slug)
    assert (row.state, row.answered_by) == ("answered", staff[2][1])
    assert visitor.url.endswith(f"/negotiations/{row.room}")

    # Rung once more; the visitor's browser is gone in the middle of it.
    other, _ = await somebody(browser, fair, "Viktor")
    await online(fair, other, f"/companies/{slug}")
    await other.wait_for_selector("html[data-ready]")
    visitor = other
    await ring("Robots & arms")
    await expect(pages[0].get_by_role("alertdialog")).to_contain_text("Robots & arms")
    await other.context.close()
    await expect(pages[0].get_by_text("The visitor's connection was lost.").first).to_be_visible(
        timeout=WAIT_MS
    )
    row = await newest_ring(fair, slug)
    assert (row.state, row.why, row.ringing) == ("missed", "dropped", None)
    # Everyone is free again: the next one rings.
    third, _ = await somebody(browser, fair, "Wanda")
    await third.goto(f"{fair.url}/companies/{slug}")
    await third.wait_for_selector("html[data-ready]")
    visitor = third
    await ring("")
    await expect(pages[0].get_by_role("alertdialog")).to_be_visible(timeout=WAIT_MS)
    await third.keyboard.press("Escape")  # hangs up
    await expect(third.get_by_role("heading", name="You hung up.")).to_be_visible()
    await expect(third.get_by_role("link", name="Ask for a meeting").last).to_be_visible()
    await expect(pages[0].get_by_text("The visitor hung up.").first).to_be_visible()
    for page in (*pages, second, visitor):
        await page.context.close()


async def test_a_ring_meets_typing_reloads_and_a_second_page(browser: Browser, fair: Fair) -> None:
    slug = company(fair, f"Ringing {secrets.token_hex(3)}", "铃声科技", "finance", "电话")
    (first, one), (other, two) = [await somebody(browser, fair, name) for name in ("Ines", "Bo")]
    await staff_of(fair, slug, one, two)
    for page in (first, other):
        await online(fair, page)
    second = await first.context.new_page()
    await online(fair, second)
    visitor, _ = await somebody(browser, fair, "Vera")
    await visitor.goto(f"{fair.url}/companies/{slug}")
    await visitor.wait_for_selector("html[data-ready]")

    async def ring() -> None:
        await visitor.get_by_role(
            "button", name=re.compile("^Ring (the booth|again)$")
        ).last.click()
        await visitor.get_by_role("button", name="Ring", exact=True).click()
        await expect(visitor.get_by_role("button", name="Hang up")).to_be_visible()

    # Whoever types goes on typing, and a key leads to the card and back; others stand on the card.
    words = first.locator("main").get_by_role("searchbox").first
    await words.fill("rob")
    await ring()
    card = first.get_by_role("alertdialog")
    await expect(card).to_be_visible(timeout=WAIT_MS)
    await first.keyboard.type("ots")
    await expect(words).to_have_value("robots")
    await first.keyboard.press("F8")
    await expect(card).to_be_focused()
    await expect(other.get_by_role("alertdialog")).to_be_focused()
    # The visitor reloads: the call is still there, on their side and on the others'.
    await visitor.reload()
    await expect(visitor.get_by_role("button", name="Hang up")).to_be_visible(timeout=WAIT_MS)
    await expect(card).to_be_visible()
    # Declined on one page: gone on the other of the same person, for it goes on for others.
    await card.get_by_role("button", name="Not now").click()
    await expect(words).to_be_focused()
    await expect(second.locator(".ring-card")).to_have_count(0)
    await expect(other.get_by_role("alertdialog")).to_be_visible()
    await visitor.get_by_role("button", name="Hang up").click()
    await expect(visitor.get_by_role("heading", name="You hung up.")).to_be_visible()
    # Taken on one page: the other leads into the room too.
    await visitor.get_by_role("button", name="Ring again").click()
    await visitor.get_by_role("button", name="Ring", exact=True).click()
    await second.get_by_role("button", name="Take the call").click(timeout=WAIT_MS)
    await expect(second).to_have_url(re.compile("/negotiations/n-"), timeout=WAIT_MS)
    link = first.locator(".ring-card").get_by_role("link", name="Enter the talk")
    await expect(link).to_have_attribute("href", second.url.removeprefix(fair.url))
    for page in (first, second, other, visitor):
        await page.context.close()
