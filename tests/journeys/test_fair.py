"""The fair as a visitor and as its organiser live it, in real browsers."""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page, expect

from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine
from rooms.model import Role
from tests.journeys.keyboard import Keyboard
from tests.journeys.test_capacity import inside
from tests.pages.serving import Fair

PASSWORD = "seven quiet lanterns"
LINK = re.compile(r"http://\S+(/verify/(\S+))")


def mailed(fair: Fair, address: str) -> tuple[str, str]:
    """(path, token) of the link in the newest mail to ``address``, from the outbox."""
    deadline = time.monotonic() + 5
    while True:
        _, page, _ = fair.call("GET", "/mails")
        for mail in page["items"]:
            found = LINK.search(mail["text"])
            if mail["address"] == address and found:
                return found[1], found[2]
        assert time.monotonic() < deadline, f"no mail to {address}"
        time.sleep(0.05)


async def by_app(fair: Fair, name: str) -> tuple[str, str]:
    """Register as an app does; (e-mail address, id) of the account."""
    api, address = f"{fair.url}/api/v1/", f"{secrets.token_hex(6)}@example.com"
    async with aiohttp.ClientSession() as http:

        async def ask(method: str, path: str, body: Any = None, token: str = "") -> Any:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with http.request(method, api + path, json=body, headers=headers) as answer:
                assert answer.ok, f"{method} {path}: {answer.status} {await answer.text()}"
                return await answer.json()

        version = (await ask("GET", "fair"))["privacy"]["version"]
        await ask("POST", "people", {
            "name": name, "email": address, "password": PASSWORD, "country": "CN",
            "privacy_version": version, "sectors": ["finance"], "languages": ["zh", "en"],
        })  # fmt: skip
        signing_in = {"email": address, "password": PASSWORD, "name": "A phone"}
        async with http.post(api + "devices", json=signing_in) as early:
            assert early.status == 403, "an address that was never confirmed signs in"
        _, token = mailed(fair, address)
        assert (await ask("POST", "people:verify", {"token": token}))["verified"]
        grant = await ask("POST", "devices", signing_in)
        me = await ask("GET", "me", token=grant["access_token"])
        assert (me["name"], me["email"], me["verified"]) == (name, address, True)
        again = await ask("POST", "devices:refresh", {"refresh_token": grant["refresh_token"]})
        ticket = await ask("POST", "tickets", token=again["access_token"])
        assert ticket["ticket"]
    return address, str(me["id"])


def company(fair: Fair, name: str, chinese: str, sector: str, about: str) -> str:
    slug = f"c-{secrets.token_hex(5)}"
    status, answer, _ = fair.call("POST", "/companies", {
        "slug": slug, "name": name, "sector": sector, "country": "CN",
        "names": {"zh-Hans": chinese}, "summary": {"zh-Hans": about},
    })  # fmt: skip
    assert status == 201, answer
    return slug


def conference(fair: Fair, title: str, begins_in_min: float, **more: Any) -> tuple[str, str]:
    """(slug, room) of a conference of an hour in a room of its own that guests may enter."""
    room, slug = fair.room(f"Hall of {title}"), f"k-{secrets.token_hex(5)}"
    start = datetime.now(UTC) + timedelta(minutes=begins_in_min)
    status, answer, _ = fair.call("POST", "/conferences", {
        "slug": slug, "room": room, "title": title, "sector": "finance",
        "starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat(), **more,
    })  # fmt: skip
    assert status == 201, answer
    return slug, room


async def a_page(browser: Browser, **more: Any) -> Page:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="en", reduced_motion="reduce", **more
    )
    context.set_default_timeout(8000)
    return await context.new_page()


async def sign_in(page: Page, fair: Fair, address: str) -> None:
    await page.goto(f"{fair.url}/login?next=/programme")
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.locator("main").get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{fair.url}/programme")


