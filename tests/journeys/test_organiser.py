"""The fair as its organiser runs it, by keyboard alone, with a visitor looking on."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine
from rooms.model import Role
from tests.journeys.keyboard import Keyboard
from tests.journeys.test_capacity import inside
from tests.journeys.visitors import a_page, by_app, conference, sign_in
from tests.pages.serving import Fair


async def organisers_link(fair: Fair) -> str:
    """A one-use link as the server prints one at its first start."""
    engine = make_engine(f"sqlite+aiosqlite:///{fair.log.parent / 'data' / 'pavilion.sqlite'}")
    try:
        return f"/signin/{await SqlDirectory(engine).create_signin_link(Role.ORGANISER)}"
    finally:
        await engine.dispose()


async def send_sheet(keys: Keyboard, sheet: Path, at_once: bool) -> None:
    """The import form, by keys; the file chooser is the system's own, and is answered."""
    page = keys.page
    await keys.press(page.get_by_role("radio", name="People"), "Space")
    await keys.reach(page.get_by_label("Sheet", exact=True))
    async with page.expect_file_chooser() as chooser:
        await page.keyboard.press("Space")
    await (await chooser.value).set_files(sheet)
    if at_once:
        await keys.press(page.get_by_label("Import at once"), "Space")
    await keys.press(page.get_by_role("button", name="Send the sheet"))


async def figures(page: Page) -> dict[str, str]:
    """Label to value of the tiles."""
    tiles = page.locator("dl.stats .stat")
    names = await tiles.locator("dt").all_inner_texts()
    return dict(zip(names, await tiles.locator(".stat-value").all_inner_texts(), strict=True))


async def test_an_organiser_runs_the_fair_by_keyboard_alone(
    fair: Fair, browser: Browser, tmp_path: Path
) -> None:
    mark = secrets.token_hex(3)
    address, _ = await by_app(fair, f"Lena Vogt {mark}")
    talk, room = conference(fair, f"Green ports {mark}", -5)
    visitor = await a_page(browser)
    await sign_in(visitor, fair, address)
    await visitor.goto(f"{fair.url}/rooms/{room}")
    await visitor.locator("#enter").click()
    await inside(visitor)
    await visitor.get_by_role("button", name="Leave").click()
    await expect(visitor.get_by_role("heading", level=1)).to_have_text("You have left the room")
    await visitor.goto(f"{fair.url}/companies")

    page = await a_page(browser)
    # Somebody listens from the first: the browser is told so without an answer, and a key that
    # comes before it has heard opens a dialog that nobody sees.
    page.on("filechooser", lambda chooser: None)
    keys = Keyboard(page)
    await page.goto(fair.url + await organisers_link(fair))
    await keys.press(page.locator("main").get_by_role("button"))
    await keys.press(page.get_by_role("banner").get_by_role("link", name="Organise"))
    side = page.get_by_role("navigation", name="Organise")
    await keys.press(side.get_by_role("link", name="Settings"))
    await keys.skip()
    await keys.type("E-mail address for questions (optional)", "help at fair")
    await keys.press(page.get_by_role("button", name="Save"))
    await expect(page.locator("#f-contact")).to_have_value("help at fair")
    await expect(page.locator("#f-contact")).to_have_attribute("aria-invalid", "true")
    await keys.type("E-mail address for questions (optional)", "help@fair.example")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Saved.")).to_be_visible()

    # Twenty rows, two of them broken: seen first, then in; the file of the two is mended.
    rows = [f"Guest {n},g{n}.{mark}@example.com,CN" for n in range(20)]
    rows[6], rows[13] = f"Guest 6,g6.{mark} at example,CN", f"Guest 13,g13.{mark}@example.com,??"
    sheet = tmp_path / "people.csv"
    sheet.write_text("\r\n".join(["Name,E-mail,Country", *rows]))
    await keys.press(side.get_by_role("link", name="Import"))
    await send_sheet(keys, sheet, at_once=False)
    good = page.get_by_role("button", name="Import the good rows")
    await expect(good).to_be_visible(timeout=45_000)
    assert await figures(page) == {
        "Rows": "20", "New": "18", "Changed": "0", "Unchanged": "0", "Refused": "2",
    }  # fmt: skip
    await keys.press(good)
    done = page.get_by_text("The good rows are in")
    await expect(done).to_be_visible(timeout=45_000)
    await expect(page.get_by_role("table", name="Refused rows").locator("tbody th")).to_have_text(
        ["8", "15"]
    )
    await keys.reach(page.get_by_role("link", name="To mend, CSV"))
    async with page.expect_download() as download:
        await page.keyboard.press("Enter")
    mended = tmp_path / "mended.csv"
    await (await download.value).save_as(mended)
    text = mended.read_text("utf-8-sig")
    assert f"g6.{mark} at example" in text and "g5." not in text
    mended.write_text(text.replace(" at example", "@example.com").replace("??", "CN"))
    await keys.press(side.get_by_role("link", name="Import"))
    await send_sheet(keys, mended, at_once=True)
    await expect(page.get_by_text("Everything is in.")).to_be_visible(timeout=45_000)
    counts = await figures(page)
    assert (counts["Rows"], counts["New"], counts["Refused"]) == ("2", "2", "0")

    # An announcement is on another's open page at once.
    await keys.press(side.get_by_role("link", name="Announcements"))
    await keys.type("English", f"Hall {mark} moves upstairs")
    await keys.press(page.get_by_role("button", name="Preview and count"))
    await expect(page.get_by_role("heading", name="Preview")).to_be_visible()
    await keys.press(page.get_by_role("button", name="Send now"))
    await expect(page.get_by_text("Sent.")).to_be_visible()
    told = visitor.get_by_role("region", name="News").get_by_text(f"Hall {mark} moves upstairs")
    await expect(told).to_be_visible(timeout=5000)
    _, sent, _ = fair.call("GET", "/announcements")
    fair.call("DELETE", f"/announcements/{sent['items'][0]['id']}")
    await expect(told).to_have_count(0)  # and off it, for the tests that follow

    # Who was at the talk, from when to when; nobody has touched the log; the figures stand.
    await keys.press(side.get_by_role("link", name="Attendance"))
    await keys.type("Conference", talk)
    await page.keyboard.press("Enter")
    row = page.get_by_role("row").filter(has_text=f"Lena Vogt {mark}")
    await expect(row.locator("time")).to_have_count(2)
    times = [await one.get_attribute("datetime") for one in await row.locator("time").all()]
    came, left = (datetime.fromisoformat(str(when)) for when in times)
    assert timedelta() <= left - came < timedelta(minutes=2)
    assert abs(datetime.now(UTC) - left) < timedelta(minutes=2)
    await keys.press(side.get_by_role("link", name="Audit log"))
    await expect(page.get_by_text("import.submit").first).to_be_visible()
    await keys.press(page.get_by_role("button", name="Verify the chain"))
    await expect(page.get_by_text("The chain is whole")).to_be_visible()
    await keys.press(side.get_by_role("link", name="At a glance"))
    await expect(page.locator("figure svg").first).to_be_visible()
    registered = page.locator(".glance-stats .stat-value").first
    await expect(registered).to_have_text(
        re.compile(r"^(2\d|[3-9]\d|\d{3,}|\d+,\d+)$"), timeout=45_000
    )
