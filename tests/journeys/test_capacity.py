"""A full room, a line, a desk: what four people and a moderator see in real browsers."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journeys.cable import Cable
from tests.pages.serving import Fair

#: As long as a phone is without a network in a lift; the shorter one ends once it was noticed.
CUTS_S = (pytest.param(20.0, marks=pytest.mark.long), 0.0)  # the real clock of two processes


async def visit(browser: Browser, url: str) -> Page:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_selector("html[data-ready]")
    return page


async def enter(page: Page, name: str) -> None:
    await page.get_by_label("Your name").fill(name)
    await page.locator("#enter").click()


async def inside(page: Page, timeout_s: float = 5) -> None:
    controls = page.get_by_role("region", name="Call controls")
    await expect(controls).to_be_visible(timeout=timeout_s * 1000)


def people(fair: Fair, room: str) -> dict[str, str]:
    """Name to state of everyone in the room or its line."""
    _, answer, _ = fair.call("GET", f"/rooms/{room}/participants")
    return {person["name"]: person["state"] for person in answer["items"]}


async def until(true: Any, seconds: float, what: str) -> float:
    """Seconds until ``true()`` holds. Raises AssertionError after ``seconds``."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, what
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def set_capacity(desk: Page, room: str, capacity: int, promise: str) -> None:
    row = desk.locator(f'tr[data-room="{room}"]')
    field = row.get_by_label("Capacity of")
    await field.fill(str(capacity))
    await expect(row.locator(".effect")).to_have_text(re.compile(promise))
    await row.get_by_role("button", name="Set", exact=True).click()


async def test_the_fourth_waits_and_is_seated_when_the_desk_makes_room(
    fair: Fair, browser: Browser
) -> None:
    room = fair.room("Customs clinic", capacity=3)
    seated = [await visit(browser, f"{fair.url}/rooms/{room}") for _ in range(3)]
    for number, page in enumerate(seated):
        await enter(page, f"Guest {number}")
        await inside(page)
    fourth = await visit(browser, f"{fair.url}/rooms/{room}")
    await expect(fourth.get_by_text("All seats are taken.")).to_be_visible(timeout=8000)
    await enter(fourth, "Fourth")
    await expect(fourth.get_by_label("Your place")).to_have_text("1")
    await expect(fourth).to_have_title(re.compile(r"^\(1\)"))

    desk = await visit(browser, f"{fair.url}/desk#token={fair.token(room, 'moderator', 'Lin')}")
    assert "token" not in desk.url
    await expect(desk.locator(f'tr[data-room="{room}"]')).to_have_attribute("data-status", "full")
    await set_capacity(desk, room, 4, "Seats the first 1 waiting")
    await inside(fourth)

    await set_capacity(desk, room, 3, "Leaves 1 over: nobody is removed")
    await expect(desk.locator(f'tr[data-room="{room}"]')).to_have_attribute("data-status", "over")
    await seated[0].get_by_role("button", name="Leave").click()
    await expect(seated[0].get_by_role("heading", level=1)).to_have_text("You have left the room")
    assert len(people(fair, room)) == 3
    fifth = await visit(browser, f"{fair.url}/rooms/{room}")
    await enter(fifth, "Fifth")
    await expect(fifth.get_by_label("Your place")).to_have_text("1")
    await fifth.get_by_role("button", name="Leave the line").click()
    await expect(fifth.get_by_role("heading", level=1)).to_have_text("You have left the line")
    assert "Fifth" not in people(fair, room)

    fair.patch(room, capacity=9, locked=True, lock_message="Back at ten")
    await fifth.get_by_role("button", name="Back to the entrance").click()
    await expect(fifth.get_by_text("Back at ten")).to_be_visible(timeout=8000)
    await fifth.locator("#enter").click()
    await expect(fifth.get_by_role("heading", level=1)).to_have_text(
        "The doors are closed just now"
    )
    await expect(fifth.locator("#outcome")).to_contain_text("Back at ten")


@pytest.mark.parametrize("cut_s", CUTS_S)
async def test_a_reload_and_a_cut_come_back_to_the_same_seat(
    fair: Fair, browser: Browser, cable: Cable, cut_s: float
) -> None:
    room = fair.room("Ports", capacity=2)
    # Without WebRTC, so that no media session keeps the seat live while the socket is lost.
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    await context.add_init_script("delete window.RTCPeerConnection")
    page = await context.new_page()
    await page.goto(f"{cable.url}/rooms/{room}")
    await page.wait_for_selector("html[data-ready]")
    await enter(page, "Wang Fang")
    await inside(page)
    other = await visit(browser, f"{fair.url}/rooms/{room}")
    await enter(other, "Jonas")
    await inside(other)
    late = await visit(browser, f"{fair.url}/rooms/{room}")
    await enter(late, "Late")
    await expect(late.get_by_label("Your place")).to_have_text("1")

    await page.reload()
    await inside(page)
    assert people(fair, room)["Wang Fang"] == "live"

    await page.get_by_label("Message to everyone").fill("half a thought")
    cable.cut()
    cut_at = time.monotonic()
    banner = page.locator("#banner")
    await expect(banner).to_contain_text("Your seat is kept", timeout=17_000)
    await other.get_by_label("Message to everyone").fill("said meanwhile")
    await other.get_by_label("Message to everyone").press("Enter")
    await until(lambda: people(fair, room)["Wang Fang"] == "held", 20, "silence was not noticed")
    # The cut itself, not a condition.
    await asyncio.sleep(max(0.0, cut_s - (time.monotonic() - cut_at)))
    await cable.mend()
    await expect(banner).to_be_hidden(timeout=16_000)
    await inside(page)
    await expect(page.get_by_text("said meanwhile")).to_have_count(1)
    await expect(page.get_by_label("Message to everyone")).to_have_value("half a thought")
    assert people(fair, room) == {"Wang Fang": "live", "Jonas": "live", "Late": "waiting"}


