"""The programme over HTTP: the organiser's API, agendas, calendars, rooms that open and close by
it, and what a speaker may do in a real room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from icalendar import Calendar

from hub.fair.engine import make_engine, transaction
from hub.fair.tables import people
from hub.web.opening import Opening
from rooms.model import Identity, Role
from tests.web.test_together import Socket, hello

MIN = 60_000


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def add_person(site: Any, id: str, name: str) -> None:
    values = {
        "id": id, "name": name, "country": "CN", "sectors": [], "languages": ["zh"],
        "language": "en", "role": "participant", "gate": False, "listed": True,
        "shows": ["organisation"], "organisation": "Harbour Bank", "privacy_version": 1,
        "consent_ms": 1, "totp_on": False, "totp_step": 0, "source": "web", "blocked": False,
        "created_ms": 1, "changed_ms": 1, "version": 1,
    }  # fmt: skip
    engine = make_engine(site.services.config.database_url)
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(people).values(values))
    await engine.dispose()


@asynccontextmanager
async def signed_in(site: Any, id: str, name: str = "Ann") -> AsyncIterator[tuple[Any, str]]:
    """A browser of a new account, and its CSRF token."""
    await add_person(site, id, name)
    cookie, session = await site.services.directory.open_session(Identity(id=id, name=name), 600)
    async with site.browser() as browser:
        browser.http.cookie_jar.update_cookies({"pavilion": cookie})
        yield browser, session.csrf


async def plan(site: Any, slug: str, room: str, at: int, /, minutes: int = 60, **more: Any) -> Any:
    """``at``: minutes from now. The answer."""
    start = now_ms() + at * MIN
    body = {
        "slug": slug, "room": room, "title": f"Talk {slug}", "sector": "finance",
        "starts_at": iso(start), "ends_at": iso(start + minutes * MIN), **more,
    }  # fmt: skip
    return await site.api("POST", "/conferences", body)


async def test_the_organiser_plans_by_api(site: Any) -> None:
    room = await site.room()
    made = await plan(site, "one", room, 60, titles={"zh-Hans": "一"}, languages=["en"])
    assert made.status == 201, await made.text()
    etag, path = made.headers["ETag"], "/conferences/one"
    assert made.headers["Location"] == "/api/v1" + path
    taken = await plan(site, "two", room, 119)
    told = await taken.json()
    assert (taken.status, told["code"], told["conference"]) == (409, "room_taken", "one")
    for field, value, code in (
        ("sector", "none", "unknown_sector"), ("room", "none", "unknown_room"),
        ("company", "none", "unknown_company"), ("title", "a\u202eb", "bad_text"),
        ("ends_at", "2001-01-01T00:00:00Z", "before_start"), ("about", {"en": "a\x00"}, "bad_text"),
        ("languages", ["not a tag"], "bad_format"),
    ):  # fmt: skip
        wrong = await plan(site, "wrong", room, 600, **{field: value})
        told = await wrong.json()
        assert wrong.status == 422 and told["errors"][0]["code"] == code, told
        assert told["errors"][0]["field"].split(".")[0] == field
    assert (await site.api("GET", "/conferences/wrong")).status == 404

    assert (await site.api("PATCH", path, {"title": "x"})).status == 428
    stale = await site.api("PATCH", path, {"title": "x"}, headers={"If-Match": '"0"'})
    assert (stale.status, (await stale.json())["code"]) == (412, "stale")
    change = {"title": "New", "speakers": [{"name": "Lin Yue"}], "cancelled": True}
    changed = await site.api("PATCH", path, change, headers={"If-Match": etag})
    body = await changed.json()
    assert changed.status == 200 and body["title"] == "New" and body["titles"] == {"zh-Hans": "一"}
    assert (await plan(site, "two", room, 119)).status == 201  # cancelled makes room
    # Anyone reads it, only an organiser writes it, and nobody learns an account's id there.
    listed = await site.api("GET", "/conferences?q=lin&cursor=&limit=1", auth=None)
    (item,) = (await listed.json())["items"]
    assert item["slug"] == "one" and item["speakers"][0]["person"] is None
    moderator = site.token(room, Role.MODERATOR)
    assert (await site.api("DELETE", path, auth=moderator)).status == 403
    gone = await site.api("DELETE", path, headers={"If-Match": changed.headers["ETag"]})
    assert gone.status == 204 and (await site.api("GET", path)).status == 404


async def test_a_clash_is_told_before_anything_is_added(site: Any) -> None:
    rooms = [await site.room() for _ in range(2)]
    await plan(site, "one", rooms[0], 60)
    await plan(site, "two", rooms[1], 90, about={"en": "Text"})
    async with signed_in(site, "u_1") as (browser, csrf):
        head = {"X-CSRF-Token": csrf}

        async def call(method: str, path: str = "", **more: Any) -> Any:
            return await browser.api(method, "/me/agenda" + path, auth=None, **more)

        assert (await call("PUT", "/one")).status == 403  # no CSRF token
        assert (await call("PUT", "/one", headers=head)).status == 200
        clash = await call("PUT", "/two", headers=head)
        told = await clash.json()
        assert (clash.status, told["code"]) == (409, "clash")
        assert [one["slug"] for one in told["clashes"]] == ["one"]
        assert len((await (await call("GET")).json())["items"]) == 1
        # The same without JavaScript: a page that asks, then the agenda.
        form = {"csrf": csrf, "conference": "two", "back": "https://evil.example/"}
        asked = await browser.call("POST", "/me/agenda/add", auth=None, data=form)
        assert asked.status == 409 and "Talk one" in await asked.text()
        sure = await browser.call("POST", "/me/agenda/add", auth=None, data={**form, "anyway": "1"})
        assert (sure.status, sure.headers["Location"]) == (303, "/me/agenda")
        mine = (await (await call("GET")).json())["items"]
        assert [(one["slug"], one["clashes"]) for one in mine] == [
            ("one", ["two"]), ("two", ["one"])
        ]  # fmt: skip
        page = await (await browser.call("GET", "/me/agenda", auth=None)).text()
        assert "2 talks are at the same time" in page
        assert (await call("DELETE", "/two", headers=head)).status == 204
        assert (await call("PUT", "/none", headers=head)).status == 404
    for path in ("/me/agenda", "/me/agenda.ics"):
        away = await site.call("GET", path, auth=None)
        assert (away.status, away.headers["Location"]) == (
            303, "/login?next=" + path
        )  # fmt: skip


async def test_calendars_follow_and_a_feed_can_be_taken_away(site: Any) -> None:
    room = await site.room()
    made = await plan(site, "one", room, 60, titles={"zh-Hans": "绿色港口, 一; 二"})
    file = await site.call("GET", "/programme/one.ics", auth=None)
    (event,) = Calendar.from_ical(await file.text()).walk("VEVENT")
    assert file.content_type == "text/calendar" and event["SUMMARY"] == "Talk one"
    body = await made.json()
    assert event.decoded("DTSTART").isoformat() == body["starts_at"][:19] + "+00:00"
    assert (event["SEQUENCE"], event["STATUS"]) == (0, "CONFIRMED")
    assert event["URL"].endswith("/programme/one")
    same = {"If-None-Match": file.headers["ETag"]}
    assert (await site.call("GET", "/programme/one.ics", auth=None, headers=same)).status == 304

    async with signed_in(site, "u_1") as (browser, csrf):
        await site.services.fair.conferences.add_to_agenda("u_1", "one")

        async def act(act: str) -> str:
            await browser.call(
                "POST", "/me/agenda/feed", auth=None, data={"csrf": csrf, "act": act}
            )
            page = await (await browser.call("GET", "/me/agenda", auth=None)).text()
            start = page.find("/calendar/")
            return page[start : page.find(".ics", start) + 4] if start > 0 else ""

        first = await act("renew")
        change = {"cancelled": True}
        match = {"If-Match": made.headers["ETag"]}
        await site.api("PATCH", "/conferences/one", change, headers=match)
        async with site.browser() as nobody:  # a calendar program: no cookie, no header
            feed = await nobody.call("GET", first, auth=None)
            (later,) = Calendar.from_ical(await feed.text()).walk("VEVENT")
            assert later["UID"] == event["UID"]
            assert (later["SEQUENCE"], later["STATUS"]) == (1, "CANCELLED")
            second = await act("renew")
            assert second != first
            assert (await nobody.call("GET", first, auth=None)).status == 404
            assert (await nobody.call("GET", second, auth=None)).status == 200
            assert await act("revoke") == ""
            assert (await nobody.call("GET", second, auth=None)).status == 404
        mine = await browser.call("GET", "/me/agenda.ics", auth=None)
        assert len(Calendar.from_ical(await mine.text()).walk("VEVENT")) == 1


async def test_pages_say_what_is_on_in_the_readers_language(site: Any) -> None:
    room, other = await site.room(title="Hall 1", guests=True), await site.room()
    said = {"zh-Hans": "绿色港口"}
    await plan(site, "on", room, -10, titles=said, about=said, languages=["zh-Hans"])
    await plan(site, "soon", room, 60)
    await plan(site, "off", other, 60, cancelled=True)

    async def page(path: str, status: int = 200, **headers: str) -> str:
        answer = await site.call("GET", path, auth=None, headers=headers)
        assert answer.status == status, path
        return str(await answer.text())

    chinese = {"Accept-Language": "zh-CN"}
    assert "绿色港口" in await page("/", **chinese) and "Talk on" in await page("/")
    # Around midnight they are on two days.
    days = {datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-10, 60)}
    listed = ""
    for day in {f"{moment:%Y-%m-%d}" for moment in days}:
        listed += await page(f"/programme?day={day}", **chinese)
    assert "绿色港口" in listed and "Talk soon" in listed and "<script>" not in listed
    assert "Talk soon" not in await page("/programme?q=港口")
    assert "Talk on" in await page("/programme?language=zh-Hans&sector=finance")
    assert "Talk on" not in await page("/programme?sector=health")
    assert "Talk off" in await page("/programme/off")
    await page("/programme/none", 404)
    await page("/programme?day=nonsense&sector=%00&cursor=1.a")
    lobby = await (await site.call("GET", f"/rooms/{room}/now.json", auth=None)).json()
    assert (lobby["on"]["title"], lobby["next"]["slug"]) == ("Talk on", "soon")
    live = await (await site.call("GET", f"/now.json?rooms={room},x", auth=None)).json()
    assert [row["slug"] for row in live["rooms"]] == [room]


async def test_a_room_opens_and_closes_by_its_programme(site: Any) -> None:
    """Near times: a conference that is just over, one that begins now, one far off."""
    room = await site.room()
    directory, opening = site.services.directory, Opening(site.services)

    async def until(state: str) -> Any:
        async with asyncio.timeout(5):
            while True:
                await opening.run()  # beside the hub's own, as on another hub
                body = await (await site.api("GET", f"/rooms/{room}")).json()
                if body["state"] == state:
                    return body
                await asyncio.sleep(0.05)

    far = await (await plan(site, "far", room, 600)).json()
    scheduled = await until("scheduled")
    lead, after = 10 * MIN, 10 * MIN
    starts = datetime.fromisoformat(far["starts_at"]).timestamp() * 1000
    opens = datetime.fromisoformat(scheduled["opens_at"]).timestamp() * 1000
    assert starts - opens == lead
    # The programme would take times set by hand back at once: they are refused, nothing else is.
    head = {"If-Match": (await site.api("GET", f"/rooms/{room}")).headers["ETag"]}
    by_hand = {"closes_at": iso(now_ms() + 900 * MIN), "title": "Hall"}
    refused = await site.api("PATCH", f"/rooms/{room}", by_hand, headers=head)
    assert (await refused.json())["errors"] == [{"field": "closes_at", "code": "by_programme"}]
    body = {"opens_at": scheduled["opens_at"], "title": "Hall"}
    assert (await site.api("PATCH", f"/rooms/{room}", body, headers=head)).status == 200
    # One that ended ten minutes ago but for a moment: the room is open for its last moments.
    ends = now_ms() - after + 1_500
    body = {"starts_at": iso(ends - 60 * MIN), "ends_at": iso(ends)}
    assert (await plan(site, "now", room, 0, **body)).status == 201
    await until("open")
    async with hello(site, token=site.token(room)) as person:
        entered = await person.ask("enter", "entered", "refused", room=room)
        assert entered["type"] == "entered"
        assert (await person.until("bye"))["code"] in {"room_closed", "closed"}
    # And it is there for the next one.
    again = await until("scheduled")
    assert again["opens_at"] == scheduled["opens_at"]
    record = await directory.room(room)
    assert record is not None and not record.spec.closed
    async with hello(site, token=site.token(room)) as person:
        refused = await person.ask("enter", "entered", "refused", room=room)
        assert (refused["code"], refused["opens_at"]) == ("room_not_open", again["opens_at"])
    # Called off: nothing is left, and the room does not open for it.
    etag = (await site.api("GET", "/conferences/far")).headers["ETag"]
    await site.api("PATCH", "/conferences/far", {"cancelled": True}, headers={"If-Match": etag})
    await until("closed")
    # Taken out of the programme altogether, it is a room like any other again.
    for slug in ("far", "now"):
        etag = (await site.api("GET", f"/conferences/{slug}")).headers["ETag"]
        gone = await site.api("DELETE", f"/conferences/{slug}", headers={"If-Match": etag})
        assert gone.status == 204
        body = await (await site.api("GET", f"/rooms/{room}")).json()
        assert (body["closes_at"] is None) == (slug == "now")
    assert (body["state"], body["opens_at"]) == ("open", None)


async def test_a_speaker_is_one_by_the_programme(site: Any) -> None:
    room, other = await site.room(), await site.room()
    await add_person(site, "u_host", "Chen Rui")
    on = [{"name": "Chen Rui", "role": "host", "person": "u_host"}]
    made = await plan(site, "talk", room, 1, speakers=on)
    assert made.status == 201, await made.text()
    cookie, session = await site.services.directory.open_session(
        Identity(id="u_host", name="Chen Rui"), 600
    )
    async with site.browser() as browser:
        browser.http.cookie_jar.update_cookies({"pavilion": cookie})
        head = {"X-CSRF-Token": session.csrf}
        asked = await browser.api("POST", "/tickets", auth=None, headers=head)
        ticket = (await asked.json())["ticket"]
        page = await (await browser.call("GET", f"/rooms/{room}", auth=None)).text()
        assert "&#34;role&#34;: &#34;host&#34;" in page, page[page.find("data-me") :][:200]
    async with (
        site.http.ws_connect(site.base + "/live", protocols=["pavilion.v1"]) as ws,
        hello(site, token=site.token(room)) as guest,
    ):
        host = Socket(ws)
        welcome = await host.ask("hello", "welcome", ticket=ticket)
        assert welcome["participant"]["role"] == "participant"  # in the fair
        snapshot = (await host.ask("enter", "entered", room=room))["snapshot"]
        (line,) = [one for one in snapshot["roster"]["items"] if one["id"] == "u_host"]
        assert (line["role"], line["stage"], line["company"]) == ("host", True, "Harbour Bank")
        await guest.ask("enter", "entered", room=room)
        assert (await host.ask("moderate", "ok", room=room, action="lock"))["type"] == "ok"
        refused = await host.ask("moderate", "ok", room=room, action="capacity", capacity=9)
        assert refused["code"] == "forbidden"  # a host's rights, not an organiser's
        # In another room nothing of it holds.
        elsewhere = await host.ask("moderate", "ok", room=other, action="lock")
        assert elsewhere["code"] == "forbidden"
        line = (await host.ask("enter", "entered", room=other))["snapshot"]["roster"]["items"][0]
        assert (line["role"], line["stage"]) == ("participant", False)
