"""What journeys through the fair begin with: people, companies, conferences, and their mail."""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page, expect

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
    await page.wait_for_load_state()