async def test_a_second_window_takes_the_seat_and_it_can_be_taken_back(
    fair: Fair, browser: Browser
) -> None:
    room = fair.room("Twice", capacity=2)
    first = await visit(browser, f"{fair.url}/rooms/{room}")
    await enter(first, "Ada")
    await inside(first)
    second = await first.context.new_page()
    await second.goto(f"{fair.url}/rooms/{room}")
    await second.locator("#enter").click()
    await inside(second)
    await expect(first.get_by_role("heading", level=1)).to_have_text(
        "You are in this room in another window"
    )
    await first.get_by_role("button", name="Use this window instead").click()
    await inside(first)
    assert len(people(fair, room)) == 1


async def test_a_removed_person_reads_why(fair: Fair, browser: Browser) -> None:
    room = fair.room("Manners", capacity=5)
    page = await visit(browser, f"{fair.url}/rooms/{room}")
    await enter(page, "Loud")
    await inside(page)
    host = await visit(browser, f"{fair.url}/rooms/{room}#token={fair.token(room, 'host', 'Chen')}")
    await host.locator("#enter").click()
    await inside(host)
    await host.locator("#bar-people").click()
    await host.get_by_role("button", name="Remove from the room: Loud").click()
    await host.get_by_label("Reason").fill("Advertising")
    await host.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "You were taken out of the room"
    )
    await expect(page.locator("#outcome")).to_contain_text("Advertising")


async def test_two_moderators_see_each_other_s_change_and_can_undo(
    fair: Fair, browser: Browser
) -> None:
    room = fair.room("Two desks", capacity=3)

    def capacity() -> int:
        size: int = fair.call("GET", f"/rooms/{room}")[1]["capacity"]
        return size

    desk = await visit(browser, f"{fair.url}/desk#token={fair.token(room, 'moderator', 'Lin')}")
    row = desk.locator(f'tr[data-room="{room}"]')
    async with desk.expect_response(f"**/api/v1/rooms/{room}"):
        await row.get_by_role("button", name="1 more seats").click()
    fair.patch(room, capacity=7)
    await row.get_by_role("button", name="Set", exact=True).click()
    await expect(row.locator(".effect")).to_contain_text("it has 7 seats now")
    assert capacity() == 7
    await row.get_by_role("button", name="Set", exact=True).click()
    await expect(desk.locator(".undo")).to_contain_text("7 → 4 seats")
    assert capacity() == 4
    await desk.get_by_role("button", name="Undo").click()
    await until(lambda: capacity() == 7, 3, "the change was not undone")


async def test_back_closes_a_sheet_on_a_phone_and_not_the_call(
    fair: Fair, browser: Browser
) -> None:
    room = fair.room("Small screen")
    context = await browser.new_context(viewport={"width": 360, "height": 640}, locale="en")
    page = await context.new_page()
    await page.goto(f"{fair.url}/rooms/{room}")
    await page.wait_for_selector("html[data-ready]")
    await enter(page, "Ada")
    await inside(page)
    await page.locator("#bar-chat").click()
    await expect(page.get_by_label("Message to everyone")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_label("Message to everyone")).to_be_hidden()
    await expect(page.locator("#bar-chat")).to_be_focused()
    await inside(page)


async def test_the_desk_works_by_keyboard_and_keeps_reserved_seats(
    fair: Fair, browser: Browser
) -> None:
    room = fair.room("Keys", capacity=2, reserved=1)
    first = await visit(browser, f"{fair.url}/rooms/{room}")
    await enter(first, "Ada")
    await inside(first)
    second = await visit(browser, f"{fair.url}/rooms/{room}")
    await enter(second, "Bo")
    await expect(second.get_by_label("Your place")).to_have_text("1")

    desk = await visit(browser, f"{fair.url}/desk#token={fair.token(room, 'moderator', 'Lin')}")
    row = desk.locator(f'tr[data-room="{room}"]')
    await expect(row.locator('[data-label="Stage"]')).to_have_text("0 of 9")
    await expect(row.locator('[data-label="Waiting"] b')).to_have_text("1")
    await desk.get_by_label("Find a room").focus()
    capacity, reserved = row.get_by_label("Capacity of"), row.get_by_label("Reserved")
    for _ in range(8):
        await desk.keyboard.press("Tab")
        if await capacity.evaluate("(node) => node === document.activeElement"):
            break
    await expect(capacity).to_be_focused()
    await desk.keyboard.press("ArrowUp")
    await expect(capacity).to_have_value("3")
    await expect(row.locator(".effect")).to_contain_text("Seats ")
    await desk.keyboard.press("Escape")
    await expect(capacity).to_have_value("2")
    await reserved.focus()
    await desk.keyboard.press("ControlOrMeta+a")
    await desk.keyboard.type("5")
    await expect(reserved).to_have_attribute("aria-invalid", "true")
    await expect(row.locator(".effect")).to_have_text("0 to 2 reserved seats")
    await desk.keyboard.press("ControlOrMeta+a")
    await desk.keyboard.type("0")
    await expect(row.locator(".effect")).to_have_text("Seats the first 1 waiting.")
    await desk.keyboard.press("Enter")
    await inside(second)
    await expect(desk.locator(".undo")).to_contain_text("1 → 0 reserved")
    assert fair.call("GET", f"/rooms/{room}")[1]["reserved"] == 0
