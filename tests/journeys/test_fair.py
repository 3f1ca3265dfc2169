"""The fair as a visitor lives it, in real browsers."""

from __future__ import annotations

import re
import secrets

from playwright.async_api import Browser, expect

from tests.journeys.keyboard import Keyboard
from tests.journeys.test_capacity import inside
from tests.journeys.visitors import (
    PASSWORD,
    a_page,
    by_app,
    company,
    conference,
    mailed,
    sign_in,
)
from tests.pages.serving import Fair


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
    await expect(page).to_have_url(re.compile(rf"/companies/{lotus}"))  # the list has a star too

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
