"""What the fair is for, from end to end in real browsers: a visitor asks a company for a meeting,
they talk from browser to browser, and what they agree on is read by everybody."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from playwright.async_api import Browser, Page, expect

from hub.fair.tables import appointments, result_parties, results, talk_members, talks
from tests.journeys.test_capacity import inside
from tests.journeys.test_organiser import organisers_link
from tests.journeys.test_ring import database
from tests.journeys.test_stage import WATCH, rising
from tests.journeys.test_talk import Person, code, enter, panel, people, same_notes, staff
from tests.journeys.visitors import a_page, company, sign_in
from tests.pages.serving import Fair

TICK_S = 300
#: The first beginning that is surely to come when it is asked for; its room is open by then.
AHEAD_S = 150
OFFER = """
([company, items]) => fetch(`/api/v1/companies/${company}/slots`, {
  method: "POST", body: JSON.stringify({ items }),
  headers: {
    "Content-Type": "application/json", "X-CSRF-Token": document.documentElement.dataset.csrf,
  },
}).then(async (answer) => [answer.status, await answer.json()])
"""


async def a_profile(browser: Browser, fair: Fair, who: Person) -> Page:
    page = await a_page(browser)
    page.context.set_default_timeout(20_000)
    await page.add_init_script(WATCH)
    await sign_in(page, fair, who.address)
    return page


async def offer(page: Page, slug: str) -> str:
    """The id of a slot that begins within minutes."""
    at = -(-(time.time() + AHEAD_S) // TICK_S) * TICK_S
    span = [datetime.fromtimestamp(at + s, UTC).isoformat() for s in (0, 1800)]
    item = {"starts_at": span[0], "ends_at": span[1], "place": "online"}
    status, made = await page.evaluate(OFFER, [slug, [item]])
    assert status == 201, made
    return str(made["items"][0]["id"])


async def ask_for_a_meeting(page: Page, fair: Fair, words: str, slug: str, slot: str) -> None:
    await page.goto(f"{fair.url}/companies")
    await page.get_by_label("Search companies").fill(words)
    await page.get_by_label("Search companies").press("Enter")
    await page.locator(f'.firm-name a[href="/companies/{slug}"]').click()
    await page.get_by_role("link", name="Ask for a meeting").first.click()
    await page.locator(f"#s-{slot}").check()
    await page.get_by_label("Subject").fill("Two harbour cranes")
    await page.get_by_role("button", name="Ask for this meeting").click()
    await expect(page).to_have_url(re.compile(r"/me/appointments\?done=asked"))


async def accept_and_hand_over(page: Page, fair: Fair, slug: str, colleague: Person) -> None:
    await page.goto(f"{fair.url}/companies/{slug}/day")
    asked = page.locator("li.meet", has_text="Two harbour cranes")
    await asked.locator("summary", has_text="Accept").click()
    await asked.get_by_role("button", name="Accept").click()
    await expect(page.get_by_text("The meeting is agreed.", exact=True)).to_be_visible()
    await asked.locator("summary", has_text="Hand over").click()
    await asked.get_by_label("To", exact=True).select_option(label=colleague.name)
    await asked.get_by_role("button", name="Hand over").click()
    await expect(page.get_by_text("The meeting was handed over.", exact=True)).to_be_visible()
    await expect(asked.get_by_role("link", name="Enter the room")).to_have_count(0)


async def into_the_room(page: Page, url: str) -> str:
    await page.goto(url)
    await page.get_by_role("link", name="Enter the room").first.click()
    await page.wait_for_url("**/negotiations/n-*")
    await page.wait_for_selector("html[data-ready]")
    await enter(page)
    await inside(page, 20)
    return page.url.rpartition("/")[2]


async def talk_it_over(host: Page, guest: Page, at_booth: str, visitor: str) -> None:
    """Pictures both ways, equal codes, notes and a file."""
    await asyncio.gather(rising(host, at_booth, 1, 60), rising(guest, visitor, 1, 60))
    for page in (host, guest):
        await expect(page.locator(".talk-secure")).to_have_text("End-to-end encrypted")
        assert await page.evaluate("peers.length") == 1, "more than the one direct connection"
    mine, theirs = await code(host, visitor), await code(guest, at_booth)
    assert mine == theirs and len(mine) == 6
    for page in (host, guest):
        await panel(page, "notes")
        await expect(page.locator("#notes")).to_be_enabled()
    await guest.locator("#notes").press_sequentially("Two cranes by May. 五月交货")
    assert await same_notes(host, guest) == "Two cranes by May. 五月交货"
    for page in (host, guest):
        await panel(page, "files")
    drawing = {"name": "crane.txt", "mimeType": "text/plain", "buffer": b"sixty metres"}
    await guest.locator("#file-put").set_input_files(drawing)
    kept = host.get_by_role("button", name="crane.txt", exact=True)
    await expect(kept).to_be_visible()
    async with host.expect_download() as saving:
        await kept.click()
    assert (await (await saving.value).path()).read_bytes() == drawing["buffer"]


async def end_and_record(page: Page, title: str) -> None:
    await panel(page, "talk")
    await page.get_by_role("button", name="End the talk for everybody").click()
    await page.get_by_role("dialog").get_by_role("button", name="End the talk").click()
    await page.get_by_role("link", name="Record the result", exact=True).click()
    await page.get_by_role("link", name="Record a result").first.click()
    await page.locator("#f-kind").select_option("agreement")
    await page.locator("#f-sector").select_option("finance")
    await page.locator("#f-amount").fill("1,250,000")
    await page.locator("#f-currency").select_option("EUR")
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()
    await page.locator("#f-signed_on").fill(today)
    # The company's side is filled in, and who stands for the guest's.
    await page.locator("#f-party_name_1").fill("Porto do Sul")
    await page.locator("#f-party_country_1").select_option("PT")
    await page.locator("#f-title_en").fill(title)
    await page.locator("#f-text_en").fill("Two cranes are delivered by May.")
    await page.get_by_role("button", name="Save and ask the parties to confirm").click()
    await expect(page.get_by_text("Every party is asked to confirm.", exact=True)).to_be_visible()


async def confirm(page: Page) -> None:
    await page.get_by_role("link", name="Read and confirm").click()
    await page.get_by_role("button", name="Confirm version 1").click()
    await expect(page.get_by_text("Confirmed. Thank you.", exact=True)).to_be_visible()


async def release(page: Page, fair: Fair, title: str) -> None:
    await page.goto(fair.url + await organisers_link(fair))
    await page.locator("main").get_by_role("button").click()
    await page.wait_for_url(lambda url: "/signin/" not in url)
    await page.goto(f"{fair.url}/organise/results")
    await page.get_by_label(f"Choose {title}").check()
    await page.get_by_role("button", name="Publish now").click()
    await expect(page.get_by_text("Published.", exact=True)).to_be_visible()


async def rows(fair: Fair, *queries: sa.Select[Any]) -> list[list[Any]]:
    engine = database(fair)
    try:
        async with engine.connect() as connection:
            return [list((await connection.execute(query)).all()) for query in queries]
    finally:
        await engine.dispose()


@pytest.mark.timeout(240)
async def test_from_a_search_to_a_result_that_everybody_reads(fair: Fair, browser: Browser) -> None:
    mark = secrets.token_hex(3)
    name, title = f"Longquay Cranes {mark}", f"Cranes for Porto do Sul {mark}"
    slug = company(fair, name, "长码头起重机", "finance", "港口起重机")
    chen, lin, sofia = await people(fair, "Chen Rui", "Lin Wei", "Sofia Martins")
    staff(fair, slug, chen, lin)
    visitor, first = await a_profile(browser, fair, sofia), await a_profile(browser, fair, chen)
    second = await a_profile(browser, fair, lin)

    slot = await offer(first, slug)
    await ask_for_a_meeting(visitor, fair, name, slug, slot)
    await accept_and_hand_over(first, fair, slug, lin)
    room = await into_the_room(second, f"{fair.url}/companies/{slug}/day")
    assert await into_the_room(visitor, f"{fair.url}/me/appointments") == room
    # Whoever handed it over has no part in it any more.
    gone = await first.goto(f"{fair.url}/negotiations/{room}")
    assert gone is not None and gone.status == 404
    await talk_it_over(second, visitor, lin.name, sofia.name)

    await end_and_record(second, title)
    await confirm(second)
    stranger = await a_page(browser)
    await stranger.goto(f"{fair.url}/results")
    await expect(stranger.get_by_text(title)).to_have_count(0)
    await visitor.goto(f"{fair.url}/negotiations/{room}/result")
    await confirm(visitor)
    await release(await a_page(browser), fair, title)
    await stranger.reload()
    await stranger.get_by_role("link", name=title).click()
    await expect(stranger.get_by_role("heading", level=1)).to_have_text(title)
    await expect(stranger.get_by_text("Two cranes are delivered by May.")).to_be_visible()
    published = stranger.url.rpartition("/")[2]

    asked, talked, members, reached, parties = await rows(
        fair,
        sa.select(appointments).where(appointments.c.slot == slot),
        sa.select(talks).where(talks.c.company == slug),
        sa.select(talk_members).where(talk_members.c.room == room),
        sa.select(results).where(results.c.room == room),
        sa.select(result_parties)
        .where(result_parties.c.result == published)
        .order_by(result_parties.c.position),
    )
    assert len(asked) == len(talked) == len(reached) == 1
    meeting, talk, result = asked[0], talked[0], reached[0]
    assert (meeting.company, meeting.visitor, meeting.staff) == (slug, sofia.id, lin.id)
    # They were early: what becomes of the meeting is decided when its time has come.
    assert meeting.room == room and meeting.state in {"confirmed", "running", "done"}
    assert (talk.room, talk.origin, talk.origin_id) == (room, "appointment", meeting.id)
    assert (talk.ended_why, talk.ended_by) == ("done", lin.id)
    inside_it = {(one.person, one.side) for one in members if one.removed_ms is None}
    assert inside_it == {(lin.id, slug), (sofia.id, "guest")}
    assert (result.id, result.state, result.amount) == (published, "released", 125_000_000)
    assert [(one.company, one.confirmed_by) for one in parties] == [
        (slug, lin.id), (None, sofia.id),
    ]  # fmt: skip
    assert {one.confirmed_digest for one in parties} == {result.digest}
