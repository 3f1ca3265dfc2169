"""Audit log, attendance and webhooks by API and page: for organisers alone, in one journey each."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from rooms.model import Identity, Role
from tests.web.conftest import Hub
from tests.web.test_accounts import FORM, link_to

PAGES = ("/organise/audit", "/organise/attendance", "/organise/webhooks")
CALLS = ("/audit", "/audit/check", "/attendance", "/webhooks", "/webhooks/wh_1")


@pytest.mark.parametrize("role", [None, Role.PARTICIPANT, Role.MODERATOR])
async def test_others_find_nothing(site: Hub, role: Role | None) -> None:
    async with site.browser() as browser:
        if role is not None:
            await browser.sign_in(role)
        for path in PAGES:
            assert (await browser.call("GET", path, auth=None)).status == 404
        for path in CALLS:
            status = (await browser.api("GET", path, auth=None)).status
            assert status == (401 if role is None else 403), path


async def test_acts_are_in_the_audit_log_and_a_page_verifies_it(site: Hub) -> None:
    room = await site.room()
    etag = (await site.api("GET", f"/rooms/{room}")).headers["ETag"]
    change = {"title": "<b>Neu</b>", "capacity": 9}
    await site.api("PATCH", f"/rooms/{room}", change, headers={"If-Match": etag})
    body = {"participant": {"id": "p9", "name": "P"}, "role": "speaker"}
    await site.api("POST", f"/rooms/{room}/tokens", body)
    await site.api("POST", f"/rooms/{room}/participants/p9/actions", {"action": "unban"})
    await site.api("DELETE", f"/rooms/{room}")
    rows = (await (await site.api("GET", "/audit?limit=5")).json())["items"]
    assert [row["act"] for row in rows] == [
        "room.close", "room.unban", "token.issue", "room.change", "room.create"]  # fmt: skip
    assert rows[3]["detail"] == change and rows[3]["target"] == f"room:{room}"
    assert (rows[1]["target"], rows[1]["actor"]) == ("person:p9", "u_organiser")
    assert "token" not in str(rows[2]["detail"]) and rows[0]["address"] == "127.0.0.1"
    check = await (await site.api("GET", "/audit/check")).json()
    assert (check["ok"], check["rows"], check["broken"]) == (True, rows[0]["seq"], None)

    async with site.browser() as browser:
        csrf = await browser.sign_in(Role.ORGANISER)
        page = await (await browser.call("GET", "/organise/audit?act=room.ch", auth=None)).text()
        assert "&lt;b&gt;Neu" in page and "room.close" not in page
        refused = await browser.call("POST", "/organise/audit", auth=None, data={})
        assert refused.status == 403
        done = await browser.call("POST", "/organise/audit", auth=None, data={"csrf": csrf})
        assert (done.status, done.headers["Location"]) == (303, "/organise/audit")
        page = await (await browser.call("GET", "/organise/audit", auth=None)).text()
        assert "The chain is whole" in page
        page = await (await browser.call("GET", "/organise/audit", auth=None)).text()
        assert "The chain is whole" not in page  # said once: a reload repeats nothing
    assert (await site.api("GET", "/audit?cursor=x")).status == 422


async def test_attendance_is_shown_and_exported(site: Hub) -> None:
    room = await site.room()
    attendance = site.services.fair.attendance
    for number in range(3):
        who = Identity(id=f"p{number}", name=f"=Eva {number}", company="Acme", role=Role.SPEAKER)
        attendance.seated(room, who, number + 1, True)
    attendance.left(room, "p0")
    await attendance.flush()
    page = await (await site.api("GET", f"/attendance?room={room}&limit=2")).json()
    assert [one["person"] for one in page["items"]] == ["p0", "p1"] and page["next"]
    assert page["items"][0]["last_left_at"] is not None
    assert page["items"][1]["stays"][0]["left_at"] is None
    page = await (await site.api("GET", f"/attendance?room={room}&cursor={page['next']}")).json()
    assert [one["person"] for one in page["items"]] == ["p2"] and page["next"] is None
    assert (await site.api("GET", "/attendance?conference=none")).status == 404
    assert (await site.api("GET", "/attendance?room=a&conference=b")).status == 422
    async with site.browser() as browser:
        await browser.sign_in(Role.ORGANISER)
        shown = await browser.call("GET", f"/organise/attendance?room={room}", auth=None)
        assert "=Eva 2" in await shown.text() and "Inside now" in await shown.text()
        assert f'<option value="{room}" label="Talk">' in await shown.text()  # to choose from
        sheet = await browser.call(
            "GET", f"/organise/attendance/sheet?room={room}&format=csv", auth=None
        )
        lines = (await sheet.text()).splitlines()
        assert len(lines) == 4 and "'=Eva 0" in lines[1]  # no formula
        book = await browser.call(
            "GET", f"/organise/attendance/sheet?room={room}&format=xlsx", auth=None
        )
        assert (await book.read()).startswith(b"PK")
        missing = await browser.call("GET", "/organise/attendance/sheet?conference=none", auth=None)
        assert missing.status == 404
        unknown = await browser.call("GET", "/organise/attendance?conference=none", auth=None)
        assert "nothing by this name" in await unknown.text()


class NoNames(AbstractResolver):
    """Nobody knows any name: nothing leaves this machine."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        raise OSError("no such name")

    async def close(self) -> None: ...


