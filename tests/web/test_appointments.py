"""Appointments by page and API: who may what, forms, what both sides see, calendars, mails."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from hub.web.appointments_jobs import Passing
from hub.web.pages import Pages
from rooms.model import Role
from tests.web.conftest import Hub
from tests.web.test_companies import Fair, Person

MIN = 60_000


def later(hours: float, minutes: float = 0) -> str:
    """So much after the next full hour, RFC 3339."""
    base = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return (base + timedelta(hours=hours, minutes=minutes)).isoformat()


def span(hours: float, minutes: int = 30) -> dict[str, str]:
    return {"starts_at": later(hours), "ends_at": later(hours, minutes)}


class Meeting(Fair):
    """A company ``pearl`` with owner, editor and staff; ``lotus`` with an owner; visitors."""

    people: dict[str, Person]

    async def fill(self) -> None:
        self.people = {}
        for slug in ("pearl", "lotus"):
            await self.company(slug, on_site=True, booth="A-12")
        for name, slug, role in (
            ("owner", "pearl", "owner"), ("editor", "pearl", "editor"),
            ("staff", "pearl", "staff"), ("lotus", "lotus", "owner"),
        ):  # fmt: skip
            self.people[name] = await self.person(name.title())
            await self.companies.set_staff(slug, self.people[name].id, role, None, True)
        for name in ("vera", "viktor"):
            self.people[name] = await self.person(name.title())
        self.people["nobody"] = await self.nobody()
        organiser = await self.nobody()
        organiser.csrf = await organiser.hub.sign_in(Role.ORGANISER)
        self.people["organiser"] = organiser

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    async def slot(self, hours: float = 2, by: str = "owner", **more: Any) -> str:
        item = {**span(hours), **more}
        answer = await self[by].api("POST", "/companies/pearl/slots", {"items": [item]})
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["items"][0]["id"])

    async def ask(self, who: str = "vera", status: int = 201, **more: Any) -> dict[str, Any]:
        if "slot" not in more and "starts_at" not in more:
            more |= span(more.pop("hours", 2))
        body = {"subject": "Supply", **more}
        answer = await self[who].api("POST", "/companies/pearl/appointments", body)
        found = await answer.json()
        assert answer.status == status, found
        return dict(found)

    async def act(self, id: str, who: str, action: str, status: int = 200, **more: Any) -> Any:
        answer = await self[who].api("POST", f"/appointments/{id}/actions",
                                     {"action": action, **more})  # fmt: skip
        found = await answer.json()
        assert answer.status == status, (who, action, found)
        return found


@pytest.fixture
async def meeting(site: Hub) -> AsyncIterator[Meeting]:
    async with AsyncExitStack() as stack:
        made = Meeting(site, stack)
        await made.fill()
        yield made


async def mails(meeting: Meeting) -> list[tuple[str, str]]:
    found, _ = await meeting.site.services.fair.mails.outbox(None, 100)
    return [(one.kind, one.subject) for one in found if one.kind.startswith("appointment")]


# --- the API ----------------------------------------------------------------------------------

EVERYBODY = ("owner", "editor", "staff", "lotus", "vera", "viktor", "nobody", "organiser", "key")


async def test_who_may_what_over_the_api(meeting: Meeting) -> None:
    """Every call for everybody. Whoever is on no side is told that there is nothing."""
    slot = await meeting.slot(2)
    one = (await meeting.ask(hours=4))["id"]
    new = {"items": [span(20)]}
    acts = f"/appointments/{one}/actions"
    no_act = {"action": "missed"}
    asked = {"subject": "S", **span(6)}
    seats = {"pearl": 1, "nobody-here": 1}
    # Column by column as EVERYBODY: owner, editor, staff, another company, the visitor, another
    # visitor, nobody, an organiser signed in by a link (no account), the organiser's key.
    matrix: list[tuple[str, str, Any, tuple[int, ...]]] = [
        ("GET", "/companies/pearl/slots", None, (200, 200, 200, 200, 200, 200, 401, 200, 200)),
        ("GET", "/companies/no-such/slots", None, (404, 404, 404, 404, 404, 404, 401, 404, 404)),
        ("POST", "/companies/pearl/slots", new, (201, 201, 201, 403, 403, 403, 401, 403, 403)),
        ("PATCH", f"/companies/pearl/slots/{slot}", {"capacity": 1},
         (200, 200, 403, 403, 403, 403, 401, 403, 403)),
        ("PATCH", "/companies/pearl/slots/0a", {"capacity": 1},
         (404, 404, 404, 403, 403, 403, 401, 403, 403)),
        ("DELETE", "/companies/pearl/slots/0a", None,
         (404, 404, 404, 403, 403, 403, 401, 403, 403)),
        ("GET", "/companies/pearl/suggestions", None,
         (200, 200, 200, 200, 200, 200, 401, 200, 403)),
        ("POST", "/companies/pearl/appointments", asked,
         (403, 403, 403, 201, 201, 201, 401, 404, 403)),
        ("GET", "/companies/pearl/appointments", None,
         (200, 200, 200, 403, 403, 403, 401, 200, 200)),
        ("POST", "/companies/pearl/rounds", {"subject": "R", **span(9), "seats": seats},
         (404, 404, 404, 403, 403, 403, 401, 404, 403)),
        ("GET", "/appointments", None, (200, 200, 200, 200, 200, 200, 401, 200, 200)),
        ("GET", "/appointments:counts", None, (403, 403, 403, 403, 403, 403, 401, 200, 200)),
        ("GET", f"/appointments/{one}", None, (200, 200, 200, 404, 200, 404, 401, 200, 200)),
        ("GET", "/appointments/0a", None, (404, 404, 404, 404, 404, 404, 401, 404, 404)),
        ("POST", acts, no_act, (409, 409, 409, 404, 403, 404, 401, 403, 403)),
        ("POST", "/appointments/0a/actions", no_act,
         (404, 404, 404, 404, 404, 404, 401, 404, 404)),
    ]  # fmt: skip
    for method, path, body, expected in matrix:
        got = []
        for name in EVERYBODY:
            if name == "key":
                answer = await meeting.site.api(method, path, body)
            else:
                answer = await meeting[name].api(method, path, body)
            got.append(answer.status)
        assert tuple(got) == expected, (method, path, dict(zip(EVERYBODY, got, strict=True)))
    outsider = await meeting["viktor"].api("GET", f"/appointments/{one}")
    none = await meeting["viktor"].api("GET", "/appointments/0a")
    assert await outsider.json() == await none.json()
    # Guests and room tokens are nobody here.
    room = await meeting.site.room(guests=True)
    for path, body in ((f"/appointments/{one}", None), ("/companies/pearl/appointments", asked)):
        answer = await meeting.site.api("POST" if body else "GET", path, body,
                                        auth=meeting.site.token(room))  # fmt: skip
        assert answer.status == 403
    # Without its CSRF token a cookie changes nothing.
    bare = await meeting["vera"].hub.api("POST", acts, {"action": "cancel"}, auth=None)
    assert bare.status == 403


async def test_a_meeting_from_request_to_room(meeting: Meeting) -> None:
    slot = await meeting.slot(2, place="both", staff=meeting["staff"].id)
    one = await meeting.ask(slot=slot, note="On Tuesday", place="online")
    assert (one["state"], one["turn"], one["staff_name"]) == ("pending", "company", "Staff")
    second = await meeting.ask("viktor", 409, slot=slot)
    assert second["code"] == "slot_taken"
    first = await meeting.ask("vera", 409, hours=2)
    assert first["code"] == "visitor_busy"
    agreed = await meeting.act(one["id"], "staff", "accept")
    assert agreed["state"] == "confirmed" and agreed["room"].startswith("n-")
    talks = meeting.site.services.fair.talks
    assert await talks.access(agreed["room"], meeting["vera"].id) is not None
    handed = await meeting.act(one["id"], "owner", "hand_over", staff=meeting["editor"].id)
    assert handed["staff_name"] == "Editor"
    assert await talks.access(agreed["room"], meeting["staff"].id) is None
    answer = await meeting["vera"].api("GET", f"/appointments/{one['id']}")
    whole = await answer.json()
    assert [line["act"] for line in whole["log"]] == ["ask", "accept", "hand_over"]
    assert answer.headers["Cache-Control"] == "no-store"
    gone = await meeting.act(one["id"], "vera", "cancel", reason="Flight")
    assert (gone["state"], gone["reason"]) == ("cancelled", "Flight")
    assert (await meeting.act(one["id"], "vera", "cancel", 409))["code"] == "over"
    assert await mails(meeting) == [
        ("appointment", "Meeting called off: Supply"),
        ("appointment", "A meeting was handed over to a colleague: Supply"),
        ("appointment", "A meeting was handed over to a colleague: Supply"),
        ("appointment", "A meeting was handed over to a colleague: Supply"),
        ("appointment", "Meeting agreed: Supply"),
        ("appointment", "A meeting was asked for: Supply"),
    ]


async def test_bad_input_has_its_code_and_changes_nothing(meeting: Meeting) -> None:
    past = {"starts_at": later(-30), "ends_at": later(-30, 30)}
    for body, code in (
        (past, "in_the_past"), ({**span(1), "ends_at": later(1, 10)}, "bad_length"),
        ({"starts_at": later(1, 1), "ends_at": later(1, 31)}, "bad_time"),
        ({"starts_at": later(24 * 500), "ends_at": later(24 * 500, 30)}, "too_far"),
        ({"slot": "0a"}, "unknown_slot"), ({}, "bad_time"),
        ({**span(1), "staff": "u_nobody"}, "unknown_person"),
    ):  # fmt: skip
        answer = await meeting["vera"].api(
            "POST", "/companies/pearl/appointments", {"subject": "S", **body}
        )
        assert (await answer.json())["code"] == code, body
    for body in (
        {"subject": "S", "starts_at": "2030-01-01T10:00:00", "ends_at": later(1)},
        {"subject": "a\nb", **span(1)}, {"subject": "a\u202eb", **span(1)}, span(1),
        {"subject": "S", **span(1), "slot": "../x"}, {"subject": "S" * 201, **span(1)},
        {"subject": "S", **span(1), "place": "both"}, {"subject": "S", "anyway": 1, **span(1)},
    ):  # fmt: skip
        answer = await meeting["vera"].api("POST", "/companies/pearl/appointments", body)
        assert (answer.status, (await answer.json())["code"]) == (422, "invalid"), body
    series = {"days": ["2030-03-31"], "opens": "09:00", "closes": "12:00", "length_min": 30}
    soon = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
    for change, code in (
        ({"time_zone": "Mars/Olympus"}, "unknown_zone"), ({"time_zone": "Europe"}, "unknown_zone"),
        ({"opens": "02:30", "time_zone": "Europe/Berlin"}, "no_such_time"),
        ({}, "too_far"), ({"days": ["2020-01-01"]}, "in_the_past"),
        ({"days": [soon], "length_min": 90}, "bad_length"),
        ({"days": [soon], "closes": "09:10"}, "no_slots"),
        ({"days": [soon], "form": "group", "capacity": 5}, "bad_form"),
        ({"days": ["9999-12-31"]}, "invalid"), ({"days": []}, "invalid"),
        ({"days": [soon], "pause_min": 7}, "invalid"),
        ({"days": [soon], "opens": "25:00"}, "invalid"),
    ):  # fmt: skip
        answer = await meeting["owner"].api(
            "POST", "/companies/pearl/slots", {"series": {**series, **change}}
        )
        assert (await answer.json())["code"] == code, change
    for query in ("from=x", "to=2030-01-01T10:00:00", "from=0001-01-01T00:00:00Z", "cursor=z",
                  "open=2"):  # fmt: skip
        answer = await meeting["vera"].api("GET", f"/companies/pearl/slots?{query}")
        assert answer.status == 422, query
    listed = await meeting.site.api("GET", "/appointments")
    assert (await listed.json())["items"] == []
    answer = await meeting["vera"].api("GET", "/companies/pearl/slots")
    assert (await answer.json())["items"] == []


async def test_a_series_a_session_and_a_round(meeting: Meeting) -> None:
    days = [(datetime.now(UTC) + timedelta(days=n)).date().isoformat() for n in (3, 4)]
    series = {"days": days, "opens": "09:00", "closes": "11:00", "length_min": 30, "pause_min": 10,
              "time_zone": "Asia/Shanghai", "place": "on_site", "table": 2}  # fmt: skip
    answer = await meeting["owner"].api("POST", "/companies/pearl/slots", {"series": series})
    made = (await answer.json())["items"]
    assert [one["starts_at"][11:16] for one in made] == ["01:00", "01:40", "02:20"] * 2
    assert {one["table"] for one in made} == {2}
    answer = await meeting["vera"].api("GET", "/companies/pearl/suggestions")
    assert len((await answer.json())["items"]) == 6
    group = await meeting.slot(5, form="group", title="Demo", capacity=2)
    for name in ("vera", "viktor"):
        joined = await meeting.ask(name, slot=group)
        assert (joined["state"], joined["subject"]) == ("confirmed", "Demo")
    assert (await meeting.ask("lotus", 409, slot=group))["code"] == "slot_taken"
    answer = await meeting["owner"].api("DELETE", f"/companies/pearl/slots/{group}?reason=Ill")
    assert [one["state"] for one in (await answer.json())["items"]] == ["cancelled"] * 2
    proposal = {"subject": "Round", **span(7), "seats": {"pearl": 2, "lotus": 1}}
    answer = await meeting["staff"].api("POST", "/companies/pearl/rounds", proposal)
    assert answer.status == 201
    one = await answer.json()
    assert answer.headers["Location"].endswith(one["id"])
    assert (await meeting.act(one["id"], "vera", "accept", 404))["code"] == "unknown_appointment"
    agreed = await meeting.act(one["id"], "lotus", "accept")
    assert agreed["state"] == "confirmed" and agreed["room"]
    assert (await meeting.act(one["id"], "lotus", "decline", 409))["code"] == "not_asked"


async def test_organisers_read_all_and_call_off_on_the_record(meeting: Meeting) -> None:
    one = (await meeting.ask())["id"]
    other = (await meeting.ask("viktor", hours=3))["id"]
    answer = await meeting["organiser"].api("GET", "/appointments?company=pearl&state=pending")
    assert {found["id"] for found in (await answer.json())["items"]} == {one, other}
    assert (await (await meeting.site.api("GET", "/appointments:counts")).json()) == {
        "states": {"pending": 2}
    }
    assert (await meeting.act(one, "organiser", "accept", 403))["code"] == "not_yours"
    gone = await meeting.site.api(
        "POST", f"/appointments/{one}/actions", {"action": "cancel", "reason": "Complaint"}
    )
    assert (await gone.json())["state"] == "cancelled"
    await meeting.site.services.fair.audit.flush()
    rows = (await (await meeting.site.api("GET", "/audit")).json())["items"]
    assert [row["target"] for row in rows if row["act"] == "appointment.cancel"] == [
        f"appointment:{one}"
    ]


async def test_time_passes_for_both_sides(meeting: Meeting, site: Hub) -> None:
    """Reminded once by mail; a request nobody answers lapses and both are written to."""
    part: Any = site.services.fair.appointments
    one = (await meeting.ask(hours=1))["id"]
    await meeting.act(one, "owner", "accept")
    await meeting.ask("viktor", hours=1)
    before = len(await mails(meeting))
    start = datetime.fromisoformat(later(1)).timestamp() * 1000
    clock = part._now_ms
    try:
        part._now_ms = lambda: int(start) - 10 * MIN
        job = Passing(Pages(site.services))
        await job.run()
        await job.run()
        told = (await mails(meeting))[: len(await mails(meeting)) - before]
        assert told == [("appointment_reminder", "Your meeting begins soon: Supply")] * 2
        part._now_ms = lambda: int(start)
        await job.run()
        newest = (await mails(meeting))[0]
        assert newest == ("appointment", "A request for a meeting was not answered in time: Supply")
    finally:
        part._now_ms = clock


# --- the pages ------------------------------------------------------------------------------------


async def test_who_may_see_which_page(meeting: Meeting) -> None:
    slot = await meeting.slot(2)
    one = (await meeting.ask(hours=4))["id"]
    pages = {
        "/companies/pearl/meet": (303, 303, 303, 200, 200, 200, 303, 404),
        "/companies/pearl/day": (200, 200, 200, 404, 404, 404, 303, 200),
        "/companies/pearl/slots": (200, 200, 200, 404, 404, 404, 303, 200),
        f"/companies/pearl/slots/{slot}": (200, 200, 200, 404, 404, 404, 303, 200),
        "/companies/pearl/slots/0a": (404, 404, 404, 404, 404, 404, 303, 404),
        "/companies/pearl/round": (200, 200, 200, 404, 404, 404, 303, 404),
        "/me/appointments": (200, 200, 200, 200, 200, 200, 303, 404),
        f"/me/appointments/{one}.ics": (200, 200, 200, 404, 200, 404, 303, 404),
        "/me/appointments/0a.ics": (404, 404, 404, 404, 404, 404, 303, 404),
        "/companies/no-such/meet": (404, 404, 404, 404, 404, 404, 303, 404),
    }
    for path, expected in pages.items():
        got = tuple([(await meeting[name].get(path)).status for name in EVERYBODY[:-1]])
        assert got == expected, (path, dict(zip(EVERYBODY, got, strict=False)))
    base = f"/companies/pearl/appointments/{one}"
    posts = {
        "/companies/pearl/meet": (303, 303, 303, 422, 422, 422, 303, 404),
        "/companies/pearl/slots": (422, 422, 422, 404, 404, 404, 303, 422),
        f"/companies/pearl/slots/{slot}": (422, 422, 422, 404, 404, 404, 303, 422),
        "/companies/pearl/slots/0a/cancel": (404, 404, 404, 404, 404, 404, 303, 404),
        "/companies/pearl/round": (422, 422, 422, 404, 404, 404, 303, 404),
        f"{base}/missed": (409, 409, 409, 404, 404, 404, 303, 404),
        "/companies/lotus/appointments/0a/missed": (404, 404, 404, 404, 404, 404, 303, 404),
        f"/me/appointments/{one}/accept": (404, 404, 404, 404, 409, 404, 303, 404),
        "/me/appointments/0a/cancel": (404, 404, 404, 404, 404, 404, 303, 404),
    }
    for path, expected in posts.items():
        got = tuple([(await meeting[name].post(path)).status for name in EVERYBODY[:-1]])
        assert got == expected, (path, dict(zip(EVERYBODY, got, strict=False)))
    bare = await meeting["vera"].hub.call("POST", f"/me/appointments/{one}/cancel", auth=None,
                                          data={})  # fmt: skip
    assert bare.status == 403


def alone(text: str, words: str) -> bool:
    """Whether the page says so, whatever its markup."""
    return words in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


async def test_asking_by_the_form(meeting: Meeting) -> None:
    vera = meeting["vera"]
    empty = await (await vera.get("/companies/pearl/meet")).text()
    assert alone(empty, "The company offers no times on this day")
    slot = await meeting.slot(30, place="both")
    day = later(30)[:10]
    page = await (await vera.get(f"/companies/pearl/meet?day={day}")).text()
    assert f'value="s.{slot}"' in page and alone(page, "Online or at the booth")
    answer = await vera.post("/companies/pearl/meet", subject="", pick=f"s.{slot}")
    text = await answer.text()
    assert answer.status == 422 and alone(text, "Say what the meeting is about.")
    assert 'aria-invalid="true"' in text and f'value="s.{slot}" checked' in text  # kept
    fields = {"pick": f"s.{slot}", "subject": "Pumps", "place": "on_site"}
    answer = await vera.post("/companies/pearl/meet", **fields)
    assert answer.status == 303 and "done=asked" in answer.headers["Location"]
    mine = await (await vera.get("/me/appointments?done=asked")).text()
    assert alone(mine, "Pumps") and alone(mine, "Booth A-12, table 1")
    assert alone(mine, "The time is held until")
    # Somebody else was quicker; one's own other meetings are marked before one asks.
    answer = await meeting["viktor"].post("/companies/pearl/meet", **fields)
    assert answer.status == 409 and alone(await answer.text(), "Somebody else was quicker.")
    await meeting.slot(30, by="staff")
    page = await (await vera.get(f"/companies/pearl/meet?day={day}")).text()
    assert alone(page, "You have another meeting then:") and "disabled" in page
    own = {"pick": "own", "subject": "S", "day": day, "clock": later(31)[11:16], "length": "25"}
    answer = await vera.post("/companies/pearl/meet", **own)
    assert answer.status == 303
    for change, words in (
        ({"clock": ""}, "Choose a day and a time"), ({"day": "2020-01-01"}, "This time has passed"),
        ({"length": "23"}, "15 to 60 minutes"), ({"clock": "10:03"}, "Choose a day and a time"),
    ):  # fmt: skip
        answer = await vera.post("/companies/pearl/meet", **{**own, **change})
        assert answer.status == 409 and alone(await answer.text(), words), change


async def test_a_clash_is_shown_and_can_be_overridden(meeting: Meeting) -> None:
    await meeting.site.room(slug="hall")
    body = {"slug": "trade", "room": "hall", "title": "On trade", "sector": "business",
            "starts_at": later(30), "ends_at": later(31)}  # fmt: skip
    made = await meeting.site.api("POST", "/conferences", body)
    assert made.status == 201, await made.text()
    vera = meeting["vera"]
    await vera.api("PUT", "/me/agenda/trade")
    slot = await meeting.slot(30)
    page = await (await vera.get(f"/companies/pearl/meet?day={later(30)[:10]}")).text()
    assert alone(page, "In your agenda at the same time: On trade")
    fields = {"pick": f"s.{slot}", "subject": "S"}
    answer = await vera.post("/companies/pearl/meet", **fields)
    text = await answer.text()
    assert answer.status == 409 and 'name="anyway"' in text
    api = await meeting.ask("vera", 409, slot=slot)
    assert api["code"] == "clash" and api["clashes"][0]["id"] == "trade"
    answer = await vera.post("/companies/pearl/meet", **fields, anyway="on")
    assert answer.status == 303


async def test_a_day_of_the_company(meeting: Meeting) -> None:
    owner, vera = meeting["owner"], meeting["vera"]
    empty = await (await owner.get("/companies/pearl/day")).text()
    assert alone(empty, "No request waits for an answer.") and alone(empty, "No meetings on this")
    one = (await meeting.ask(hours=30, note="<b>bold</b>"))["id"]
    day = later(30)[:10]
    page = await (await owner.get(f"/companies/pearl/day?day={day}")).text()
    assert "&lt;b&gt;bold" in page and alone(page, "Vera")
    base = f"/companies/pearl/appointments/{one}"
    answer = await owner.post(f"{base}/propose", day="2020-01-01", clock="10:00", reason="Kept")
    text = await answer.text()
    assert answer.status == 409 and alone(text, "This time has passed")
    assert "Kept</textarea>" in text
    clock = later(32)[11:16]
    answer = await owner.post(f"{base}/propose", day=later(32)[:10], clock=clock, length="45")
    assert answer.status == 303
    mine = await (await vera.get("/me/appointments")).text()
    assert alone(mine, "Waiting for your answer") and f"/me/appointments/{one}/accept" in mine
    assert (await vera.post(f"/me/appointments/{one}/accept")).status == 303
    answer = await owner.post(f"{base}/hand_over", staff=meeting["staff"].id)
    assert answer.status == 303
    await vera.post("/companies/pearl/card", note="Call me")
    page = await (await owner.get(f"/companies/pearl/day?day={later(32)[:10]}")).text()
    assert alone(page, "With Staff") and alone(page, "Agreed")
    today = await (await owner.get("/companies/pearl/day")).text()
    assert alone(today, "Call me")
    assert (await vera.post(f"/me/appointments/{one}/cancel", reason="Ill")).status == 303
    page = await (await owner.get(f"/companies/pearl/day?day={later(32)[:10]}")).text()
    assert alone(page, "Called off") and alone(page, "Ill")
    for odd in ("day=x", "day=0001-01-01", "day=9999-12-31"):
        assert (await owner.get(f"/companies/pearl/day?{odd}")).status == 200


async def test_offering_by_the_form(meeting: Meeting) -> None:
    owner = meeting["owner"]
    assert alone(await (await owner.get("/companies/pearl/slots")).text(), "No times offered yet")
    day = later(72)[:10]
    fields = {"first": day, "opens": "09:00", "closes": "11:00", "length": "30", "pause": "0",
              "place": "both", "form": "single", "capacity": "1"}  # fmt: skip
    assert (await owner.post("/companies/pearl/slots", **fields)).status == 303
    page = await (await owner.get("/companies/pearl/slots")).text()
    assert page.count("Whoever accepts") >= 4 and alone(page, "0 / 1")
    for change, words in (
        ({"closes": "09:10"}, "there is no room for a single meeting"),
        ({"first": "2020-01-01"}, "This time has passed"), ({"opens": ""}, "Fill this in"),
        ({"form": "group", "place": "online"}, "Name the session."),
        ({"last": "2020-01-01"}, "too far"),
        ({"capacity": "500"}, "outside what is possible"),
        ({"staff": owner.id, "table": "9"}, None),
        ({"staff": owner.id, "table": "8"}, "Another slot"),
    ):  # fmt: skip
        answer = await owner.post("/companies/pearl/slots", **{**fields, **change})
        text = await answer.text()
        assert words is None or alone(text, words), change
        assert answer.status == (303 if words is None else 422 if "capacity" in change or "opens" in
                                 change else 409), change  # fmt: skip
    (slot, *_) = re.findall(r'href="/companies/pearl/slots/([0-9a-f]+)"', page)
    path = f"/companies/pearl/slots/{slot}"
    edit = {"day": day, "opens": "14:00", "length": "60", "place": "online"}
    assert (await owner.post(path, **edit)).status == 303
    await meeting.ask(slot=slot)
    answer = await owner.post(path, **{**edit, "opens": "15:00"})
    assert answer.status == 409 and alone(await answer.text(), "Somebody has this slot")
    assert (await owner.post(f"{path}/cancel", reason="Ill")).status == 303
    assert (await owner.get(path)).status == 404
    mine = await (await meeting["vera"].get("/me/appointments")).text()
    assert alone(mine, "Called off") and alone(mine, "Ill")


async def test_a_round_by_the_form(meeting: Meeting) -> None:
    owner = meeting["owner"]
    fields = {"subject": "Chains", "day": later(40)[:10], "clock": later(40)[11:16], "length": "60",
              "seats": "2"}  # fmt: skip
    for others, words in (("Nobody Ltd", "There is no such company"), ("pearl", "no such company")):
        answer = await owner.post("/companies/pearl/round", **fields, others=others)
        assert answer.status == 422 and alone(await answer.text(), words)
    answer = await owner.post("/companies/pearl/round", **fields, others="/companies/lotus")
    assert answer.status == 303
    page = await (await meeting["lotus"].get("/companies/lotus/day")).text()
    assert alone(page, "Round of companies") and alone(page, "not answered yet")
    (one,) = set(re.findall(r'id="a-([0-9a-f]+)"', page))
    answer = await meeting["lotus"].post(f"/companies/lotus/appointments/{one}/accept")
    assert answer.status == 303
    page = await (await owner.get(f"/companies/pearl/day?day={later(40)[:10]}")).text()
    assert alone(page, "takes part") and alone(page, "Agreed")


async def test_quotas_are_said_on_the_page(meeting: Meeting) -> None:
    part: Any = meeting.site.services.fair.appointments
    config = part._config
    allowed = config.appointments.model_copy(update={"visitor_pending": 0})
    part._config = config.model_copy(update={"appointments": allowed})
    try:
        page = await (await meeting["vera"].get("/companies/pearl/meet")).text()
        assert alone(page, "The fair allows you no unanswered requests for meetings.")
        refused = await meeting.ask("vera", 409)
        assert (refused["code"], refused["quota"], refused["allowed"]) == (
            "quota", "visitor_pending", 0,
        )  # fmt: skip
        assert refused["detail"] == "The fair allows you no unanswered requests for meetings."
    finally:
        part._config = config


# --- calendars ------------------------------------------------------------------------------------


async def test_calendar_files_follow_the_state(meeting: Meeting) -> None:
    vera, owner = meeting["vera"], meeting["owner"]
    one = (await meeting.ask(hours=30, note="Bring samples"))["id"]

    async def event(who: Person) -> tuple[Any, Any]:
        answer = await who.get(f"/me/appointments/{one}.ics")
        assert answer.headers["Content-Type"].startswith("text/calendar")
        made = Calendar.from_ical(await answer.read())
        return made, made.walk("VEVENT")[0]

    made, asked = await event(vera)
    assert (made["METHOD"], asked["STATUS"], int(asked["SEQUENCE"])) == ("PUBLISH", "TENTATIVE", 0)
    assert asked["SUMMARY"] == "Supply (Pearl)" and asked["ORGANIZER"]
    assert asked.decoded("DTSTART") == datetime.fromisoformat(later(30))
    agreed = await meeting.act(one, "owner", "accept")
    made, now = await event(owner)
    assert (made["METHOD"], now["STATUS"]) == ("PUBLISH", "CONFIRMED")
    assert now["SUMMARY"] == "Supply (Vera)" and agreed["room"] in now["URL"]
    assert now["UID"] == asked["UID"] and int(now["SEQUENCE"]) > 0
    feed = Calendar.from_ical(await (await vera.get("/me/agenda.ics")).read())
    assert [str(found["UID"]) for found in feed.walk("VEVENT")] == [str(now["UID"])]
    await meeting.act(one, "vera", "cancel")
    made, gone = await event(vera)
    assert (made["METHOD"], gone["STATUS"]) == ("CANCEL", "CANCELLED")
    assert int(gone["SEQUENCE"]) > int(now["SEQUENCE"]) and agreed["room"] not in gone["URL"]
    feed = Calendar.from_ical(await (await vera.get("/me/agenda.ics")).read())
    assert (feed["METHOD"], feed.walk("VEVENT")[0]["STATUS"]) == ("PUBLISH", "CANCELLED")
