"""Rooms over HTTP: the contract's shape, ETags, closing, and every wrong request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.config import Limits
from hub.ports import Queued, Seated
from rooms.model import Attachment, AttachmentKind, Identity, Role

ROOM_FIELDS = {
    "slug", "title", "kind", "mode", "capacity", "reserved", "stage_capacity", "locked",
    "lock_message", "guests", "waitlist", "chat", "slow_mode_s", "opens_at", "closes_at", "state",
    "live", "held", "offered", "waiting", "stage",
    "lobby", "sides", "relay_only",
}  # fmt: skip


async def seat(site: Any, room: str, person: str, company: str | None = None) -> Any:
    return await site.services.admission.enter(
        room, Identity(id=person, name=person, company=company),
        Attachment(AttachmentKind.SOCKET, f"a-{room}-{person}", site.services.hub_id), wait=True,
    )  # fmt: skip


async def test_a_room_from_creation_to_its_end(site: Any) -> None:
    body = {"slug": "gala", "title": "  Gala  ", "kind": "conference", "capacity": 2}
    made = await site.api("POST", "/rooms", body)
    assert made.status == 201 and made.headers["Location"] == "/api/v1/rooms/gala"
    room = await made.json()
    assert room.keys() == ROOM_FIELDS
    assert room == {
        "slug": "gala", "title": "Gala", "kind": "conference", "mode": None, "capacity": 2,
        "reserved": 0, "stage_capacity": 9, "locked": False, "lock_message": None,
        "guests": False, "waitlist": True, "chat": "on", "slow_mode_s": 0, "opens_at": None,
        "closes_at": None, "state": "open", "live": 0, "held": 0, "offered": 0, "waiting": 0,
        "stage": 0, "lobby": False, "sides": {}, "relay_only": False,
    }  # fmt: skip
    again = await site.api("POST", "/rooms", body)
    assert (again.status, (await again.json())["code"]) == (409, "room_exists")

    for person in ("a", "b", "c"):
        await seat(site, "gala", person)
    seen = await site.api("GET", "/rooms/gala")
    counts = await seen.json()
    assert (counts["live"], counts["waiting"]) == (2, 1)
    # The ETag covers configuration, not occupancy.
    assert seen.headers["ETag"] == made.headers["ETag"]

    # Raising the capacity seats the one who waits, at once.
    raised = await site.api(
        "PATCH", "/rooms/gala", {"capacity": 3}, headers={"If-Match": made.headers["ETag"]}
    )
    assert raised.status == 200 and raised.headers["ETag"] != made.headers["ETag"]
    now = await (await site.api("GET", "/rooms/gala")).json()
    assert (now["capacity"], now["waiting"], now["live"] + now["offered"]) == (3, 0, 3)

    for _ in range(2):  # closing twice is closing
        assert (await site.api("DELETE", "/rooms/gala")).status == 204
    closed = await site.api("GET", "/rooms/gala")
    assert (closed.status, (await closed.json())["state"]) == (200, "closed")
    late = await site.api(
        "PATCH", "/rooms/gala", {"title": "x"}, headers={"If-Match": closed.headers["ETag"]}
    )
    assert (late.status, (await late.json())["code"]) == (409, "room_closed")


async def test_times_decide_the_state(site: Any) -> None:
    async def made(**times: str) -> Any:
        return await (await site.api("GET", f"/rooms/{await site.room(**times)}")).json()

    future = await made(opens_at="2999-01-01T08:00:00+08:00")
    assert (future["state"], future["opens_at"]) == ("scheduled", "2999-01-01T00:00:00.000Z")
    past = await made(opens_at="2001-01-01T00:00:00Z", closes_at="2999-01-01T00:00:00.5Z")
    assert (past["state"], past["closes_at"]) == ("open", "2999-01-01T00:00:00.500Z")


async def test_a_moderator_is_quicker_by_a_moment(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the room and the change of it: theirs holds, nothing of ours does."""
    slug = await site.room()
    path, directory = f"/rooms/{slug}", site.services.directory
    etag = (await site.api("GET", path)).headers["ETag"]
    change = directory.change_room
    boss = Identity(id="boss", name="Boss", role=Role.MODERATOR)

    async def late(*asked: Any) -> Any:
        monkeypatch.setattr(directory, "change_room", change)
        await site.services.admission.capacity(slug, boss, Role.MODERATOR, 77)
        return await change(*asked)

    monkeypatch.setattr(directory, "change_room", late)
    body = {"title": "Ours", "locked": True}
    stale = await site.api("PATCH", path, body, headers={"If-Match": etag})
    assert (stale.status, (await stale.json())["code"]) == (412, "stale")
    now = await (await site.api("GET", path)).json()
    assert (now["capacity"], now["locked"]) == (77, False) and now["title"] != "Ours"