@pytest.fixture
def alone(site: Hub) -> Hub:
    site.services.fair.webhooks.resolver = NoNames()  # type: ignore[attr-defined]
    return site


async def test_webhooks_by_api(alone: Hub) -> None:
    site = alone
    bad = await site.api("POST", "/webhooks", {"url": "https://10.0.0.1/x"})
    assert (bad.status, (await bad.json())["errors"]) == (
        422, [{"field": "url", "code": "private_address"}])  # fmt: skip
    made = await site.api(
        "POST", "/webhooks", {"url": "https://hooks.example.com/x", "kinds": ["room.opened"]}
    )
    body = await made.json()
    assert made.status == 201 and body["secret"].startswith("whsec_")
    path = f"/webhooks/{body['id']}"
    assert "secret" not in await (await site.api("GET", path)).json()
    rotated = await (await site.api("POST", path + "/rotate")).json()
    assert rotated["secret"] != body["secret"] and rotated["rotating_until"]
    await site.api("PATCH", path, {"active": False})
    room = await site.room()  # opens at once, and nobody is told
    await site.api("PATCH", path, {"active": True, "kinds": []})
    room = await site.room()
    log = (await (await site.api("GET", path + "/deliveries")).json())["items"]
    assert [(one["kind"], one["room"]) for one in log] == [("room.opened", room)]
    assert (await site.api("POST", f"{path}/deliveries/{log[0]['id']}/replay")).status == 204
    assert (await site.api("POST", f"{path}/deliveries/99999/replay")).status == 404
    await site.api("DELETE", f"/rooms/{room}")
    log = (await (await site.api("GET", path + "/deliveries?state=due")).json())["items"]
    assert log[0]["kind"] == "room.closed"
    assert (await site.api("DELETE", path)).status == 204
    for method, call in (("GET", path), ("DELETE", path), ("POST", path + "/test")):
        assert (await site.api(method, call)).status == 404
    acts = [row["act"] for row in (await (await site.api("GET", "/audit")).json())["items"]]
    assert {"webhook.create", "webhook.rotate", "webhook.replay", "webhook.delete"} <= set(acts)


async def test_a_person_is_told_of_once_verified(alone: Hub) -> None:
    made = await alone.api(
        "POST", "/webhooks", {"url": "https://hooks.example.com/", "kinds": ["person.registered"]}
    )
    id = (await made.json())["id"]
    body = {k: v for k, v in FORM.items() if k not in {"consent", "agree"}}
    body["privacy_version"] = 1
    assert (await alone.api("POST", "/people", body, auth=None)).status == 202
    assert (await alone.services.fair.webhooks.deliveries(id))[0] == ()
    token = (await link_to(alone, body["email"])).rpartition("/")[2]
    await alone.api("POST", "/people:verify", {"token": token}, auth=None)
    (told,), _ = await alone.services.fair.webhooks.deliveries(id)
    assert FORM["name"] in json.loads(told.body)["data"]["person"]["name"]
    assert body["email"] not in told.body and body["password"] not in told.body


async def test_webhooks_by_page(alone: Hub) -> None:
    site = alone
    async with site.browser() as browser:
        csrf = await browser.sign_in(Role.ORGANISER)

        async def post(path: str, **fields: str) -> tuple[int, str]:
            answer = await browser.call("POST", path, auth=None, data={"csrf": csrf, **fields})
            return answer.status, await answer.text()

        status, page = await post("/organise/webhooks", url="http://hooks.example.com/?<i>")
        assert status == 422 and "must begin with https://" in page
        assert "hooks.example.com/?&lt;i&gt;" in page  # what was typed is kept
        status, page = await post(
            "/organise/webhooks", url="https://hooks.example.com/x", kinds="room.left"
        )
        assert status == 303  # reloading what follows adds no second one
        listed = await (await browser.call("GET", "/organise/webhooks", auth=None)).text()
        assert "whsec_" not in listed
        found = re.search(r"/organise/webhooks/(wh_[0-9a-f]+)", listed)
        assert found is not None
        one = found[0]
        page = await (await browser.call("GET", one, auth=None)).text()
        assert re.search(r"whsec_[A-Za-z0-9+/=]+", page)
        page = await (await browser.call("GET", one, auth=None)).text()
        assert "whsec_" not in page  # shown once
        assert (await post(one + "/test"))[0] == 303
        assert (await post(one + "/off"))[0] == 303
        page = await (await browser.call("GET", one, auth=None)).text()
        assert "webhook.test" in page and "An organiser switched it off." in page
        replay = re.search(rf"{one}/deliveries/\d+/replay", page)
        assert replay is not None and (await post(replay[0]))[0] == 303
        status, page = await post(one + "/rotate")
        kept = browser.http.cookie_jar.filter_cookies(URL(site.base + one))["pavilion_flash"].value
        page = await (await browser.call("GET", one, auth=None)).text()
        assert status == 303 and "whsec_" in page
        async with site.browser() as other:  # another organiser's browser does not read it
            await other.sign_in(Role.ORGANISER)
            stolen = {"Cookie": f"pavilion_flash={kept}"}
            answer = await other.call("GET", one, auth=None, headers=stolen)
            assert answer.status == 200 and "whsec_" not in await answer.text()
        assert (await post(one, url="https://hooks.example.com/y"))[0] == 303
        assert (await post(one + "/delete"))[0] == 303
        assert (await browser.call("GET", one, auth=None)).status == 404
