"""The pages of appointments, filled and empty: axe-core finds nothing serious, nothing is cut off,
and a meeting is asked for with the keyboard alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.pages.business import DAYS
from tests.pages.every import READY, Furnished, Furnisher
from tests.pages.serving import Fair
from tests.pages.test_accessibility import check, open_page

PATHS = (
    ("visitor", "/companies/{company}/meet?day={day}"),
    ("visitor", "/companies/{company}/meet?day=2000-01-01"),
    ("visitor", "/me/appointments"),
    ("exhibitor", "/companies/{company}/day?day={day}"),
    ("exhibitor", "/companies/{company}/day?day=2000-01-01"),
    ("exhibitor", "/companies/{company}/slots"),
    ("exhibitor", "/companies/{company}/slots/{slot}"),
    ("exhibitor", "/companies/{company}/round"),
)


class Meetings(Furnisher):
    """With slots, a request and an agreed meeting two days from now."""

    def _acts(self, company: str, conference: str) -> dict[str, str]:
        at = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
        at += timedelta(days=next(DAYS))  # each test has a day of its own

        def span(minutes: int) -> dict[str, str]:
            starts = at + timedelta(minutes=minutes)
            ends = starts + timedelta(minutes=30)
            return {"starts_at": starts.isoformat(), "ends_at": ends.isoformat()}

        items: list[dict[str, Any]] = [{**span(n), "place": "both"} for n in (0, 30, 60, 90)]
        items.append({**span(120), "form": "group", "title": "Live demo", "capacity": 20})
        made = self._as("exhibitor", "POST", f"/companies/{company}/slots", {"items": items})
        ids = [one["id"] for one in made["items"]]
        asked = {"subject": "Cranes for two new berths", "note": "We met in Hall 3.\n你好"}
        path = f"/companies/{company}/appointments"
        first = self._as("visitor", "POST", path, {**asked, "slot": ids[0]})
        self._as("visitor", "POST", path, {**asked, "slot": ids[1], "place": "on_site"})
        self._as("exhibitor", "POST", f"/appointments/{first['id']}/actions", {"action": "accept"})
        return {"slot": ids[2], "day": at.date().isoformat()}


async def signed_in(fair: Fair, browser: Browser, look: str, found: Furnished, who: str) -> Page:
    page = await open_page(browser, look, f"{fair.url}/login")
    await page.context.add_cookies(
        [{"name": "pavilion", "value": found.cookies[who], "url": fair.url}]
    )
    return page


@pytest.mark.parametrize(
    "look", [pytest.param("wide", marks=pytest.mark.long), "narrow"]
)  # what is wide is in every page's look too
async def test_pages_of_appointments(fair: Fair, browser: Browser, look: str) -> None:
    found = await Meetings(fair).furnish()
    pages = {who: await signed_in(fair, browser, look, found, who) for who in ("visitor",
             "exhibitor")}  # fmt: skip
    for who, path in PATHS:
        page = pages[who]
        answer = await page.goto(fair.url + path.format(**found.names))
        assert answer is not None and answer.status == 200, path
        await page.wait_for_function(READY)
        if "/day?day=" in path or path == "/me/appointments":
            for summary in await page.locator(".meet-act > summary").all():
                await summary.click()  # what opens under a button is looked at too
        await check(page, path)


async def test_a_meeting_is_asked_for_by_keys_alone(fair: Fair, browser: Browser) -> None:
    found = await Meetings(fair).furnish()
    page = await signed_in(fair, browser, "wide", found, "visitor")
    await page.goto(f"{fair.url}/companies/{found.names['company']}/meet?day={found.names['day']}")
    await page.wait_for_function(READY)
    reached = []
    for _ in range(80):
        await page.keyboard.press("Tab")
        name = await page.evaluate("document.activeElement.name || document.activeElement.id")
        reached.append(name)
        if name == "pick" and "picked" not in reached:
            await page.keyboard.press("Space")
            reached.append("picked")
        if name == "subject":
            await page.keyboard.type("Berths")
            await page.keyboard.press("Enter")
            break
    await page.wait_for_url("**/me/appointments?done=asked**")
    assert await page.get_by_role("status").first.inner_text() != ""
    assert await page.get_by_text("Berths").count() >= 1
