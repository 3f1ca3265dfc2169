"""Draws docs/screens: python -m tests.journeys.screenshots [folder] [page …]

Every page of the sample fair (``tests.pages.every``), and its lobby, room, waiting line and desk,
1440 and 390 px wide, light in English and dark in Chinese. Cameras are drawn on canvases, so that
no face and no test pattern is shown. Pictures are reduced to 128 colours. With names of pages,
only those.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from tests.pages.every import PAGES, READY, Furnished, Furnisher
from tests.pages.ringing import hang_up, ring
from tests.pages.serving import BROWSER_ARGS, CHROMIUM, Fair

SCREENS = Path(__file__).parents[2] / "docs" / "screens"
WIDTHS = {"1440": (1440, 900), "390": (390, 844)}
TALL_MAX = 1800  # px of a page that is longer
COLOURS = 128
MANY = 256  # where small marks among large pictures mean something
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "locale": "en"},
    "dark": {"color_scheme": "dark", "locale": "zh-CN"},
}
#: A speaker in front of a wall, in the colours of ``hue``, breathing so that frames differ.
CAMERA = """
(hue) => {
  const draw = (canvas) => {
    const g = canvas.getContext("2d"), w = canvas.width, h = canvas.height;
    const lift = Math.sin(performance.now() / 600) * h * 0.006;
    g.fillStyle = `hsl(${hue} 28% 30%)`; g.fillRect(0, 0, w, h);
    g.fillStyle = `hsl(${hue} 26% 36%)`;
    for (let x = -1; x < 6; x += 1) g.fillRect(x * w / 5 + w / 40, h * 0.08, w / 7, h * 0.5);
    g.fillStyle = `hsl(${hue} 30% 20%)`; g.fillRect(0, h * 0.86, w, h * 0.14);
    g.fillStyle = `hsl(${(hue + 200) % 360} 34% 24%)`;
    g.beginPath(); g.ellipse(w / 2, h * 1.02 + lift, w * 0.21, h * 0.42, 0, Math.PI, 0); g.fill();
    g.fillStyle = "hsl(24 38% 62%)"; g.fillRect(w * 0.465, h * 0.5 + lift, w * 0.07, h * 0.14);
    g.beginPath(); g.ellipse(w / 2, h * 0.42 + lift, w * 0.075, h * 0.17, 0, 0, 7); g.fill();
    g.fillStyle = "hsl(24 30% 16%)";
    g.beginPath(); g.ellipse(w / 2, h * 0.345 + lift, w * 0.08, h * 0.115, 0, Math.PI, 0); g.fill();
    g.fillStyle = "#f4f6f8";
    g.beginPath(); g.moveTo(w * 0.45, h * 0.62 + lift); g.lineTo(w * 0.5, h * 0.74 + lift);
    g.lineTo(w * 0.55, h * 0.62 + lift); g.fill();
  };
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = new MediaStream();
    if (wanted.audio) stream.addTrack((await real({ audio: true })).getAudioTracks()[0]);
    if (wanted.video) {
      const canvas = Object.assign(document.createElement("canvas"), { width: 800, height: 450 });
      draw(canvas); setInterval(() => draw(canvas), 125);
      stream.addTrack(canvas.captureStream(8).getVideoTracks()[0]);
    }
    return stream;
  };
}
"""


async def open_page(browser: Browser, look: str, width: str, url: str, hue: int = 205) -> Page:
    size = WIDTHS[width]
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        reduced_motion="reduce",
        timezone_id="Asia/Shanghai",
        bypass_csp=True,  # waiting for a picture needs a script of ours in the page
        **LOOKS[look],
    )
    page = await context.new_page()
    await page.add_init_script(f"({CAMERA})({hue})")
    await page.goto(url)
    await page.wait_for_function(READY)
    return page


async def enter(page: Page, name: str) -> None:
    await page.locator("#name").fill(name)
    await page.locator("#enter").click()


async def speaker(browser: Browser, fair: Fair, name: str, hue: int) -> Page:
    token = fair.token("opening-forum", "host", name)
    page = await open_page(
        browser, "light", "1440", f"{fair.url}/rooms/opening-forum#token={token}", hue
    )
    await page.locator("#allow").click()
    await page.locator("#preview-bar").wait_for()
    await page.locator("#enter").click()
    await page.locator("#bar-mic").wait_for()
    return page


async def draw(browser: Browser, fair: Fair, folder: Path) -> None:
    first = await speaker(browser, fair, "Chen Rui 陈睿", 205)
    for name, hue in (("Amara Okafor", 150), ("Mateus Almeida", 28)):
        quiet = await speaker(browser, fair, name, hue)
        await quiet.locator("#bar-mic").click()
    await first.locator("#say").fill("Welcome, everyone. 欢迎各位。")
    await first.locator("#say").press("Enter")
    line = [await open_page(browser, "light", "390", f"{fair.url}/rooms/legal-clinic")]
    await enter(line[0], "Jonas Weber")
    await line[0].locator("#position").wait_for()
    for look in LOOKS:
        for width in WIDTHS:
            await scene(browser, fair, folder, look, width)


async def scene(browser: Browser, fair: Fair, folder: Path, look: str, width: str) -> None:
    async def shot(page: Page, name: str) -> None:
        await page.wait_for_timeout(600)  # fonts, bars and pictures settle
        await taken(page, folder / f"{name}-{width}-{look}.png")
        await page.context.close()

    lobby = await open_page(browser, look, width, f"{fair.url}/rooms/digital-trade")
    if width == "1440":
        await lobby.locator("#allow").click()
        await lobby.locator("#mic-field").wait_for()
    await shot(lobby, "lobby")
    room = await open_page(browser, look, width, f"{fair.url}/rooms/opening-forum")
    await enter(room, "Sofia Lindqvist")
    await room.locator(".bar").wait_for()
    await room.wait_for_function(
        "document.querySelector('.tile-main video')?.videoWidth > 300", timeout=15_000
    )
    await room.wait_for_timeout(1500)
    await shot(room, "room")
    waiting = await open_page(browser, look, width, f"{fair.url}/rooms/legal-clinic")
    await enter(waiting, "王芳")
    await waiting.locator("#position").wait_for()
    await shot(waiting, "waiting")
    # The board of the whole fair is the organiser's: the one-use link of the first start.
    desk = await open_page(browser, look, width, f"{fair.url}/")
    await desk.context.add_cookies(await organiser(browser, fair))
    await desk.goto(f"{fair.url}/desk")
    await desk.locator("tbody tr").first.wait_for()
    await desk.wait_for_timeout(1500)
    await shot(desk, "desk")


async def talks(browser: Browser, fair: Fair, folder: Path, found: Furnished) -> None:
    """A talk of two people straight from browser to browser, as each of them and on a phone; and
    somebody who waits to be let in."""
    names = found.names

    async def member(look: str, width: str, who: str, room: str, hue: int) -> Page:
        page = await open_page(browser, look, width, f"{fair.url}/login", hue)
        await page.context.add_cookies(
            [{"name": "pavilion", "value": found.cookies[who], "url": fair.url}]
        )
        await page.goto(f"{fair.url}/negotiations/{names[room]}")
        await page.wait_for_function(READY)
        await page.locator("#allow").click()
        await page.locator("#preview-bar").wait_for()
        await page.locator("#enter").click()
        return page

    host = await member("light", "1440", "exhibitor", "talk", 205)
    await host.locator("#bar-mic").wait_for()
    guard = await member("light", "1440", "exhibitor", "lobby", 205)
    await guard.locator("#bar-mic").wait_for()
    for look in LOOKS:
        for width in WIDTHS:
            guest = await member(look, width, "visitor", "talk", 28)
            await guest.locator("#bar-mic").wait_for()
            await guest.wait_for_function(
                "[...document.querySelectorAll('video')].filter((v) => v.videoWidth > 100)[1]",
                timeout=30_000,
            )
            if width == "1440" and look == "light":
                await host.locator("#bar-notes").click()
                await host.locator("#notes").fill("Berth 7 by March, berth 8 by May 泊位八：五月")
            await guest.wait_for_timeout(3000)
            await taken(guest, folder / f"talk-inside-{width}-{look}.png", colours=MANY)
            for panel in ("notes", "people", "talk"):
                await guest.locator(f"#bar-{panel}").click()
                await guest.wait_for_timeout(800)
                await taken(guest, folder / f"talk-{panel}-{width}-{look}.png", colours=MANY)
                if width == "390":
                    await guest.locator(".panel-close").first.click()
            await guest.context.close()
            knocking = await member(look, width, "visitor", "lobby", 28)
            await knocking.wait_for_timeout(2500)
            await taken(knocking, folder / f"talk-waiting-{width}-{look}.png")
            if (look, width) == ("light", "1440"):
                await taken(guard, folder / f"talk-knock-{width}-{look}.png", colours=MANY)
            await knocking.context.close()


async def rings(browser: Browser, fair: Fair, folder: Path, found: Furnished) -> None:
    """A booth that rings: on a page of its staff, and for the visitor, who hangs up."""

    async def signed_in(look: str, width: str, who: str) -> Page:
        page = await open_page(browser, look, width, f"{fair.url}/login")
        await page.context.add_cookies(
            [{"name": "pavilion", "value": found.cookies[who], "url": fair.url}]
        )
        return page

    for look in LOOKS:
        for width in WIDTHS:
            staff = await signed_in(look, width, "exhibitor")
            visitor = await signed_in(look, width, "visitor")
            await ring(fair, staff, visitor, found.names["company"], "Spare parts 备件")
            await taken(staff, folder / f"ring-staff-{width}-{look}.png")
            await taken(visitor, folder / f"ring-visitor-{width}-{look}.png")
            await hang_up(visitor)
            await taken(visitor, folder / f"ring-over-{width}-{look}.png")
            for page in (staff, visitor):
                await page.context.close()


async def taken(page: Page, file: Path, whole: bool = False, colours: int = COLOURS) -> None:
    """A picture of what is seen, or of the whole page up to TALL_MAX, in few colours."""
    tall = await page.evaluate("document.documentElement.scrollHeight") if whole else 0
    size = page.viewport_size
    assert size is not None
    if tall > size["height"]:
        await page.set_viewport_size({"width": size["width"], "height": min(tall, TALL_MAX)})
    await page.screenshot(path=file)
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


async def pages(
    browser: Browser, fair: Fair, folder: Path, found: Furnished, wanted: set[str]
) -> None:
    """Each of PAGES in each look and width; one window for each person and look."""
    for look in LOOKS:
        for width in WIDTHS:
            for who in dict.fromkeys(who for *_, who in PAGES):
                page = await open_page(browser, look, width, f"{fair.url}/login")
                if who in found.cookies:
                    await page.context.add_cookies(
                        [{"name": "pavilion", "value": found.cookies[who], "url": fair.url}]
                    )
                for name, path, whose in PAGES:
                    if whose != who or (wanted and name not in wanted):
                        continue
                    size = WIDTHS[width]
                    await page.set_viewport_size({"width": size[0], "height": size[1]})
                    await page.goto(fair.url + path.format(**found.names))
                    await page.wait_for_function(READY)
                    await page.wait_for_timeout(150)
                    await taken(page, folder / f"{name}-{width}-{look}.png", whole=True)
                await page.context.close()


async def organiser(browser: Browser, fair: Fair, kept: list[Any] = []) -> list[Any]:  # noqa: B006
    """Cookies of a signed-in organiser; the link works once, so they are kept."""
    if not kept:
        link = re.search(rf"{re.escape(fair.url)}/signin/\S+", fair.log.read_text())
        assert link, "no sign-in link in the server's output"
        page = await (await browser.new_context()).new_page()
        await page.goto(link.group(0))
        await page.get_by_role("button").first.click()
        await page.wait_for_url("**/desk")
        kept += [c for c in await page.context.cookies() if c["name"] != "pavilion_lang"]
    return kept


async def draw_with(fair: Fair, folder: Path, wanted: set[str]) -> None:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGS)
        found = await Furnisher(fair).furnish()
        await pages(chromium, fair, folder, found, wanted)
        if not wanted or "talks" in wanted:
            await talks(chromium, fair, folder, found)
        if not wanted or "rings" in wanted:
            await rings(chromium, fair, folder, found)
        if not wanted:
            await draw(chromium, fair, folder)
        await chromium.close()


def main(folder: Path, wanted: set[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        fair = Fair(Path(place) / "data", workers=1, command="demo")
        try:
            fair.await_ready()
            fair.await_output("/signin/")
            asyncio.run(draw_with(fair, folder, wanted))
        finally:
            fair.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SCREENS, set(sys.argv[2:]))
