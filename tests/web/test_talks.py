"""Negotiations over HTTP: who may do what, one answer for outsiders, links, files, ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from hub.ports.talks import Belonging
from hub.web.talks import now_ms
from hub.web.talks_ending import Ending
from rooms.errors import Refusal
from rooms.model import Mode, Role
from rooms.times import rfc3339
from tests.web.talking import HOUR, MIN, Fair, Person, code

GONE = (404, "unknown_room")


@dataclass
class Cast:
    fair: Fair
    host: Person
    colleague: Person
    guest: Person
    other: Person
    removed: Person
    organiser: Person
    nobody: Person


@pytest.fixture
async def cast(site: Any) -> AsyncIterator[Cast]:
    """Pearl with two of staff, three visitors, an organiser."""
    async with AsyncExitStack() as stack:
        fair = Fair(site, stack)
        people = [await fair.person(name) for name in ("Hana", "Cai", "Gil", "Ona", "Remi")]
        made = Cast(fair, *people, await fair.organiser(), await fair.nobody())  # type: ignore[arg-type]
        await fair.company("pearl", made.host, made.colleague)
        await fair.company("lotus")
        yield made


async def a_talk(cast: Cast, **fields: Any) -> str:
    """With the host, a guest, and one who was removed."""
    room = await cast.fair.talk("pearl", cast.host, cast.guest, cast.removed, **fields)
    await cast.fair.talks.remove_member(room, cast.removed.id, cast.host.id)
    return room


# --- who may do what ----------------------------------------------------------------------------

WHO = ("nobody", "other", "removed", "guest", "host", "organiser", "key", "guest token",
       "host token", "token elsewhere", "unseated token")  # fmt: skip
#: method, path, body, and the status for each of WHO. ``{o}`` is somebody who may be added, ``{c}``
#: a colleague of the host's, ``{i}`` a fresh invitation, ``{f}`` a fresh file of the guest's.
MATRIX: list[tuple[str, str, Any, tuple[int, ...]]] = [
    ("GET", "", None, (401, 404, 404, 200, 200, 404, 404, 200, 200, 404, 404)),
    ("POST", "/members", {"person": "{o}"},
     (401, 404, 404, 403, 204, 404, 404, 404, 404, 404, 404)),
    ("DELETE", "/members/{o}", None, (401, 404, 404, 403, 204, 404, 404, 404, 404, 404, 404)),
    ("GET", "/colleagues", None, (401, 404, 404, 403, 200, 404, 404, 404, 404, 404, 404)),
    ("POST", "/colleagues", {"person": "{c}"},
     (401, 404, 404, 403, 204, 404, 404, 404, 404, 404, 404)),
    ("GET", "/invites", None, (401, 404, 404, 403, 200, 404, 404, 404, 404, 404, 404)),
    ("POST", "/invites", {}, (401, 404, 404, 403, 201, 404, 404, 404, 404, 404, 404)),
    ("DELETE", "/invites/{i}", None, (401, 404, 404, 403, 204, 404, 404, 404, 404, 404, 404)),
    ("GET", "/files", None, (401, 404, 404, 200, 200, 404, 404, 200, 200, 404, 404)),
    ("POST", "/files?filename=a.txt", b"a",
     (401, 404, 404, 201, 201, 404, 404, 201, 201, 404, 404)),
    ("GET", "/files/{f}", None, (401, 404, 404, 200, 200, 404, 404, 200, 200, 404, 404)),
    ("DELETE", "/files/{f}", None, (401, 404, 404, 204, 204, 404, 404, 403, 204, 404, 404)),
    ("POST", "/extension", {"ends_at": "{later}"},
     (401, 404, 404, 403, 200, 404, 404, 403, 200, 404, 404)),
    ("POST", "/move", {}, (401, 404, 404, 403, 201, 404, 404, 404, 404, 404, 404)),
    ("POST", "/end", {}, (401, 404, 404, 403, 204, 404, 404, 403, 204, 404, 404)),
    ("POST", "/end", {"reason": "complaint", "note": "Loud"},
     (401, 404, 404, 403, 422, 204, 204, 403, 422, 404, 404)),
]  # fmt: skip


async def test_each_call_asks_who_one_is_in_the_talk(cast: Cast) -> None:
    fair, site = cast.fair, cast.fair.site
    elsewhere = await a_talk(cast)
    people = {
        "nobody": cast.nobody, "other": cast.other, "removed": cast.removed, "guest": cast.guest,
        "host": cast.host, "organiser": cast.organiser,
    }  # fmt: skip
    add = await fair.person("Adda")
    for method, path, body, expected in MATRIX:
        got = []
        for who in WHO:
            if who == "nobody" or method != "GET":  # what changes something begins anew
                room = await a_talk(cast)
                if who == "host" and path.startswith("/members/"):
                    await fair.talks.add_member(room, Belonging(add.id, "guest"), cast.host.id)
                if who.endswith("token"):
                    await fair.seat(room, "t1")
                    await fair.seat(room, "t2", Role.HOST)
            elif who == "guest token":
                await fair.seat(room, "t1")
                await fair.seat(room, "t2", Role.HOST)
            invite, _ = await fair.talks.invite(room, cast.host.id, side="guest")
            file = await fair.talks.keep_file(room, "a.txt", b"a", cast.guest.id)
            words = {"{o}": add.id, "{c}": cast.colleague.id, "{i}": invite.id, "{f}": file.id,
                     "{later}": rfc3339(now_ms() + 2 * HOUR)}  # fmt: skip
            where, given = f"/negotiations/{room}{path}", body
            for mark, word in words.items():
                where = where.replace(mark, word)
                if isinstance(given, dict):
                    given = json.loads(json.dumps(given).replace(mark, word))
            more: dict[str, Any] = {}
            if isinstance(given, bytes):
                given, more = None, {"data": given}
            tokens = {
                "guest token": site.token(room, person="t1"),
                "host token": site.token(room, Role.HOST, "t2"),
                "token elsewhere": site.token(elsewhere, Role.HOST, "t2"),
                "unseated token": site.token(room, Role.HOST, "t3"),
            }
            if who in people:
                answer = await people[who].api(method, where, given, **more)
            else:
                auth = {"auth": tokens[who]} if who in tokens else {}
                answer = await site.api(method, where, given, **auth, **more)
            got.append(answer.status)
            if answer.status == 404:
                assert (await code(answer))[1] == "unknown_room", (method, path, who)
            if path == "/extension":
                await fair.talks.end(room, "", "done")  # the members' time is free again
        wrong = [(w, g, e) for w, g, e in zip(WHO, got, expected, strict=True) if g != e]
        assert not wrong, (method, path, wrong)


async def test_an_outsider_cannot_tell_a_talk_from_nothing(cast: Cast) -> None:
    """Byte for byte the same, whatever there is."""
    fair = cast.fair
    room, conference = await a_talk(cast), await fair.site.room()
    ended, private = await a_talk(cast), await fair.site.room(kind="negotiation")
    await fair.talks.end(ended, cast.host.id, "done")
    calls = [(m, p, b) for m, p, b, _ in MATRIX if "{" not in p and b != b"a"]
    for method, path, body in calls:
        for who in (cast.other, cast.removed, cast.organiser):
            if who is cast.organiser and path == "/end" and body:
                continue
            given = {"person": "u_x", "ends_at": rfc3339(now_ms() + HOUR)} if body else body
            seen = set()
            for slug in (room, conference, private, ended, "n-none", "UPPER", "x" * 65, "n%00"):
                answer = await who.api(method, f"/negotiations/{slug}{path}", given)
                seen.add((answer.status, await answer.text(), answer.headers["Content-Type"]))
            assert len(seen) == 1 and next(iter(seen))[0] == 404, (method, path, seen)


# --- opening and reading ------------------------------------------------------------------------


async def test_nobody_who_runs_the_fair_reads_who_meets_whom(cast: Cast) -> None:
    """Numbers, yes (GET /rooms/{room}); names only in rooms that the organiser made."""
    room = await a_talk(cast)
    await cast.fair.seat(room, cast.guest.id)
    made = await cast.fair.site.room(kind="negotiation", mode="many_to_many")
    for ask in (cast.organiser.api, cast.fair.site.api):
        assert (await ask("GET", f"/rooms/{room}")).status == 200
        answer = await ask("GET", f"/rooms/{room}/participants")
        assert await code(answer) == GONE and cast.guest.id not in await answer.text()
        assert (await ask("GET", f"/rooms/{made}/participants")).status == 200


async def test_staff_open_a_talk_and_the_organiser_many(cast: Cast) -> None:
    start = now_ms() + 2 * HOUR
    item = {
        "company": "pearl", "mode": "one_to_many", "subject": "Robots", "capacity": 5,
        "reserved": 1, "agenda": "Prices\nTerms", "starts_at": rfc3339(start),
        "ends_at": rfc3339(start + HOUR), "lobby": True,
        "members": [{"person": cast.guest.id}, {"person": cast.colleague.id, "side": "pearl"}],
    }  # fmt: skip
    made = await cast.host.api("POST", "/negotiations", item)
    assert made.status == 201, await made.text()
    (opened,) = (await made.json())["items"]
    room = opened["room"]
    assert made.headers["Location"] == f"/api/v1/negotiations/{room}"
    seen = await (await cast.guest.api("GET", f"/negotiations/{room}")).json()
    assert (seen["subject"], seen["agenda"], seen["side"], seen["host"], seen["lobby"]) == (
        "Robots", "Prices\nTerms", "guest", False, True,
    )  # fmt: skip
    assert [(m["person"], m["side"], m["role"]) for m in seen["members"]] == sorted(
        [(cast.host.id, "pearl", "host"), (cast.guest.id, "guest", "participant"),
         (cast.colleague.id, "pearl", "host")],
    )  # fmt: skip
    record = await cast.fair.site.services.directory.room(room)
    assert record is not None and record.spec.opens_at == start - 10 * MIN

    # The organiser sees that there is one; what it is about, and who is in it, not even then.
    listed = await (await cast.organiser.api("GET", "/negotiations")).json()
    (row,) = listed["items"]
    assert (row["room"], row["state"], row["company"]) == (room, "scheduled", "pearl")
    assert row["subject"] is row["side"] is None
    assert listed["counts"] == {
        "scheduled": 1, "running": 0, "ended": 0, "by_mode": {"one_to_many": 1},
    }  # fmt: skip
    for path in ("/negotiations", f"/rooms/{room}", "/rooms", "/occupancy"):
        text = await (await cast.organiser.api("GET", path)).text()
        assert "Robots" not in text and cast.guest.id not in text, path
    mine = (await (await cast.guest.api("GET", "/negotiations")).json())["items"]
    assert [(r["room"], r["subject"], r["side"]) for r in mine] == [(room, "Robots", "guest")]
    assert (await (await cast.other.api("GET", "/negotiations")).json())["items"] == []
    assert (await cast.organiser.api("GET", "/negotiations?state=open")).status == 422
    assert (await cast.organiser.api("GET", "/negotiations?cursor=x")).status == 422

    many = [{"mode": "one_to_one", "subject": f"Talk {n}", "company": "pearl",
             "members": [{"person": cast.guest.id}]} for n in range(1_000)]  # fmt: skip
    answer = await cast.organiser.api("POST", "/negotiations", {"items": many})
    assert answer.status == 201
    assert [one["subject"] for one in (await answer.json())["items"]][998:] == [
        "Talk 998",
        "Talk 999",
    ]
    too_many = await cast.organiser.api("POST", "/negotiations", {"items": [*many, many[0]]})
    assert await code(too_many) == (422, "invalid")
    page = await (await cast.organiser.api("GET", "/negotiations?mode=one_to_one&limit=200")).json()
    assert len(page["items"]) == 200 and page["next"]
    rows, _ = await cast.fair.parts.audit.list(limit=10)
    assert [r.act for r in rows] == ["talks.open"] and rows[0].detail["made"] == 1_000


async def test_what_is_not_opened(cast: Cast) -> None:
    good = {"company": "pearl", "mode": "one_to_many", "subject": "Robots", "capacity": 5}
    past = rfc3339(now_ms() - HOUR)
    refused: list[tuple[Person, dict[str, Any], tuple[int, str]]] = [
        (cast.nobody, good, (401, "unauthorised")),
        (cast.other, good, (403, "forbidden")),
        (cast.host, {**good, "company": "lotus"}, (403, "forbidden")),
        (cast.host, {**good, "company": None}, (403, "forbidden")),
        (cast.host, {"items": [good, good]}, (403, "forbidden")),
        (cast.host, {**good, "members": [{"person": cast.guest.id, "side": "pearl"}]},
         (404, "unknown_person")),
        (cast.host, {**good, "members": [{"person": "u_nobody"}]}, (404, "unknown_person")),
        (cast.host, {**good, "starts_at": past}, (422, "in_the_past")),
        (cast.host, {**good, "ends_at": past}, (422, "in_the_past")),
        (cast.host, {**good, "sides": {"pearl": 1}}, (409, "wrong_mode")),
        (cast.host, {**good, "mode": "one_to_one", "members": [
            {"person": cast.guest.id}, {"person": cast.other.id}]}, (409, "wrong_mode")),
        (cast.organiser, {**good, "company": "nobody"}, (404, "unknown_company")),
        (cast.organiser, {**good, "company": None}, (409, "wrong_mode")),
        (cast.organiser, {"items": [good, {**good, "company": "nobody"}]},
         (404, "unknown_company")),
        (cast.organiser, {"items": [good], "mode": "one_to_one"}, (422, "invalid")),
        (cast.organiser, {"items": []}, (422, "invalid")),
        (cast.organiser, {}, (422, "invalid")),
        *((cast.host, {**good, **wrong}, (422, "invalid")) for wrong in (
            {"mode": "any"}, {"subject": ""}, {"subject": "a\u202eb"}, {"capacity": 1},
            {"capacity": 501}, {"capacity": "5"}, {"starts_at": "2027-09-04T10:00:00"},
            {"starts_at": "yesterday"}, {"agenda": "x" * 4_001}, {"sides": {"A B": 1}},
            {"members": [{"person": "a b"}]}, {"unknown": 1},
        )),
    ]  # fmt: skip
    for who, body, expected in refused:
        answer = await who.api("POST", "/negotiations", body)
        assert await code(answer) == expected, (body, await answer.text())
    counts = await cast.fair.talks.counts()
    assert counts.scheduled == counts.running == counts.ended == 0
    token = cast.fair.site.token(await cast.fair.site.room(), Role.ORGANISER)
    answer = await cast.fair.site.api("POST", "/negotiations", good, auth=token)
    assert await code(answer) == (403, "forbidden")


# --- members, links -----------------------------------------------------------------------------


async def told(page: Any, kind: str) -> dict[str, Any]:
    """The next news of this kind."""
    while True:
        for message in await page.receive_json(timeout=10):
            if message["type"] == kind:
                return message  # type: ignore[no-any-return]


async def test_a_colleague_is_brought_in_and_a_guest_sent_away(cast: Cast) -> None:
    fair, room = cast.fair, await a_talk(cast)
    path = f"/negotiations/{room}"
    listed = await (await cast.host.api("GET", f"{path}/colleagues")).json()
    assert [(c["person"], c["member"]) for c in listed["items"]] == [(cast.colleague.id, False)]
    stranger = await cast.host.api("POST", f"{path}/colleagues", {"person": cast.other.id})
    assert await code(stranger) == (404, "unknown_person")
    async with cast.colleague.hub.http.ws_connect(
        fair.site.base + "/news", protocols=["pavilion.news.v1"]
    ) as page:
        ticket = (await (await cast.colleague.api("POST", "/tickets")).json())["ticket"]
        await page.send_json({"type": "hello", "id": 1, "ticket": ticket})
        await told(page, "welcome")
        added = await cast.host.api("POST", f"{path}/colleagues", {"person": cast.colleague.id})
        assert added.status == 204
        news = await told(page, "invited")
        assert (news["room"], news["subject"], news["by"]) == (room, "Robots", "Hana")
    seen = await (await cast.colleague.api("GET", path)).json()
    assert (seen["side"], seen["host"]) == ("pearl", True)

    await fair.seat(room, cast.guest.id)
    gone = await cast.host.api("DELETE", f"{path}/members/{cast.guest.id}")
    assert gone.status == 204
    assert await code(await cast.guest.api("GET", path)) == GONE
    assert await fair.site.services.admission.person(room, cast.guest.id) is None
    with pytest.raises(Refusal, match="unknown_room"):
        await fair.seat(room, cast.guest.id)
    assert (await cast.host.api("DELETE", f"{path}/members/{cast.guest.id}")).status == 204
    never = await cast.host.api("DELETE", f"{path}/members/{cast.other.id}")
    assert await code(never) == (404, "unknown_person")
    # Inviting again lets them back in, in SQL and in the running room.
    back = await cast.host.api("POST", f"{path}/members", {"person": cast.guest.id, "lobby": True})
    assert back.status == 204
    await fair.seat(room, cast.guest.id)
    assert (await cast.guest.api("GET", path)).status == 200
    # Whoever removes them by the room's own call removes them from the talk too.
    out = f"/rooms/{room}/participants/{cast.guest.id}/actions"
    sent = await fair.site.api("POST", out, {"action": "remove"})
    assert sent.status == 200 and await code(await cast.guest.api("GET", path)) == GONE
    assert (await cast.host.api("POST", f"{path}/members", {"person": cast.guest.id})).status == 204
    left = await cast.guest.api("DELETE", f"{path}/members/{cast.guest.id}")  # by oneself
    assert left.status == 204 and await code(await cast.guest.api("GET", path)) == GONE
    side = {"person": cast.other.id, "side": "pearl"}
    assert await code(await cast.host.api("POST", f"{path}/members", side)) == (
        404, "unknown_person",
    )  # fmt: skip

    pair = await fair.talk("pearl", cast.host, cast.guest, mode=Mode.ONE_TO_ONE)
    full = await cast.host.api(
        "POST", f"/negotiations/{pair}/colleagues", {"person": cast.colleague.id}
    )
    assert await code(full) == (409, "wrong_mode")


async def test_whoever_leaves_the_staff_is_out_of_the_company_s_talks(cast: Cast) -> None:
    """By each of the three ways: the seat is free at once, and there is no such room."""
    fair, room, one = cast.fair, await a_talk(cast), cast.colleague
    admission = fair.site.services.admission
    staff = f"/companies/pearl/staff/{one.id}"
    ways = (
        lambda: fair.site.api("DELETE", staff),
        lambda: cast.organiser.post(f"{staff}/remove"),
        lambda: cast.organiser.post(f"/organise{staff}/remove"),
    )
    for way in ways:
        assert await fair.parts.companies.set_staff("pearl", one.id, "staff", None, True)
        added = await cast.host.api(
            "POST", f"/negotiations/{room}/colleagues", {"person": one.id}
        )  # fmt: skip
        assert added.status == 204
        await fair.seat(room, one.id)
        assert await admission.person(room, one.id) is not None
        assert (await way()).status in (204, 303)
        assert await fair.parts.companies.role_of("pearl", one.id) is None
        assert await admission.person(room, one.id) is None
        assert await code(await one.api("GET", f"/negotiations/{room}")) == GONE
        with pytest.raises(Refusal, match="unknown_room"):
            await fair.seat(room, one.id)
    assert (await cast.host.api("GET", f"/negotiations/{room}")).status == 200
    assert (await cast.guest.api("GET", f"/negotiations/{room}")).status == 200


async def test_the_last_use_of_a_link_is_for_one(cast: Cast) -> None:
    fair, room = cast.fair, await a_talk(cast)
    path = f"/negotiations/{room}/invites"
    made = await (await cast.host.api("POST", path, {"lobby": True})).json()
    secret = made["url"].rpartition("/")[2]
    assert made["url"] == f"{fair.site.base}/invitations/{secret}"
    assert secret not in await (await cast.host.api("GET", path)).text()
    racers = [
        cast.other,
        cast.colleague,
        cast.removed,
        *[await fair.person(f"R{n}") for n in "123"],
    ]
    fresh = [one for one in racers if one is not cast.removed]

    async def use(who: Person, secret: str = secret) -> tuple[int, str]:
        return await code(await who.api("POST", "/invitations/accept", {"secret": secret}))

    outcomes = await asyncio.gather(*(use(one) for one in fresh))
    assert sorted(outcomes) == [(200, ""), *[(404, "unknown_invite")] * (len(fresh) - 1)]
    winner = fresh[outcomes.index((200, ""))]
    assert (await fair.talks.access(room, winner.id)).lobby  # type: ignore[union-attr]
    assert await use(winner) == (200, "")  # again, by who is a member
    bodies = set()
    for bad in (secret, secret + "x", "x", secret[:-1], "." * 50):
        answer = await cast.removed.api("POST", "/invitations/accept", {"secret": bad})
        bodies.add((answer.status, await answer.text()))
    assert len(bodies) == 1 and next(iter(bodies))[0] == 404

    made = await (await cast.host.api("POST", path, {"person": cast.removed.id})).json()
    for_them = made["url"].rpartition("/")[2]
    assert await use(cast.other if winner is not cast.other else cast.nobody, for_them) in (
        (404, "unknown_invite"), (401, "unauthorised"),
    )  # fmt: skip
    assert await use(cast.removed, for_them) == (200, "")
    await fair.seat(room, cast.removed.id)

    made = await (await cast.host.api("POST", path, {"uses": 2})).json()
    assert (await cast.host.api("DELETE", f"{path}/{made['id']}")).status == 204
    twice = await cast.host.api("DELETE", f"{path}/{made['id']}")
    assert await code(twice) == (404, "unknown_invite")
    late = await fair.person("Late")
    assert await use(late, made["url"].rpartition("/")[2]) == (404, "unknown_invite")
    for wrong in (
        {"side": "nowhere"},
        {"person": "u_nobody"},
        {"side": "pearl", "person": late.id},
    ):
        assert (await cast.host.api("POST", path, wrong)).status == 404, wrong
    for wrong in ({"uses": 0}, {"uses": 501}, {"ttl_s": 1}, {"ttl_s": 9**9}):
        assert (await cast.host.api("POST", path, wrong)).status == 422, wrong
    key = await fair.site.api("POST", "/invitations/accept", {"secret": secret})
    assert await code(key) == (403, "forbidden")


async def test_an_invitation_s_page_uses_nothing_up_by_being_looked_at(cast: Cast) -> None:
    fair, room = cast.fair, await a_talk(cast)
    _, secret = await fair.talks.invite(room, cast.host.id, side="guest")
    path = f"/invitations/{secret}"
    for _ in range(3):  # what scanners of mail do
        page = await cast.nobody.get(path)
        text = await page.text()
        assert page.status == 200 and "Robots" not in text and f"/login?next={path}" in text
        assert page.headers["Referrer-Policy"] == "no-referrer"
    assert (await cast.nobody.post(path)).status == 303  # to sign in
    page = await cast.other.get(path)
    text = await page.text()
    assert page.status == 200 and "Robots" in text and "Pearl" in text and room not in text
    assert (await cast.other.hub.call("POST", path, auth=None, data={"csrf": "x"})).status == 403
    done = await cast.other.post(path)
    assert (done.status, done.headers["Location"]) == (303, f"/negotiations/{room}")
    assert (await cast.other.get(path)).status == 200  # a member finds the way again
    used, bad = await cast.guest.get(path), await cast.colleague.get(path)
    assert used.status == 200 and bad.status == 404
    late = await cast.colleague.post(path)
    assert (late.status, late.headers["Location"]) == (303, path)
    assert await fair.talks.access(room, cast.colleague.id) is None
    for other in ("/invitations/a.b", f"{path}x", f"/invitations/{'9' * 500}."):
        page = await cast.colleague.get(other)
        assert page.status == 404 and "cannot be used" in await page.text(), other
    # A link to a company's staff is another thing, and still that.
    assert "Ask for a new one" in await (await cast.nobody.get("/invitations/abc")).text()


# --- files --------------------------------------------------------------------------------------


async def test_files_are_for_members_and_always_attachments(cast: Cast) -> None:
    fair, room = cast.fair, await a_talk(cast)
    path = f"/negotiations/{room}/files"
    await fair.seat(room, cast.guest.id)

    async def put(name: str, raw: bytes, who: Person = cast.guest) -> Any:
        return await who.api("POST", path, params={"filename": name}, data=raw)

    html = b"<script>alert(1)</script>"
    for name, raw, expected in (
        ("x.html", html, (415, "bad_file")), ("x.pdf", html, (415, "bad_file")),
        ("x.exe", b"MZ\x00", (415, "bad_file")), ("x.png", b"%PDF-1.4", (415, "bad_file")),
        ("x.txt", b"", (415, "bad_file")), ("x" * 256, b"a", (422, "invalid")),
        ("", b"a", (422, "invalid")), ("x.txt", b"a" * (20 * 1024 * 1024 + 1), (413, "too_large")),
    ):  # fmt: skip
        assert await code(await put(name, raw)) == expected, name
    assert await fair.talks.files(room) == ()
    made = await put('../../报价 "x".txt', html)
    kept = await made.json()
    assert made.status == 201 and kept["filename"] == "报价_x.txt" and kept["mine"]
    answer = await cast.host.api("GET", f"{path}/{kept['id']}")
    assert await answer.read() == html and answer.content_type == "text/plain"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    other_room = await a_talk(cast)
    moved = await cast.host.api("GET", f"/negotiations/{other_room}/files/{kept['id']}")
    assert await code(moved) == (404, "unknown_file")

    assert (await put("second.txt", b"b", cast.host)).status == 201
    second = (await (await cast.guest.api("GET", path)).json())["items"][1]
    assert not second["mine"]
    theirs = await cast.guest.api("DELETE", f"{path}/{second['id']}")
    assert await code(theirs) == (403, "forbidden")
    assert (await cast.host.api("DELETE", f"{path}/{kept['id']}")).status == 204
    for method in ("GET", "DELETE"):
        gone = await cast.host.api(method, f"{path}/{kept['id']}")
        assert await code(gone) == (404, "unknown_file")
    kinds = [(kind, json.loads(body)) for kind, body in await fair.events(room)]
    told = {"id": kept["id"], "filename": kept["filename"], "content_type": "text/plain",
            "size": len(html)}  # fmt: skip
    assert [kind for kind, _ in kinds] == ["file", "file", "file_removed"]
    assert kinds[0][1] == told and kinds[2][1] == {"id": kept["id"]}
    # When it is over members still read for a while, and put nothing in.
    await cast.host.api("POST", f"/negotiations/{room}/end", {})
    assert (await cast.guest.api("GET", path)).status == 200
    assert await code(await put("late.txt", b"a")) == GONE


# --- how it goes on, and ends -------------------------------------------------------------------


async def test_a_talk_is_extended_moved_and_ended(cast: Cast) -> None:
    fair, room = cast.fair, await a_talk(cast)
    path = f"/negotiations/{room}"
    await fair.seat(room, cast.guest.id)
    later = rfc3339(now_ms() + 2 * HOUR)
    extended = await cast.host.api("POST", f"{path}/extension", {"ends_at": later})
    assert (await extended.json()) == {"room": room, "ends_at": later}
    busy = await fair.talk("pearl", cast.host, starts_ms=now_ms(), ends_ms=now_ms() + HOUR)
    taken = await cast.host.api("POST", f"/negotiations/{busy}/extension", {"ends_at": later})
    assert await code(taken) == (409, "slot_taken")
    for ends, expected in (
        (now_ms() - HOUR, (422, "in_the_past")), (now_ms() + 24 * HOUR, (422, "too_long")),
    ):  # fmt: skip
        answer = await cast.host.api("POST", f"{path}/extension", {"ends_at": rfc3339(ends)})
        assert await code(answer) == expected

    moves = await asyncio.gather(
        *(cast.host.api("POST", f"{path}/move", {"subject": "Contract"}) for _ in range(3))
    )
    assert {answer.status for answer in moves} == {201}
    targets = {(await answer.json())["room"] for answer in moves}
    assert len(targets) == 1 and room not in targets
    target = targets.pop()
    seen = await (await cast.guest.api("GET", f"/negotiations/{target}")).json()
    assert (seen["subject"], seen["origin"], seen["ends_at"]) == ("Contract", "moved", later)
    assert {m["person"] for m in seen["members"]} == {cast.host.id, cast.guest.id}
    wrong = await cast.host.api("POST", f"/negotiations/{target}/move", {"mode": "one_to_one"})
    assert wrong.status == 201  # two people fit
    assert await code(await cast.removed.api("GET", f"/negotiations/{target}")) == GONE

    ended = await cast.host.api("POST", f"{path}/end", {})
    assert ended.status == 204
    assert await code(await cast.host.api("POST", f"{path}/end", {})) == GONE
    with pytest.raises(Refusal, match="room_closed"):
        await fair.seat(room, cast.host.id)
    kinds = [(kind, json.loads(body)) for kind, body in await fair.events(room)]
    assert kinds[0] == ("timer", {"ends_at": later})
    assert kinds[1:4] == [("moved", {"room": target})] * 3
    over = await (await cast.guest.api("GET", path)).json()
    assert over["ended_why"] == "done" and over["ended_at"]


async def test_the_organiser_ends_a_talk_on_the_record(cast: Cast) -> None:
    fair, room = cast.fair, await a_talk(cast)
    await fair.seat(room, cast.guest.id)
    path = f"/negotiations/{room}/end"
    for body, expected in (
        ({"reason": "complaint"}, (422, "invalid")), ({"reason": "time"}, (422, "invalid")),
        ({}, GONE),
    ):  # fmt: skip
        assert await code(await cast.organiser.api("POST", path, body)) == expected
    assert (await fair.talks.counts()).running == 1
    note = {"reason": "complaint", "note": "Fraud was reported"}
    assert (await cast.organiser.api("POST", path, note)).status == 204
    assert await code(await cast.organiser.api("POST", path, note)) == (409, "talk_over")
    talk = await fair.talks.get(room)
    assert talk is not None and talk.ended_why == "complaint"
    rows, _ = await fair.parts.audit.list(limit=10)
    assert [(r.act, r.target, r.detail) for r in rows] == [
        ("talk.end", f"room:{room}", {"note": "Fraud was reported"})
    ]
    with pytest.raises(Refusal, match="room_closed"):
        await fair.seat(room, cast.guest.id)


async def test_talks_end_when_their_time_is_over(cast: Cast) -> None:
    """At once when nobody is inside; five minutes later when somebody is."""
    fair, now = cast.fair, now_ms()
    services = fair.site.services

    hour_ago = {"starts_ms": now - HOUR, "ends_ms": now + HOUR}
    busy, late, empty = [await fair.talk("pearl", cast.host, **hour_ago) for _ in range(3)]
    going = await fair.talk("pearl", cast.host)
    socket = await fair.seat(busy, cast.host.id)
    await fair.seat(late, cast.host.id)
    for room, ago in ((busy, MIN), (late, 6 * MIN), (empty, MIN)):
        await fair.set_end(room, now - ago)
    ending = Ending(services)
    await ending.run()
    ends = [await fair.talks.get(room) for room in (busy, late, empty, going)]
    assert [one.ended_why if one else "" for one in ends] == [None, "time", "time", None]
    with pytest.raises(Refusal, match="room_closed"):
        await fair.seat(late, cast.host.id)
    assert await services.admission.leave(busy, cast.host.id, socket)
    await ending.run()
    talk = await fair.talks.get(busy)
    assert talk is not None and talk.ended_why == "time"