async def test_etags_keep_changes_apart(site: Any) -> None:
    slug = await site.room()
    path = f"/rooms/{slug}"
    etag = (await site.api("GET", path)).headers["ETag"]
    none = await site.api("PATCH", path, {"title": "x"})
    assert (none.status, (await none.json())["code"]) == (428, "precondition_required")
    for wrong in ('"other"', f"W/{etag}", "", etag.strip('"')):
        stale = await site.api("PATCH", path, {"title": "x"}, headers={"If-Match": wrong})
        assert (stale.status, (await stale.json())["code"]) == (412, "stale"), wrong
    same = await site.api("PATCH", path, {}, headers={"If-Match": f'"a", {etag}'})
    assert same.status == 200 and same.headers["ETag"] == etag

    async def change(n: int) -> int:
        answer = await site.api("PATCH", path, {"title": f"T{n}"}, headers={"If-Match": etag})
        return answer.status

    assert sorted(await asyncio.gather(*map(change, range(8)))) == [200] + [412] * 7

    # A moderator changed the capacity in the room: what was read before is stale.
    etag = (await site.api("GET", path)).headers["ETag"]
    boss = Identity(id="boss", name="Boss", role=Role.MODERATOR)
    await site.services.admission.capacity(slug, boss, Role.MODERATOR, 77)
    stale = await site.api("PATCH", path, {"title": "x"}, headers={"If-Match": etag})
    assert stale.status == 412
    # And a change of something else keeps what the moderator set.
    kept = await site.api("PATCH", path, {"title": "New"}, headers={"If-Match": "*"})
    assert ((await kept.json())["capacity"], (await kept.json())["title"]) == (77, "New")