async def test_a_visitor_registers_finds_chooses_is_told_and_is_seated(
    fair: Fair, browser: Browser
) -> None:
    mark = secrets.token_hex(3)
    speaker_address, speaker = await by_app(fair, "Mei Lin")
    lotus = company(fair, f"Goldleaf Optics {mark}", "金叶光学", "culture", "显微镜与棱镜")
    _, room = conference(
        fair, f"Trade law {mark}", 6, company=lotus,
        speakers=[{"name": "Mei Lin", "role": "speaker", "person": speaker}],
    )  # fmt: skip
    other, _ = conference(fair, f"Customs law {mark}", 20)

    # An error first: next to its field, and what was typed is still there.
    page = await a_page(browser)
    address = f"{mark}@example.com"
    await page.goto(f"{fair.url}/")
    await page.get_by_role("banner").get_by_role("link", name="Register").click()
    await page.get_by_label("Name", exact=True).fill("Amara Diallo")
    await page.get_by_label("E-mail address").fill("amara at example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("Country or region").select_option("SN")
    await page.get_by_label("Organisation").fill("Teranga Textiles")
    await page.get_by_label("I have read the privacy text").check()
    await page.get_by_role("button", name="Register").click()
    email = page.get_by_label("E-mail address")
    await expect(email).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#f-email-fault")).to_be_visible()
    await expect(page.locator("#form-summary")).to_be_focused()
    await expect(email).to_have_value("amara at example")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Amara Diallo")
    await expect(page.get_by_label("Country or region")).to_have_value("SN")
    await expect(page.get_by_label("Organisation")).to_have_value("Teranga Textiles")
    await expect(page.get_by_label("I have read the privacy text")).to_be_checked()
    await expect(page.get_by_label("Password")).to_have_value("")
    await email.fill(address)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Register").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    await expect(page.get_by_text("the organiser hands the links out")).to_be_visible()

    path, _ = mailed(fair, address)
    await page.goto(fair.url + path)
    await page.get_by_role("button", name="Confirm my address").click()
    await page.locator("main").get_by_role("link", name="Sign in").click()
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.locator("main").get_by_role("button", name="Sign in").click()
    await expect(page.locator(".top-account summary")).to_contain_text("Amara Diallo")

    # A company by two Chinese characters, by its sector, and spelt wrongly.
    await page.get_by_role("banner").get_by_role("link", name="Companies").click()
    found = page.locator(f'.firm-name a[href="/companies/{lotus}"]')
    words = page.get_by_label("Search companies")
    for typed in ("棱镜", f"Goldlief Optiks {mark}"):
        await words.fill(typed)
        await words.press("Enter")
        await expect(found).to_have_count(1)
        await expect(words).to_have_value(typed)
    await expect(page.get_by_role("heading", name="Did you mean")).to_be_visible()
    await page.get_by_role("link", name="Clear all").click()
    await page.get_by_label("Sector").select_option("culture")
    await expect(page).to_have_url(re.compile(r"sector=culture"))
    await expect(found).to_have_count(1)
    await found.click()

    star = page.get_by_role("button", name="Favourite")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await page.get_by_label("Note").fill("Prisms for looms")
    await page.get_by_role("button", name="Leave card").click()
    await expect(page.get_by_text("Your card is with the company.")).to_be_visible()
    await expect(star).to_have_attribute("aria-pressed", "true")

    # Its talk goes into the agenda; another at that time is pointed out before it does.
    await page.get_by_role("link", name=f"Trade law {mark}").click()
    await page.get_by_role("button", name="Add to my agenda").click()
    await expect(page.get_by_role("button", name="In my agenda")).to_be_visible()
    await page.goto(f"{fair.url}/programme/{other}")
    await page.get_by_role("button", name="Add to my agenda").click()
    asked = page.get_by_role("group", name="Two talks at the same time")
    await expect(asked).to_contain_text(f"Trade law {mark}")
    await asked.get_by_role("button", name="Leave it out").click()
    await expect(page.get_by_role("button", name="Add to my agenda")).to_be_focused()

    # It begins within ten minutes: any page of the fair says so, and leads there.
    await page.goto(f"{fair.url}/me/agenda")
    await expect(page.locator(".talk-title")).to_have_text([f"Trade law {mark}"])
    told = page.get_by_role("region", name="News").locator(".news-soon")
    await expect(told).to_contain_text(f"“Trade law {mark}” begins at", timeout=8000)
    await told.get_by_role("link", name="To the room").click()
    await expect(page.locator("#who-line")).to_contain_text("Amara Diallo")
    await page.locator("#enter").click()
    await inside(page)
    await expect(page.locator("#bar-mic")).to_be_hidden()

    # Who speaks at it comes in as a speaker, by nothing but the programme.
    stage = await a_page(browser)
    await sign_in(stage, fair, speaker_address)
    await stage.goto(f"{fair.url}/rooms/{room}")
    await expect(stage.locator("#who-line")).to_have_text("You enter as Mei Lin (Speaker)")
    await stage.locator("#enter").click()
    await inside(stage)
    _, answer, _ = fair.call("GET", f"/rooms/{room}/participants")
    roles = {one["name"]: one["role"] for one in answer["items"]}
    assert roles == {"Mei Lin": "speaker", "Amara Diallo": "participant"}


async def test_register_find_choose_and_enter_by_keyboard_alone(
    fair: Fair, browser: Browser
) -> None:
    mark = secrets.token_hex(3)
    slug = company(fair, f"Silver Anchor {mark}", "银锚物流", "tourism", "冷链仓储")
    talk, room = conference(fair, f"Cold chains {mark}", 6, company=slug)
    address = f"{mark}@example.com"
    page = await a_page(browser)
    keys = Keyboard(page)
    main = page.locator("main")
    await page.goto(f"{fair.url}/")
    await page.wait_for_selector("html[data-ready]")
    await keys.press(page.get_by_role("banner").get_by_role("link", name="Register"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Register")
    await keys.skip()
    await keys.type("Name", "Jonas Berg")
    await keys.type("Password", PASSWORD)
    await keys.choose(page.get_by_label("Country or region"), "Norway")
    await keys.press(page.get_by_label("I have read the privacy text"), "Space")
    await keys.press(main.get_by_role("button", name="Register"))
    # The summary has the focus; its link leads to the field that is wrong.
    await expect(page.locator("#form-summary")).to_be_focused()
    await keys.press(page.locator("#form-summary a[href='#f-email']"))
    await expect(page.get_by_label("E-mail address")).to_be_focused()
    await page.keyboard.type(address)
    await keys.type("Password", PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")

    path, _ = mailed(fair, address)
    await page.goto(fair.url + path)
    await keys.press(main.get_by_role("button", name="Confirm my address"))
    await keys.press(main.get_by_role("link", name="Sign in"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await keys.type("E-mail address", address)
    await keys.type("Password", PASSWORD)
    await page.keyboard.press("Enter")
    account = page.locator(".top-account summary")
    await expect(account).to_contain_text("Jonas Berg")
    await keys.press(account)
    await expect(page.get_by_role("link", name="My agenda")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="My agenda")).to_be_hidden()
    await expect(account).to_be_focused()

    await keys.press(page.get_by_role("banner").get_by_role("link", name="Companies"))
    await page.wait_for_selector("html[data-ready]")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Companies")
    sector = page.get_by_label("Sector")
    await keys.reach(sector)
    while await sector.input_value() != "tourism":  # each step answers, and none leaves
        before = await sector.input_value()
        await page.keyboard.press("ArrowDown")
        await expect(sector).to_be_focused()
        assert await sector.input_value() != before, "the last sector, and not the one"
    await expect(page).to_have_url(re.compile("sector=tourism$"))
    await expect(sector).to_be_focused()
    firm = page.locator(f'.firm-name a[href="/companies/{slug}"]')
    star = page.get_by_role("button", name=f"Favourite: Silver Anchor {mark}")
    await keys.reach(firm)
    await keys.press(star, "Space")
    await expect(star).to_have_attribute("aria-pressed", "true")
    await keys.reach(firm, key="Shift+Tab")
    await page.keyboard.press("Enter")
    await keys.press(page.get_by_role("link", name=f"Cold chains {mark}"))
    await page.wait_for_selector("html[data-ready]")
    button = page.locator(f'form[data-agenda="{talk}"] button')
    await keys.press(button, "Space")
    await expect(button).to_contain_text("In my agenda")
    await expect(button).to_be_focused()
    await keys.press(page.locator(f'.talk-side-acts a[href="/rooms/{room}"]'))
    await expect(page).to_have_url(f"{fair.url}/rooms/{room}")
    await page.wait_for_selector("html[data-ready]")
    await keys.press(page.locator("#enter"))
    await inside(page)
    await keys.press(page.locator("#bar-hand"), "Space")
    await expect(page.locator("#bar-hand")).to_have_attribute("aria-pressed", "true")
    await keys.press(page.get_by_role("button", name="Leave"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("You have left the room")


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
    await expect(good).to_be_visible(timeout=15_000)
    assert await figures(page) == {
        "Rows": "20", "New": "18", "Changed": "0", "Unchanged": "0", "Refused": "2",
    }  # fmt: skip
    await keys.press(good)
    done = page.get_by_text("The good rows are in")
    await expect(done).to_be_visible(timeout=15_000)
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
    await expect(page.get_by_text("Everything is in.")).to_be_visible(timeout=15_000)
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
        re.compile(r"^(2\d|[3-9]\d|\d{3,}|\d+,\d+)$"), timeout=15_000
    )
