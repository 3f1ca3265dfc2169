"""What goes wrong with picture and sound, and what the page says and does about it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time

from playwright.async_api import Browser, Page, expect

from tests.journeys.test_capacity import enter, inside, until
from tests.journeys.test_stage import on_stage, rising, visit_watched
from tests.pages.serving import Fair

#: Keeps the tracks the page opens, and lets a test silence or unplug them.
DEVICES = """
(() => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.opened = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = window.silent && wanted.audio
      ? new AudioContext().createMediaStreamDestination().stream : await real(wanted);
    window.opened.push(...stream.getTracks());
    return stream;
  };
  window.unplug = (kind) => {
    const track = window.opened.filter((one) => one.kind === kind).at(-1);
    track.stop();
    track.dispatchEvent(new Event("ended"));
  };
})();
"""


async def holds(page: Page, condition: str, seconds: float = 8) -> None:
    """Until the script ``condition`` is true; the page's policy forbids it to wait by itself."""
    deadline = time.monotonic() + seconds
    while not await page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        await asyncio.sleep(0.05)


async def listener(browser: Browser, fair: Fair, room: str) -> Page:
    page = await visit_watched(browser, f"{fair.url}/rooms/{room}")
    await enter(page, "Listener")
    await inside(page)
    return page


async def speaker(browser: Browser, fair: Fair, room: str, script: str = "") -> Page:
    """A host inside with every device off."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    page = await context.new_page()
    await page.add_init_script(DEVICES + script)
    await page.goto(f"{fair.url}/rooms/{room}#token={fair.token(room, 'host', 'Chen Rui')}")
    await page.wait_for_selector("html[data-ready]")
    await page.locator("#enter").click()
    await inside(page)
    return page


async def test_who_has_no_camera_on_is_shown_by_name(fair: Fair, browser: Browser) -> None:
    room = fair.room("Names", capacity=9)
    guest = await listener(browser, fair, room)
    await expect(guest.locator(".stage-empty")).to_contain_text("Nobody is on stage yet")
    host = await speaker(browser, fair, room)
    tile = guest.locator(".tile-main")
    await expect(tile.locator(".initials")).to_have_text("CR")
    await expect(tile.locator(".tile-name")).to_have_text("Chen Rui")
    await expect(tile).to_contain_text("microphone off")
    await expect(guest.locator(".stage-empty")).to_be_hidden()
    # Heard and not seen: the server gives the large slot a person and no picture.
    await host.locator("#bar-mic").click()
    await expect(tile).not_to_contain_text("microphone off")
    await expect(tile.locator("video")).to_be_hidden()
    await host.locator("#bar-camera").click()
    await expect(tile.locator("video")).to_be_visible()
    await holds(guest, "document.querySelector('.tile-main video').videoWidth > 0")
    await host.locator("#bar-camera").click()
    await expect(tile.locator("video")).to_be_hidden()
    await expect(tile.locator(".initials")).to_be_visible()


async def test_a_media_worker_dies_and_the_room_goes_on(fair: Fair, browser: Browser) -> None:
    room = fair.room("Talk", capacity=9)
    anna = await on_stage(browser, fair, room, "Anna")
    bo = await on_stage(browser, fair, room, "Bo")
    guest = await listener(browser, fair, room)
    pages = {"Anna": anna, "Bo": bo, "the audience": guest}
    for who, page in pages.items():
        await rising(page, who)
    worker = fair.worker("media")
    os.kill(worker, signal.SIGKILL)
    notice = guest.locator(".stage-notice")
    await expect(notice).to_contain_text("Sound and picture are coming back", timeout=8000)
    await guest.locator("#say").fill("still here")
    await guest.locator("#say").press("Enter")
    await expect(anna.locator(".line-text")).to_have_text(["still here"])
    await until(lambda: fair.worker("media") not in (0, worker), 10, "not restarted")
    began = time.monotonic()
    await asyncio.gather(*(rising(page, who) for who, page in pages.items()))
    # Promised within 5 s, and three rises are seen; the rest is for a loaded machine.
    assert time.monotonic() - began < 20, "media came back late"
    for page in pages.values():
        await expect(page.locator(".stage-notice")).to_be_hidden()
        await expect(page.locator("#banner")).to_be_hidden()


async def blocked_network(fair: Fair, browser: Browser) -> None:
    room = fair.room("Walls", capacity=9)
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    page = await context.new_page()
    # The answer's address is turned to a port where nobody answers.
    await page.add_init_script("""
      const set = RTCPeerConnection.prototype.setRemoteDescription;
      window.answers = 0;
      RTCPeerConnection.prototype.setRemoteDescription = function (answer) {
        window.answers += 1;
        const sdp = answer.sdp.replace(/^(a=candidate:\\S+ 1 udp \\d+ \\S+) \\d+/gmi, "$1 9");
        return set.call(this, { type: answer.type, sdp });
      };
    """)
    await page.goto(f"{fair.url}/rooms/{room}")
    await page.wait_for_selector("html[data-ready]")
    await enter(page, "Walled")
    await inside(page)
    notice = page.locator(".stage-notice")
    await expect(notice).to_contain_text("lets no sound or picture through", timeout=13_000)
    before = await page.evaluate("answers")
    await notice.get_by_role("button", name="Try again").click()
    await holds(page, f"answers > {before}")
    await page.locator("#say").fill("I read you")
    await page.locator("#say").press("Enter")
    await expect(page.locator(".line-text")).to_have_text(["I read you"])


async def test_an_unplugged_microphone_is_replaced_and_that_can_be_undone(
    fair: Fair, browser: Browser
) -> None:
    page = await speaker(browser, fair, fair.room("Plugs", capacity=9))
    microphone = page.locator("#bar-mic")
    await microphone.click()
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await page.evaluate("unplug('audio')")
    toast = page.locator(".toast").filter(has_text="The microphone was unplugged. Now in use:")
    await expect(toast).to_be_visible()
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    assert await page.evaluate("opened.filter((one) => one.kind === 'audio').length") == 2
    await toast.get_by_role("button", name="Turn it off").click()
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('none')); }"
    )
    await page.evaluate("unplug('audio')")
    await expect(page.locator(".toast").last).to_contain_text("Turn it on again to use another one")


async def useless_microphones(fair: Fair, browser: Browser) -> None:
    room = fair.room("Hush", capacity=9)
    silent = await speaker(browser, fair, room, "window.silent = true;")
    await silent.locator("#bar-mic").click()
    # Louder than the fake device's short beeps, which are no talking.
    talking = await speaker(
        browser, fair, room, """
        navigator.mediaDevices.getUserMedia = async () => {
          const context = new AudioContext(), tone = context.createOscillator();
          const out = context.createMediaStreamDestination();
          tone.connect(out); tone.start();
          return out.stream;
        };""",
    )  # fmt: skip
    await talking.locator("#bar-mic").click()
    await expect(talking.locator("#bar-mic")).to_have_attribute("aria-pressed", "true")
    await talking.locator("#bar-mic").click()
    await expect(talking.locator(".toast")).to_contain_text("nobody hears you", timeout=8000)
    await expect(talking.locator("#polite")).to_have_text(re.compile("nobody hears you"))

    toast = silent.locator(".toast").filter(has_text="No sound comes from your microphone")
    await expect(toast).to_be_visible(timeout=12_000)
    await toast.get_by_role("button", name="Do not tell me again").click()
    await expect(toast).to_have_count(0)
    await silent.locator("#bar-more").click()
    await expect(silent.get_by_label("Warn me when my microphone is silent")).not_to_be_checked()


async def test_what_shows_only_after_a_while(fair: Fair, browser: Browser) -> None:
    await asyncio.gather(blocked_network(fair, browser), useless_microphones(fair, browser))
