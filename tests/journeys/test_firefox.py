"""Firefox beside Chromium: each sees and hears the other, through the fair's server and from
browser to browser."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.journeys.firefox import launched
from tests.journeys.test_capacity import enter, inside, until
from tests.journeys.test_stage import on_stage, rising, visit_watched
from tests.journeys.test_talk import (
    SMALL,
    a_talk_of,
    code,
    company,
    in_the_talk,
    panel,
    people,
    same_notes,
    staff,
    talk,
)
from tests.pages.serving import Fair

#: A second browser starts, 7 s, and both encode and decode side by side.
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

#: Whether every sound that comes in is one: opened and decoded, not silence.
AUDIBLE = """
async () => {
  let heard = 0;
  for (const pc of peers.filter((pc) => pc.connectionState === "connected")) {
    for (const report of (await pc.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "audio" && report.audioLevel > 0.01) {
        heard += 1;
      }
    }
  }
  return heard;
}
"""

#: Keeps what the page told in passing.
TOASTS = """
() => {
  window.toasts = [];
  new MutationObserver((all) => {
    for (const { addedNodes } of all) for (const node of addedNodes) toasts.push(node.textContent);
  }).observe(document.body, { childList: true, subtree: true });
}
"""
#: Keeps what the page makes links of: Playwright does not see this browser save one.
MADE = """
(() => {
  const real = URL.createObjectURL.bind(URL);
  window.made = [];
  URL.createObjectURL = (one) => { window.made.push(one); return real(one); };
})();
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with launched(tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def fox(firefox: Browser) -> AsyncIterator[Browser]:
    """The one Firefox; what a test opened in it is closed after the test."""
    yield firefox
    for context in firefox.contexts:
        await context.close()


def faults(page: Page) -> list[str]:
    """The scripts' own faults, as they come."""
    found: list[str] = []
    page.on("pageerror", lambda fault: found.append(str(fault)))
    return found


async def audible(page: Page, who: str, sounds: int = 1) -> None:
    deadline = time.monotonic() + 20
    while (heard := await page.evaluate(AUDIBLE)) < sounds:
        assert time.monotonic() < deadline, f"{who} hears {heard} of {sounds}"
        await asyncio.sleep(0.1)


async def test_both_are_on_stage_and_in_the_audience(
    fair: Fair, browser: Browser, fox: Browser
) -> None:
    room = fair.room("Two browsers", capacity=20)
    freya = await on_stage(fox, fair, room, "Freya")
    broken = faults(freya)
    await freya.evaluate(TOASTS)
    cleo = await on_stage(browser, fair, room, "Cleo")
    listeners = []
    for one, name in ((fox, "Fay"), (browser, "Cai")):
        listener = await visit_watched(one, f"{fair.url}/rooms/{room}")
        broken += faults(listener)
        await enter(listener, name)
        await inside(listener)
        listeners.append(listener)
    fay, cai = listeners

    async def everybody() -> None:
        shown = {"Freya": (freya, 1), "Cleo": (cleo, 1), "Fay": (fay, 2), "Cai": (cai, 2)}
        await asyncio.gather(*(rising(p, who, n, 40) for who, (p, n) in shown.items()))
        await asyncio.gather(*(audible(p, who, n) for who, (p, n) in shown.items()))

    await everybody()
    # Who alone speaks is large: the levels that either browser writes are read.
    for quiet, loud in ((freya, "Cleo"), (cleo, "Freya")):
        await quiet.locator("#bar-mic").click()
        for listener in listeners:
            main = listener.locator(".tile-main .tile-name")
            await expect(main).to_have_text(loud, timeout=10_000)
        await quiet.locator("#bar-mic").click()

    worker = fair.worker("media")
    os.kill(worker, signal.SIGKILL)
    await until(lambda: fair.worker("media") not in (0, worker), 20, "not restarted")
    await everybody()
    # Without a loudspeaker this browser measures no microphone: that is not a silent one.
    told = await freya.evaluate("toasts")
    assert not any("No sound comes" in text for text in told), told
    assert broken == []


async def test_a_talk_goes_from_browser_to_browser(
    fair: Fair, browser: Browser, fox: Browser
) -> None:
    room, chen, sofia = await a_talk_of(fair)
    host = await in_the_talk(browser, fair, chen, room, MADE)
    guest = await in_the_talk(fox, fair, sofia, room, MADE)
    broken = faults(guest)

    async def both() -> None:
        await asyncio.gather(rising(host, "Chromium", 1, 40), rising(guest, "Firefox", 1, 40))
        await asyncio.gather(audible(host, "Chromium"), audible(guest, "Firefox"))

    await both()
    for page in (host, guest):
        await expect(page.locator(".talk-secure")).to_have_text("End-to-end encrypted")
    assert await code(host, sofia.name) == await code(guest, chen.name)

    for page in (host, guest):
        await panel(page, "notes")
        await expect(page.locator("#notes")).to_be_enabled()
    await asyncio.gather(
        host.locator("#notes").press_sequentially("Forty a month. ", delay=15),
        guest.locator("#notes").press_sequentially("价格如前. ", delay=15),
    )
    text = await same_notes(host, guest)
    assert sorted(text) == sorted("Forty a month. 价格如前. "), text

    for page in (host, guest):
        await panel(page, "files")
    for giver, taker, name in ((guest, host, "ours.pdf"), (host, guest, "theirs.pdf")):
        body = name.encode() * 50_000
        handed = {"name": name, "mimeType": "application/pdf", "buffer": body}
        await giver.locator("#file-hand").set_input_files(handed)
        await expect(taker.get_by_role("link", name=name)).to_be_visible(timeout=20_000)
        assert await taker.evaluate("made.at(-1).text()") == body.decode()

    await guest.reload()
    await inside(guest, 20)
    await both()
    assert await code(host, sofia.name) == await code(guest, chen.name)
    assert broken == []


async def test_five_in_two_browsers_talk_through_the_server(
    fair: Fair, browser: Browser, fox: Browser
) -> None:
    names = ["Chen Rui", "Sofia Martins", "Jonas Berg", "Amara Okafor", "Lin Wei"]
    everybody = await people(fair, *names)
    slug = company(fair, "Nordwind Logistics", "北风物流", "finance", "物流")
    staff(fair, slug, everybody[0])
    room = talk(fair, slug, *everybody)
    one_each = zip([fox, browser, fox, browser, browser], everybody, strict=True)
    pages = [await in_the_talk(one, fair, who, room, SMALL) for one, who in one_each]
    for page in pages:
        await expect(page.locator(".talk-secure")).to_have_text("Through the fair's server")
    await asyncio.gather(*(rising(p, n, 4, 90) for p, n in zip(pages, names, strict=True)))
