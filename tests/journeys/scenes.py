"""Pictures that need somebody to act first: rooms, talks, a booth that rings, accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pyotp

from tests.journeys.studio import MANY, VIEWS, Studio, View
from tests.journeys.visitors import PASSWORD, by_app
from tests.pages.every import READY
from tests.pages.ringing import hang_up, ring

WAIT_MS: Final = 30_000  # two cores under load


async def _enter(view: View, name: str) -> None:
    await view.page.locator("#name").fill(name)
    await view.page.locator("#enter").click()


async def _enter_with_devices(view: View) -> None:
    await view.page.locator("#allow").click()
    await view.page.locator("#preview-bar").wait_for()
    await view.page.locator("#enter").click()


# --- rooms ---------------------------------------------------------------------------------------


async def lobby(studio: Studio) -> None:
    """Before and after the browser is asked for camera and microphone."""
    for view in VIEWS:
        guest = await studio.open(*view, "/rooms/digital-trade")
        await studio.shot(guest, "lobby")
        await guest.page.locator("#allow").click()
        await guest.page.locator("#mic-field").wait_for()
        await studio.shot(guest, "lobby-devices", whole=True, colours=MANY)
        await guest.close()


async def _speaker(studio: Studio, name: str, hue: int) -> View:
    token = studio.fair.token("opening-forum", "host", name)
    view = await studio.open("1440", "en", f"/rooms/opening-forum#token={token}", hue=hue)
    await _enter_with_devices(view)
    await view.page.locator("#bar-mic").wait_for()
    return view


async def room(studio: Studio) -> None:
    """Three on stage, one of whom speaks, seen from the audience; its people, and what is over."""
    first = await _speaker(studio, "Chen Rui 陈睿", 205)
    second = await _speaker(studio, "Amara Okafor", 150)
    third = await _speaker(studio, "Mateus Almeida", 28)
    for one in (second, third):
        await one.page.locator("#bar-mic").click()
    await first.page.locator("#say").fill("Welcome, everyone. 欢迎各位。")
    await first.page.locator("#say").press("Enter")
    for view in VIEWS:
        guest = await studio.open(*view, "/rooms/opening-forum")
        await _enter(guest, "Sofia Lindqvist")
        await guest.page.locator(".bar").wait_for()
        await guest.page.wait_for_function(
            "document.querySelector('.tile-main video')?.videoWidth > 300", timeout=WAIT_MS
        )
        await guest.page.wait_for_timeout(1500)  # the small pictures too
        await studio.shot(guest, "room", colours=MANY)
        await guest.page.locator("#bar-people").click()
        await guest.page.locator(".person").first.wait_for()
        await studio.shot(guest, "room-people", colours=MANY)
        await guest.close()
    for one in (first, second, third):
        await one.close()


async def waiting(studio: Studio) -> None:
    """The second in line before a room of one seat; and the board of the whole fair with it."""
    slug = "contract-clinic"
    studio.fair.room("签约咨询 · Contract clinic", slug=slug, capacity=1)
    inside = await studio.open("390", "en", f"/rooms/{slug}")
    await _enter(inside, "Jonas Weber")
    await inside.page.locator(".bar").wait_for()
    before = await studio.open("390", "en", f"/rooms/{slug}")
    await _enter(before, "Amara Okafor")
    await before.page.locator("#position").wait_for()
    for view in VIEWS:
        guest = await studio.open(*view, f"/rooms/{slug}")
        await _enter(guest, "王芳")
        await guest.page.locator("#position").wait_for()
        await studio.shot(guest, "waiting")
        await guest.page.locator(".actions button").first.click()  # nobody of before stays in line
        await guest.page.locator('#outcome:not([data-code="waiting"])').wait_for()
        await studio.shot(guest, "waiting-left")
        await guest.close()
        organiser = await studio.open(*view, who="organiser")
        await studio.go(organiser, "/desk")
        await organiser.page.locator("tbody tr").first.wait_for()
        await organiser.page.wait_for_timeout(1500)  # a second round of figures
        await studio.shot(organiser, "desk")
        row = organiser.page.locator('tr[data-room="opening-forum"]')
        await row.locator(".desk-btns button").first.click()
        await organiser.page.locator("dialog[open]").wait_for()
        await organiser.page.wait_for_timeout(500)  # its people are fetched
        await studio.shot(organiser, "desk-people")
        await organiser.close()
    await before.close()
    await inside.close()


# --- business ------------------------------------------------------------------------------------


async def _member(studio: Studio, view: tuple[str, str], who: str, room: str, hue: int) -> View:
    member = await studio.open(*view, who=who, hue=hue)
    await studio.go(member, f"/negotiations/{studio.found.names[room]}")
    await _enter_with_devices(member)
    return member


async def talk(studio: Studio) -> None:
    """A talk of two people straight from browser to browser, and each of its panels."""
    host = await _member(studio, ("1440", "en"), "exhibitor", "talk", 205)
    await host.page.locator("#bar-mic").wait_for()
    written = False
    for view in VIEWS:
        guest = await _member(studio, view, "visitor", "talk", 28)
        await guest.page.locator("#bar-mic").wait_for()
        await guest.page.wait_for_function(
            "[...document.querySelectorAll('video')].filter((v) => v.videoWidth > 100)[1]",
            timeout=WAIT_MS,
        )
        if not written:
            await host.page.locator("#bar-notes").click()
            await host.page.locator("#notes").fill("Berth 7 by March, berth 8 by May 泊位八：五月")
            written = True
        await guest.page.wait_for_timeout(3000)  # how well it goes is measured
        await studio.shot(guest, "talk-inside", colours=MANY)
        for panel in ("notes", "people", "talk"):
            await guest.page.locator(f"#bar-{panel}").click()
            await guest.page.wait_for_timeout(800)  # what it shows is fetched
            await studio.shot(guest, f"talk-{panel}", colours=MANY)
            if guest.width == "390":
                await guest.page.locator(".panel-close").first.click()
        await guest.close()
    await host.close()


async def knock(studio: Studio) -> None:
    """Somebody waits to be let in, and who is inside hears the knock."""
    for view in VIEWS:
        guard = await _member(studio, view, "exhibitor", "lobby", 205)
        await guard.page.locator("#bar-mic").wait_for()
        knocking = await _member(studio, view, "visitor", "lobby", 28)
        await guard.page.locator(".toast-way").first.wait_for()
        await studio.shot(guard, "talk-knock", colours=MANY)  # first: it goes by itself
        await studio.shot(knocking, "talk-waiting")
        await knocking.close()
        await guard.close()


async def rings(studio: Studio) -> None:
    """A booth that rings: on a page of its staff, and for the visitor, who hangs up."""
    for view in VIEWS:
        staff = await studio.open(*view, who="exhibitor")
        visitor = await studio.open(*view, who="visitor")
        company = studio.found.names["company"]
        await ring(studio.fair, staff.page, visitor.page, company, "Spare parts 备件")
        await studio.shot(staff, "ring-staff")
        await studio.shot(visitor, "ring-visitor")
        await hang_up(visitor.page)
        await studio.shot(visitor, "ring-over")
        for one in (staff, visitor):
            await one.close()


# --- accounts ------------------------------------------------------------------------------------


async def _submit(view: View) -> None:
    async with view.page.expect_navigation():
        await view.page.locator("main form button[type=submit]").first.click()
    await view.page.wait_for_function(READY)


async def _sign_in(studio: Studio, view: View, email: str) -> None:
    await studio.go(view, "/login")
    await view.page.locator("#f-email").fill(email)
    await view.page.locator("#f-password").fill(PASSWORD)
    await _submit(view)


async def accounts(studio: Studio) -> None:
    """A form with errors, what follows it, and the second proof of who one is."""
    for view in VIEWS:
        one = await studio.open(*view, "/register")
        await _submit(one)
        await studio.shot(one, "register-errors", whole=True)
        await studio.go(one, "/register/done")
        await studio.shot(one, "register-done")
        email, _ = await by_app(studio.fair, "Sofia Lindqvist")
        await _sign_in(studio, one, email)
        await studio.go(one, f"/me/security/totp?lang={one.language}")
        await one.page.locator("#f-current").fill(PASSWORD)
        await _submit(one)
        await studio.shot(one, "me-totp", whole=True)
        key = await one.page.locator(".secret").inner_text()
        await one.page.locator("#f-code").fill(pyotp.TOTP(key.replace(" ", "")).now())
        await _submit(one)
        await studio.shot(one, "me-codes", whole=True)
        await one.page.context.clear_cookies()
        await _sign_in(studio, one, email)
        await studio.shot(one, "login-code")
        await one.close()


#: What is drawn by which scene.
SCENES: Final[tuple[tuple[tuple[str, ...], Callable[[Studio], Awaitable[None]]], ...]] = (
    (("lobby", "lobby-devices"), lobby),
    (("room", "room-people"), room),
    (("waiting", "waiting-left", "desk", "desk-people"), waiting),
    # Before the talks: who is in one, or was a moment ago, is not rung.
    (("ring-staff", "ring-visitor", "ring-over"), rings),
    (("talk-inside", "talk-notes", "talk-people", "talk-talk"), talk),
    (("talk-waiting", "talk-knock"), knock),
    (("register-errors", "register-done", "me-totp", "me-codes", "login-code"), accounts),
)