async def test_lists_cover_everything_once(site: Any) -> None:
    slugs = [await site.room(title="Listed 100%", guests=n % 2 == 0) for n in range(7)]
    slugs.append(await site.room(title="Private", kind="negotiation", mode="one_to_one"))
    seen, cursor = [], None
    while True:
        after = f"&cursor={cursor}" if cursor else ""
        page = await (await site.api("GET", f"/rooms?limit=3{after}")).json()
        assert page.keys() == {"items", "next"} and len(page["items"]) <= 3
        assert all(item.keys() == ROOM_FIELDS for item in page["items"])
        seen += [item["slug"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(slugs)
    whole = await (await site.api("GET", "/rooms?kind=&q=&cursor=&limit=")).json()
    assert [item["slug"] for item in whole["items"]] == sorted(slugs)
    named = await (await site.api("GET", "/rooms?kind=conference&q=LISTED+100%25")).json()
    assert [item["slug"] for item in named["items"]] == sorted(slugs[:-1])


GOOD = {"slug": "s", "title": "T", "kind": "conference", "capacity": 5}
MANY = {"kind": "negotiation", "mode": "many_to_many"}

WRONG_ROOMS = [
    ({"slug": None}, "slug", "wrong_type"),
    ({"slug": "UPPER"}, "slug", "bad_format"),
    ({"slug": "a/b"}, "slug", "bad_format"),
    ({"slug": "a\n"}, "slug", "bad_format"),
    ({"slug": "x" * 65}, "slug", "too_long"),
    ({"slug": ""}, "slug", "bad_format"),
    ({"title": ""}, "title", "too_short"),
    ({"title": "   "}, "title", "bad_text"),
    ({"title": "a\u202eb"}, "title", "bad_text"),
    ({"title": "a\x00b"}, "title", "bad_text"),
    ({"title": "t" * 201}, "title", "bad_text"),
    ({"title": "t" * 5000}, "title", "too_long"),
    ({"title": 5}, "title", "wrong_type"),
    ({"kind": "party"}, "kind", "not_allowed"),
    ({"mode": "one_to_one"}, "mode", "not_allowed"),
    ({"mode": "any", "kind": "negotiation"}, "mode", "not_allowed"),
    ({"kind": "negotiation", "guests": True}, "guests", "not_allowed"),
    ({"lobby": True}, "lobby", "not_allowed"),
    ({"relay_only": True}, "relay_only", "not_allowed"),
    ({"sides": {"acme": 1}}, "sides", "not_allowed"),
    ({**MANY, "sides": {"acme": 1}, "mode": None}, "sides", "not_allowed"),
    ({**MANY, "sides": {"acme": 1}, "mode": "one_to_many"}, "sides", "not_allowed"),
    ({**MANY, "sides": {"acme": 1}, "reserved": 1}, "reserved", "not_allowed"),
    ({**MANY, "sides": {"acme": 3, "bolt": 3}}, "sides", "out_of_range"),
    ({**MANY, "sides": {"acme": 900, "bolt": 900}, "capacity": 5000}, "sides", "out_of_range"),
    ({**MANY, "sides": {"acme": 2, "guest": 1}, "mode": "one_to_one"}, "sides", "out_of_range"),
    ({**MANY, "sides": {"acme": 0}}, "sides.acme", "out_of_range"),
    ({**MANY, "sides": {"acme": True}}, "sides.acme", "wrong_type"),
    ({**MANY, "sides": {"A:1,b": 1}}, "sides.A:1,b.[key]", "bad_format"),
    ({**MANY, "sides": {f"s{i}": 1 for i in range(51)}}, "sides", "too_long"),
    ({**MANY, "sides": [1]}, "sides", "wrong_type"),
    ({**MANY, "sides": None}, "sides", "wrong_type"),
    ({**MANY, "lobby": 1}, "lobby", "wrong_type"),
    ({"capacity": 0}, "capacity", "out_of_range"),
    ({"capacity": 100_001}, "capacity", "out_of_range"),
    ({"capacity": "5"}, "capacity", "wrong_type"),
    ({"capacity": 5.5}, "capacity", "wrong_type"),
    ({"capacity": True}, "capacity", "wrong_type"),
    ({"capacity": None}, "capacity", "wrong_type"),
    ({"reserved": 6}, "reserved", "out_of_range"),
    ({"reserved": -1}, "reserved", "out_of_range"),
    ({"stage_capacity": 101}, "stage_capacity", "out_of_range"),
    ({"locked": 1}, "locked", "wrong_type"),
    ({"lock_message": "x\x07"}, "lock_message", "bad_text"),
    ({"chat": "maybe"}, "chat", "not_allowed"),
    ({"slow_mode_s": 3601}, "slow_mode_s", "out_of_range"),
    ({"opens_at": "soon"}, "opens_at", "bad_format"),
    ({"opens_at": "2030-01-01T00:00:00"}, "opens_at", "bad_format"),
    ({"opens_at": 1_900_000_000}, "opens_at", "wrong_type"),
    ({"opens_at": "0001-01-01T00:00:00+14:00"}, "opens_at", "out_of_range"),
    ({"closes_at": "2001-01-01T00:00:00Z"}, "closes_at", "in_the_past"),
    (
        {"opens_at": "2998-01-01T00:00:00Z", "closes_at": "2998-01-01T00:00:00Z"},
        "closes_at",
        "before_opening",
    ),
    ({"state": "open"}, "state", "unknown_field"),
    ({"live": 0}, "live", "unknown_field"),
    ({"__proto__": {}}, "__proto__", "unknown_field"),
]


async def test_a_wrong_field_is_named_and_nothing_is_made(site: Any) -> None:
    for change, field, code in WRONG_ROOMS:
        answer = await site.api("POST", "/rooms", {**GOOD, **change})
        problem = await answer.json()
        assert answer.status == 422, (change, problem)
        assert answer.content_type == "application/problem+json"
        assert problem["code"] == "invalid"
        assert {"field": field, "code": code} in problem["errors"], (change, problem)
    for missing in GOOD:
        answer = await site.api("POST", "/rooms", {k: v for k, v in GOOD.items() if k != missing})
        assert (await answer.json())["errors"] == [{"field": missing, "code": "missing"}]
    assert (await (await site.api("GET", "/rooms")).json())["items"] == []


async def test_a_wrong_patch_changes_nothing(site: Any) -> None:
    slug = await site.room(opens_at="2990-01-01T00:00:00Z", lock_message="Soon")
    path = f"/rooms/{slug}"
    before = await site.api("GET", path)
    wrong = [
        ({"kind": "negotiation"}, "kind", "unknown_field"),
        ({"slug": "other"}, "slug", "unknown_field"),
        ({"title": None}, "title", "wrong_type"),
        ({"capacity": None}, "capacity", "wrong_type"),
        ({"reserved": 6}, "reserved", "out_of_range"),
        ({"capacity": 2, "reserved": 3}, "reserved", "out_of_range"),
        ({"mode": "one_to_one"}, "mode", "not_allowed"),
        ({"closes_at": "2989-01-01T00:00:00Z"}, "closes_at", "before_opening"),
        ({"opens_at": "x"}, "opens_at", "bad_format"),
    ]
    for body, field, code in wrong:
        answer = await site.api("PATCH", path, body, headers={"If-Match": before.headers["ETag"]})
        assert answer.status == 422, body
        assert (await answer.json())["errors"] == [{"field": field, "code": code}], body
    after = await site.api("GET", path)
    assert after.headers["ETag"] == before.headers["ETag"]
    assert await after.json() == await before.json()
    # null clears where null is a value.
    cleared = await site.api(
        "PATCH", path, {"opens_at": None, "lock_message": None}, headers={"If-Match": "*"}
    )
    room = await cleared.json()
    assert (room["opens_at"], room["lock_message"], room["state"]) == (None, None, "open")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_message"),
        (b"\xff\xfe", "application/json", 400, "bad_message"),
        (b'{"title": "\\ud800"}', "application/json", 400, "bad_message"),
        (b"", "application/json", 400, "bad_message"),
        (b"[" * 60_000, "application/json", 400, "bad_message"),
        (b"[]", "application/json", 422, "invalid"),
        (b"null", "application/json", 422, "invalid"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b" " * 70_000, "application/json", 413, "too_large"),
    ],
)
async def test_bodies_that_are_no_json_object(
    site: Any, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = await site.call(
        "POST", "/api/v1/rooms", data=body, headers={"Content-Type": content_type}
    )
    assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_bodies_without_end_are_given_up(start: Any) -> None:
    site = await start(limits=Limits(body_s=0.3))
    host, port = site.base.removeprefix("http://").split(":")
    head = (
        f"POST /api/v1/rooms HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {site.services.organiser_key}\r\n"
        "Content-Type: application/json\r\n"
    )
    for rest, status in (
        ("Content-Length: 100\r\n\r\n{", b"408"),  # the rest never comes
        ("Transfer-Encoding: chunked\r\n\r\n" + f"8000\r\n{' ' * 0x8000}\r\n" * 3, b"413"),
        ("Content-Length: 99999999\r\n\r\n", b"413"),
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write((head + rest).encode())
            line = await asyncio.wait_for(reader.readline(), 5)
            assert line.split()[1] == status, rest[:40]
        finally:
            writer.close()


async def test_unknown_rooms_and_ways(site: Any) -> None:
    for path in ("nobody", "UPPER", "%00", "a%2Fb", "..%2f", "x" * 300, "%ff"):
        answer = await site.api("GET", f"/rooms/{path}")
        assert (answer.status, (await answer.json())["code"]) == (404, "unknown_room"), path
    for method, path, status, code in (
        ("GET", "/nothing", 404, "not_found"),
        ("PUT", "/rooms", 405, "method_not_allowed"),
        ("DELETE", "/rooms", 405, "method_not_allowed"),
        ("GET", "/rooms?cursor=UPPER", 422, "invalid"),
        ("GET", "/rooms?kind=party", 422, "invalid"),
        ("GET", "/rooms?limit=0", 422, "invalid"),
        ("GET", "/rooms?limit=9999999999999999999999", 422, "invalid"),
        ("GET", "/rooms?limit=%C2%B2", 422, "invalid"),
        ("GET", "/rooms?q=%00", 422, "invalid"),
        ("GET", "/rooms?q=" + "a" * 101, 422, "invalid"),
    ):
        answer = await site.api(method, path)
        assert (answer.status, (await answer.json())["code"]) == (status, code), path
        assert answer.content_type == "application/problem+json"
        if status == 405:
            assert "POST" in answer.headers["Allow"]


async def test_a_capacity_lowered_below_the_reserved_stops_no_other_change(site: Any) -> None:
    slug = await site.room(capacity=5, reserved=3)
    boss = Identity(id="boss", name="Boss", role=Role.MODERATOR)
    await site.services.admission.load((await site.services.directory.room(slug)).spec)
    await site.services.admission.capacity(slug, boss, Role.MODERATOR, 2)
    path, any_tag = f"/rooms/{slug}", {"If-Match": "*"}
    answer = await site.api("PATCH", path, {"title": "Other"}, headers=any_tag)
    assert answer.status == 200
    room = await answer.json()
    assert (room["title"], room["capacity"], room["reserved"]) == ("Other", 2, 3)
    answer = await site.api("PATCH", path, {"reserved": 4}, headers=any_tag)
    assert answer.status == 422


async def test_a_seat_survives_a_patch_of_the_title(site: Any) -> None:
    slug = await site.room()
    assert isinstance(await seat(site, slug, "a"), Seated)
    await site.api("PATCH", f"/rooms/{slug}", {"title": "Renamed"}, headers={"If-Match": "*"})
    room = await (await site.api("GET", f"/rooms/{slug}")).json()
    assert (room["title"], room["live"]) == ("Renamed", 1)


async def test_a_negotiation_rooms_lobby_sides_and_relay_are_kept_changed_and_in_force(
    site: Any,
) -> None:
    sides = {"acme": 2, "guest": 1}
    slug = await site.room(
        kind="negotiation", mode="many_to_many", capacity=5, sides=sides, relay_only=True
    )
    path = f"/rooms/{slug}"
    first = await site.api("GET", path)
    room = await first.json()
    assert (room["lobby"], room["sides"], room["relay_only"]) == (False, sides, True)
    assert isinstance(await seat(site, slug, "g"), Seated)
    full = await site.api("PATCH", path, {"capacity": 2}, headers={"If-Match": "*"})
    assert (await full.json())["errors"] == [{"field": "sides", "code": "out_of_range"}]
    # A host's token may open and close the lobby, and nothing of what is the fair's.
    token = site.token(slug, Role.HOST)
    for body, status in (
        ({"relay_only": False}, 403),
        ({"sides": {}}, 403),
        ({"lobby": True}, 200),
    ):
        answer = await site.api(
            "PATCH", path, body, auth=token, headers={"If-Match": first.headers["ETag"]}
        )
        assert answer.status == status, body
    assert (await answer.json())["lobby"] is True
    assert answer.headers["ETag"] != first.headers["ETag"]
    knocks = await seat(site, slug, "acme", company="acme")
    assert isinstance(knocks, Queued) and knocks.lobby
    answer = await site.api("PATCH", path, {"sides": {}}, headers={"If-Match": "*"})
    assert (await answer.json())["sides"] == {}
    listed = (await (await site.api("GET", "/rooms?kind=negotiation")).json())["items"]
    assert [one["lobby"] for one in listed] == [True]


async def test_a_token_may_name_a_side_of_the_room_and_no_other(site: Any) -> None:
    slug = await site.room(
        kind="negotiation", mode="many_to_many", capacity=5, sides={"acme": 2, "guest": 1}
    )
    hall = await site.room()

    async def ask(room: str, *sides: str) -> Any:
        people = [{"id": f"p{i}", "name": "P", "side": side} for i, side in enumerate(sides)]
        one = {"participant": people[0], "role": "participant"}
        many = {"participants": people, "role": "participant"}
        path, body = ("tokens", one) if len(sides) == 1 else ("tokens:batch", many)
        return await site.api("POST", f"/rooms/{room}/{path}", body)

    made = await (await ask(slug, "acme")).json()
    assert site.services.tokens.verify(made["token"]).side == "acme"
    made = await (await ask(slug, "acme", "guest")).json()
    found = [site.services.tokens.verify(one["token"]).side for one in made["tokens"]]
    assert found == ["acme", "guest"]
    for room, sides, field in (
        (slug, ("bolt",), "participant.side"), (hall, ("acme",), "participant.side"),
        (slug, ("acme", "bolt"), "participants.1.side"),
    ):  # fmt: skip
        answer = await ask(room, *sides)
        assert answer.status == 422
        assert (await answer.json())["errors"] == [{"field": field, "code": "not_allowed"}]
