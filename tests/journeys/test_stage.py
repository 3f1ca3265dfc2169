"""Picture and sound between browsers: who is on stage is seen and heard by everyone else."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from playwright.async_api import Browser, Page, expect

from tests.journeys.test_capacity import enter, inside, visit
from tests.pages.serving import Fair

#: Collects every peer connection of the page and counts the offers each made.
WATCH = """
(() => {
  const Real = RTCPeerConnection;
  window.peers = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...given) { super(...given); window.peers.push(this); this.offers = 0; }
    setLocalDescription(...given) { this.offers += 1; return super.setLocalDescription(...given); }
  };
  window.received = async () => {
    const sums = { frames: 0, audio: 0, pictures: 0 };
    for (const pc of window.peers) {
      for (const report of (await pc.getStats()).values()) {
        if (report.type !== "inbound-rtp") continue;
        if (report.kind === "video") {
          sums.frames += report.framesDecoded;
          if (report.framesDecoded > 0) sums.pictures += 1;
        } else sums.audio += report.packetsReceived;
      }
    }
    return sums;
  };
  window.offers = () => window.peers.map((pc) => pc.offers).reduce((a, b) => a + b, 0);
})();
"""


async def visit_watched(browser: Browser, url: str) -> Page:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    page = await context.new_page()
    await page.add_init_script(WATCH)
    await page.goto(url)
    await page.wait_for_selector("html[data-ready]")
    return page


async def on_stage(browser: Browser, fair: Fair, room: str, name: str) -> Page:
    token = fair.token(room, "host", name)
    page = await visit_watched(browser, f"{fair.url}/rooms/{room}#token={token}")
    await page.locator("#allow").click()
    await page.locator("#preview-bar").wait_for()
    await page.locator("#enter").click()
    await inside(page)
    return page


async def rising(page: Page, who: str, pictures: int = 1, seconds: float = 15) -> dict[str, Any]:
    """Until frames and audio packets have risen twice; what was received then."""
    deadline = time.monotonic() + seconds
    last: dict[str, Any] = {"frames": 0, "audio": 0, "pictures": 0}
    rises = 0
    while rises < 3:
        now = await page.evaluate("received()")
        more = now["frames"] > last["frames"] and now["audio"] > last["audio"]
        rises = rises + 1 if more and now["pictures"] >= pictures else 0
        last = now
        assert time.monotonic() < deadline, f"{who} receives {now}"
        await asyncio.sleep(0.25)
    return last


async def test_two_on_stage_and_one_in_the_audience_see_and_hear_each_other(
    fair: Fair, browser: Browser
) -> None:
    room = fair.room("Opening", capacity=20)
    anna = await on_stage(browser, fair, room, "Anna")
    bo = await on_stage(browser, fair, room, "Bo")
    audience = await visit_watched(browser, f"{fair.url}/rooms/{room}")
    await enter(audience, "Listener")
    await inside(audience)
    await asyncio.gather(
        rising(anna, "Anna"), rising(bo, "Bo"), rising(audience, "the audience", pictures=2)
    )
    await expect(audience.locator("#bar-mic")).to_be_hidden()

    pages = (anna, bo, audience)
    offers = [await page.evaluate("offers()") for page in pages]
    cai = await on_stage(browser, fair, room, "Cai")
    await rising(cai, "Cai", pictures=2)
    await rising(audience, "the audience of three", pictures=3)
    assert [await page.evaluate("offers()") for page in pages] == offers, "somebody renegotiated"

    # Two fall silent: who still speaks is large.
    for quiet in (anna, cai):
        await quiet.locator("#bar-mic").click()
        await expect(quiet.locator("#bar-mic")).to_have_attribute("aria-pressed", "false")
    main = audience.locator(".tile-main .tile-name")
    await expect(main).to_have_text("Bo", timeout=10_000)
    await bo.locator("#bar-mic").click()
    await anna.locator("#bar-mic").click()
    await expect(main).to_have_text("Anna", timeout=10_000)

    await audience.locator(".tile-main").hover()
    await audience.get_by_role("button", name="Show the stage in a small window").click()
    floating = "() => document.pictureInPictureElement?.closest('.tile-main') !== undefined"
    await audience.wait_for_function(floating, timeout=5_000)


async def test_a_listener_is_brought_on_stage_and_muted(fair: Fair, browser: Browser) -> None:
    room = fair.room("Questions", capacity=20)
    host = await on_stage(browser, fair, room, "Chen")
    guest = await visit_watched(browser, f"{fair.url}/rooms/{room}")
    await enter(guest, "Amara")
    await inside(guest)
    await guest.locator("#bar-hand").click()
    await expect(guest.locator("#bar-hand")).to_have_attribute("aria-pressed", "true")
    await host.locator("#bar-people").click()
    await host.get_by_role("button", name="Bring on stage: Amara").click()
    microphone = guest.locator("#bar-mic")
    await expect(microphone).to_be_visible()
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await microphone.click()
    await guest.locator("#bar-camera").click()
    await rising(host, "the host")
    await host.get_by_role("button", name="Turn microphone off: Amara").click()
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await expect(guest.locator(".toast-warn")).to_contain_text("Chen turned your microphone off")
    await microphone.click()
    await expect(microphone).to_have_attribute("aria-pressed", "true")


async def test_one_may_watch_from_the_door_without_any_device(fair: Fair, browser: Browser) -> None:
    room = fair.room("Open door", capacity=20)
    page = await visit(browser, f"{fair.url}/rooms/{room}")
    await page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => { window.asked = true; }; }"
    )
    await enter(page, "Silent")
    await inside(page)
    assert await page.evaluate("window.asked === undefined"), "a device was asked for"
