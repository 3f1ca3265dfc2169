"""From an identity number to the gate: the pass a visitor gets is held before a camera."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import segno
import sqlalchemy as sa
from PIL import Image
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine, transaction
from hub.fair.tables import people
from rooms.model import Identity, Role
from tests.pages.serving import BROWSER_ARGS, CHROMIUM, Fair

NUMBER = "11010519491231002X"
WIDTH, HEIGHT = 640, 480


async def account(fair: Fair, name: str, gate: bool = False) -> str:
    """A signed-in account in the fair's own database; the value of its cookie."""
    engine = make_engine(f"sqlite+aiosqlite:///{fair.log.parent / 'data' / 'pavilion.sqlite'}")
    person = f"u_{secrets.token_hex(8)}"
    try:
        async with transaction(engine) as connection:
            await connection.execute(
                sa.insert(people).values(
                    id=person, name=name, country="CN", sectors=[], languages=["en"],
                    language="en", role="participant", gate=gate, listed=False, shows=[],
                    privacy_version=1, consent_ms=1, totp_on=False, totp_step=0, source="web",
                    blocked=False, created_ms=1, changed_ms=1, version=1,
                )
            )  # fmt: skip
        identity = Identity(id=person, name=name, role=Role.PARTICIPANT)
        return (await SqlDirectory(engine).open_session(identity, 600))[0]
    finally:
        await engine.dispose()


async def signed_in(browser: Browser, fair: Fair, cookie: str) -> BrowserContext:
    context = await browser.new_context(locale="en", viewport={"width": 1280, "height": 800})
    await context.add_cookies([{"name": "pavilion", "value": cookie, "url": fair.url}])
    return context


def film(path: Path, code: str) -> None:
    """A camera's view of a pass, as Chromium plays it: YUV4MPEG2, grey, a little tilted."""
    rows = [
        bytes(0 if dark else 255 for dark in row)
        for row in segno.make(code, error="m", micro=False).matrix_iter(border=4)
    ]
    square = Image.frombytes("L", (len(rows[0]), len(rows)), b"".join(rows)).resize((320, 320), 0)
    view = Image.new("L", (WIDTH, HEIGHT), 150)
    view.paste(square.rotate(8, expand=True, fillcolor=150), (140, 60))
    frame = b"FRAME\n" + view.tobytes() + bytes([128]) * (WIDTH * HEIGHT // 2)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(header + frame * 5)


@asynccontextmanager
async def chromium_seeing(video: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        args = [*BROWSER_ARGS, f"--use-file-for-fake-video-capture={video}"]
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        try:
            yield launched
        finally:
            await launched.close()


async def test_a_pass_is_let_in_by_camera_once(
    fair: Fair, browser: Browser, tmp_path: Path
) -> None:
    start = datetime.now(UTC) - timedelta(minutes=5)
    status, slot, _ = fair.call("POST", "/slots", {
        "starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat(),
        "capacity": 5,
    })  # fmt: skip
    assert status == 201, slot
    visitor = await signed_in(browser, fair, await account(fair, "Li Xiaoming"))
    page = await visitor.new_page()
    await page.goto(f"{fair.url}/me/pass")
    await page.wait_for_selector("html[data-ready]")
    await page.locator(f'input[value="{slot["id"]}"]').check()
    await page.get_by_label("Number", exact=True).fill(NUMBER)
    await page.get_by_label("I agree that my number is kept").check()
    await page.get_by_role("button", name="Get my pass").click()
    await expect(page.get_by_role("heading", name="Li Xiaoming")).to_be_visible()
    await expect(page.get_by_text("ending in 002X")).to_be_visible()
    code = (await page.locator(".pass-code").inner_text()).replace("-", "")
    assert NUMBER not in await page.content()

    film(tmp_path / "pass.y4m", code)
    staff = await account(fair, "Gate North", gate=True)
    async with chromium_seeing(tmp_path / "pass.y4m") as camera:
        north = await (await signed_in(camera, fair, staff)).new_page()
        await north.goto(f"{fair.url}/gate")
        await expect(north.locator("#verdict-word")).to_have_text("Ready")
        await north.get_by_role("button", name="Start the camera").click()
        await expect(north.locator("#verdict-word")).to_have_text("Let in", timeout=8000)
        await expect(north.locator("#verdict")).to_have_attribute("data-state", "yes")
        await expect(north.locator("#verdict-name")).to_contain_text("Li Xiaoming")
        await expect(north.locator("#last li").first).to_contain_text("Let in")
        south = await (await signed_in(camera, fair, staff)).new_page()
        await south.goto(f"{fair.url}/gate")
        await south.get_by_role("button", name="Start the camera").click()
        await expect(south.locator("#verdict-word")).to_have_text("Already used", timeout=8000)
        await expect(south.locator("#verdict")).to_have_attribute("data-state", "no")
        await expect(south.locator("#verdict-more")).to_contain_text("Let in at")
        # A hand scanner is a keyboard: it types wherever the focus is, and presses Enter.
        await south.get_by_role("button", name="Sound on").click()
        await south.keyboard.type("NOSUCHCODE")
        await south.keyboard.press("Enter")
        await expect(south.locator("#verdict-word")).to_have_text("Unknown code")
        # It is ready again by itself, and a code still in view is not a second scan.
        await expect(north.locator("#verdict-word")).to_have_text("Ready", timeout=8000)
        await expect(north.locator("#last li")).to_have_count(1)
    assert NUMBER not in fair.log.read_text()
