"""Tokens, participants, actions, occupancy."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Any

import pytest

from rooms.model import Attachment, AttachmentKind, Identity, Role


async def seat(site: Any, room: str, person: str, role: Role = Role.PARTICIPANT) -> Any:
    return await site.services.admission.enter(
        room, Identity(id=person, name=person.upper(), role=role, company="Co"),
        Attachment(AttachmentKind.SOCKET, f"a-{room}-{person}", site.services.hub_id), wait=True,
    )  # fmt: skip


async def people(site: Any, room: str, query: str = "") -> dict[str, str]:
    page = await (await site.api("GET", f"/rooms/{room}/participants{query}")).json()
    return {item["id"]: item["state"] for item in page["items"]}


async def test_tokens_carry_what_was_asked(site: Any) -> None:
    room = await site.room()
    body = {
        "participant": {"id": "vip:1", "name": " 李雷 ", "company": "Lei"}, "role": "speaker",
        "reserved": True, "ttl_s": 60,
    }  # fmt: skip
    answer = await site.api("POST", f"/rooms/{room}/tokens", body)
    given = await answer.json()
    assert answer.status == 201 and given.keys() == {"token", "expires_at"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert site.services.tokens.verify(given["token"]) == Identity(
        id="vip:1", name="李雷", role=Role.SPEAKER, company="Lei", room=room, reserved=True
    )
    left = datetime.fromisoformat(given["expires_at"]).timestamp() - datetime.now().timestamp()
    assert 50 < left <= 60

    many = {"participants": [{"id": f"p{n}", "name": f"P {n}"} for n in range(1000)],
            "role": "participant"}  # fmt: skip
    batch = await site.api("POST", f"/rooms/{room}/tokens:batch", many)
    tokens = (await batch.json())["tokens"]
    assert batch.status == 201 and [t["id"] for t in tokens] == [f"p{n}" for n in range(1000)]
    assert site.services.tokens.verify(tokens[-1]["token"]).id == "p999"


WRONG_TOKENS = [
    ({"participant": {"id": "u_1", "name": "A"}}, "participant.id", "reserved_id"),
    ({"participant": {"id": "g_1", "name": "A"}}, "participant.id", "reserved_id"),
    ({"participant": {"id": "a b", "name": "A"}}, "participant.id", "bad_format"),
    ({"participant": {"id": "x" * 65, "name": "A"}}, "participant.id", "too_long"),
    ({"participant": {"id": "a", "name": "\u200b"}}, "participant.name", "bad_text"),
    ({"participant": {"id": "a", "name": "x" * 65}}, "participant.name", "bad_text"),
    ({"participant": {"id": "a", "name": "A", "company": ""}}, "participant.company", "too_short"),
    ({"participant": {"id": "a"}}, "participant.name", "missing"),
    ({"participant": "a"}, "participant", "wrong_type"),
    ({"role": "king"}, "role", "not_allowed"),
    ({"role": 5}, "role", "not_allowed"),
    ({"reserved": "yes"}, "reserved", "wrong_type"),
    ({"ttl_s": 0}, "ttl_s", "out_of_range"),
    ({"ttl_s": 3601}, "ttl_s", "out_of_range"),
    ({"room": "else"}, "room", "unknown_field"),
]


async def test_wrong_token_requests(site: Any) -> None:
    room = await site.room()
    good = {"participant": {"id": "a", "name": "A"}, "role": "participant"}
    for change, field, code in WRONG_TOKENS:
        answer = await site.api("POST", f"/rooms/{room}/tokens", {**good, **change})
        errors = (await answer.json()).get("errors", [])
        assert answer.status == 422, change
        assert any(e["field"].startswith(field) and e["code"] == code for e in errors), (
            change,
            errors,
        )
    person = {"id": "a", "name": "A"}
    for participants, field, code in (
        ([], "participants", "too_short"),
        ([person] * 1001, "participants", "too_long"),
        ([person, {"id": "u_x", "name": "A"}], "participants.1.id", "reserved_id"),
    ):
        body = {"participants": participants, "role": "participant"}
        answer = await site.api("POST", f"/rooms/{room}/tokens:batch", body)
        assert (await answer.json())["errors"] == [{"field": field, "code": code}]
    unknown = await site.api("POST", "/rooms/nobody/tokens", good)
    assert (unknown.status, (await unknown.json())["code"]) == (404, "unknown_room")


async def test_participants_by_state_and_page(site: Any) -> None:
    room = await site.room(capacity=5)
    for n in range(8):
        await seat(site, room, f"p{n}")
    await site.services.admission.drop(room, "p0", AttachmentKind.SOCKET, f"a-{room}-p0", 0)
    states = await people(site, room)
    assert states == {
        "p0": "held", **{f"p{n}": "live" for n in range(1, 5)},
        **{f"p{n}": "waiting" for n in range(5, 8)},
    }  # fmt: skip
    assert await people(site, room, "?state=held") == {"p0": "held"}
    page = await (await site.api("GET", f"/rooms/{room}/participants?state=waiting")).json()
    assert [(p["id"], p["position"]) for p in page["items"]] == [("p5", 1), ("p6", 2), ("p7", 3)]
    assert page["items"][0] == {
        "id": "p5", "name": "P5", "role": "participant", "company": "Co", "state": "waiting",
        "stage": False, "hand": None, "position": 1,
    }  # fmt: skip
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        after = f"&cursor={cursor}" if cursor else ""
        page = await (await site.api("GET", f"/rooms/{room}/participants?limit=3{after}")).json()
        seen += [p["id"] for p in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == [f"p{n}" for n in range(8)]
    for query in ("state=dead", "limit=201", "limit=-1", "cursor=%00", "cursor=" + "x" * 201):
        answer = await site.api("GET", f"/rooms/{room}/participants?{query}")
        assert (answer.status, (await answer.json())["code"]) == (422, "invalid"), query


async def test_moderators_act_on_people(site: Any) -> None:
    room = await site.room(capacity=5, stage_capacity=1)
    for person in ("a", "b", "c"):
        await seat(site, room, person)
    token = site.token(room, Role.MODERATOR, "boss")

    async def act(person: str, **body: Any) -> tuple[int, Any]:
        path = f"/rooms/{room}/participants/{person}/actions"
        answer = await site.api("POST", path, body, auth=token)
        return answer.status, await answer.json()

    status, answer = await act("a", action="stage")
    assert status == 200 and answer == {"ok": True, "seq": 1}
    status, problem = await act("b", action="stage")
    assert (status, problem["code"]) == (409, "stage_full")
    assert (await act("a", action="mute", source="camera"))[0] == 200
    assert (await act("a", action="unstage"))[0] == 200
    assert (await act("b", action="stage"))[0] == 200
    assert (await act("c", action="remove", reason="noise"))[0] == 200
    assert (await act("c", action="remove"))[1]["code"] == "not_in_room"
    assert (await act("b", action="ban", seconds=60))[0] == 200
    assert await people(site, room) == {"a": "live"}
    with pytest.raises(Exception, match="banned"):
        await seat(site, room, "b")
    assert (await act("b", action="unban"))[0] == 200
    await seat(site, room, "b")

    for person, body, status, code in (
        ("nobody", {"action": "remove"}, 404, "not_in_room"),
        ("%00", {"action": "remove"}, 404, "not_in_room"),
        ("a", {"action": "ban"}, 422, "invalid"),
        ("a", {"action": "ban", "seconds": 0}, 422, "invalid"),
        ("a", {"action": "mute"}, 422, "invalid"),
        ("a", {"action": "mute", "source": "smell"}, 422, "invalid"),
        ("a", {"action": "close"}, 422, "invalid"),
        ("a", {"action": "remove", "by": "x"}, 422, "invalid"),
        ("a", {}, 422, "invalid"),
    ):
        got, problem = await act(person, **body)
        assert (got, problem["code"]) == (status, code), (person, body)
    assert await people(site, room) == {"a": "live", "b": "live"}


async def test_occupancy_follows_within_two_seconds(site: Any) -> None:
    room = await site.room(capacity=2)
    for person in ("a", "b", "c"):
        await seat(site, room, person)
    async with asyncio.timeout(5):
        while True:
            board = await (await site.api("GET", "/occupancy")).json()
            row = next((row for row in board["rooms"] if row["room"] == room), None)
            if row is not None and (row["live"], row["waiting"]) == (2, 1):
                break
            await asyncio.sleep(0.1)
    text = await (await site.call("GET", "/metrics", auth=None)).text()
    seats = re.findall(r'^pavilion_fair_seats{state="(\w+)",.*} ([0-9.]+)$', text, re.M)
    assert dict(seats).keys() == {"live", "held", "offered", "waiting"}
    assert float(dict(seats)["live"]) >= 2 and float(dict(seats)["waiting"]) >= 1
    assert board.keys() == {"at", "totals", "rooms"}
    assert board["totals"]["rooms"] == len(board["rooms"])
    assert board["totals"]["live"] == sum(row["live"] for row in board["rooms"])
    assert row["capacity"] == 2 and row["state"] == "open"
