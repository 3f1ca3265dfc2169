"""Whole journeys: each on one hub worker and across two."""

from __future__ import annotations

import base64
import hmac
import time
from pathlib import Path

from rooms.model import Identity, Role
from tests.live.driver import Hub, make_config, serving, until

Pair = tuple[Hub, Hub]


async def test_enter_say_roster_leave(pair: Pair) -> None:
    one, other = pair
    room = await one.room(capacity=5)
    (ada,) = await one.inside(room, "ada")
    snapshot = ada.entered["snapshot"]
    assert snapshot["room"]["live"] == 1 and snapshot["room"]["capacity"] == 5
    assert [p["id"] for p in snapshot["roster"]["items"]] == ["ada"]
    (bob,) = await other.inside(room, "bob")
    added = await ada.expect("roster", total=2)
    assert "bob" in [person["id"] for person in added["add"]]

    seq = await bob.say("hello  é")
    for client in (ada, bob):
        event = await client.expect("event", kind="chat")
        assert (event["seq"], event["by"], event["epoch"]) == (seq, "bob", ada.entered["epoch"])
        assert event["body"] == {"text": "hello  é", "name": "Bob"}
    page = await ada.ask("roster", limit=1)
    assert page["total"] == 2 and len(page["items"]) == 1 and page["next"]
    rest = await ada.ask("roster", limit=1, after=page["next"])
    assert {page["items"][0]["id"], rest["items"][0]["id"]} == {"ada", "bob"}

    assert (await bob.ask("leave"))["type"] == "left"
    gone = await ada.expect("roster", remove=["bob"])
    assert gone["total"] == 1
    assert (await bob.ask("say", text="still here?"))["code"] == "not_in_room"
    assert (await bob.enter())["type"] == "entered"


async def test_resume_after_a_cut_brings_each_missed_event_once(pair: Pair) -> None:
    one, other = pair
    room = await one.room()
    ada, bob = await one.inside(room, "ada", "bob")
    first = await bob.say("one")
    assert (await ada.expect("event"))["seq"] == first
    ada.cut()
    missed = [await bob.say(text) for text in ("two", "three")]
    back = await ada.resume(to=other, seq=first)
    events = await back.events(2)
    assert [event["seq"] for event in events] == missed
    assert (await back.expect("resumed"))["seq"] == missed[-1]
    assert (await back.expect("room"))["live"] == 2
    assert (await back.expect("roster"))["fresh"] is True
    after = await bob.say("four")
    event = await back.expect("event")
    assert event["seq"] == after and not back.kept("event")
    assert back.welcome["session"] == ada.welcome["session"]
    assert back.welcome["resume"] != ada.welcome["resume"]


async def test_resume_on_a_gap_brings_a_fresh_snapshot(pair: Pair) -> None:
    one, other = pair
    room = await one.room()
    ada, bob = await one.inside(room, "ada", "bob")
    await bob.say("before")
    ada.cut()
    back = await ada.resume(to=other, epoch="another-epoch")
    entered = await back.expect("entered")
    assert "re" not in entered and entered["seq"] == 1
    assert [event["body"]["text"] for event in entered["snapshot"]["chat"]] == ["before"]
    seq = await bob.say("after")
    assert (await back.expect("event"))["seq"] == seq


async def test_a_second_tab_takes_the_seat_over(pair: Pair) -> None:
    one, other = pair
    room = await one.room(capacity=1)
    (old,) = await one.inside(room, "ada")
    (new,) = await other.inside(room, "ada")
    code, bye = await old.closed()
    assert code == 4502 and bye is not None
    assert bye["code"] == "replaced" and bye["reconnect"] is False
    assert new.entered["seat"]["gen"] > old.entered["seat"]["gen"]
    await until(lambda: len(one.live.connections) + len(other.live.connections) <= 2)
    # The older socket's end has been told to Redis by now or never; the seat is the new one's.
    assert (await new.say("still here")) == 1
    view = await one.services.admission.view(room)
    assert (view.counts.live, view.counts.held) == (1, 0)


async def test_remove_ban_lock_close(pair: Pair) -> None:
    one, other = pair
    room = await one.room()
    (host,) = await one.inside(room, "host", role="moderator")
    bob, cyd = await other.inside(room, "bob", "cyd")
    await host.ask("moderate", action="remove", participant="bob", reason="enough")
    assert (await bob.closed())[0] == 4503
    removed = await cyd.expect("event", kind="removed")
    assert removed["body"]["participant"] == "bob" and removed["body"]["reason"] == "enough"
    await host.ask("moderate", action="ban", participant="cyd", seconds=60)
    assert (await cyd.closed())[0] == 4504
    again = other.client("cyd", room)
    await again.hello()
    banned = await again.enter()
    assert banned["code"] == "banned" and banned["until"].endswith("Z")

    await host.ask("moderate", action="lock", message="back at noon")
    dan = other.client("dan", room)
    await dan.hello()
    locked = await dan.enter()
    assert (locked["code"], locked["message"]) == ("room_locked", "back at noon")
    await host.ask("moderate", action="unlock")
    assert (await dan.enter())["type"] == "entered"

    assert (await host.ask("moderate", action="close"))["type"] == "ok"
    for client in (dan, host):
        code, bye = await client.closed()
        assert code == 4505 and bye is not None and bye["code"] == "room_closed"
        assert [event["kind"] for event in client.kept("event")][-1] == "closed"
    late = one.client("eve", room)
    await late.hello()
    assert (await late.enter())["code"] == "room_closed"


async def test_hands_stage_reactions_unsay(pair: Pair) -> None:
    one, other = pair
    room = await one.room()
    (host,) = await one.inside(room, "host", role="host")
    assert [member["id"] for member in host.entered["snapshot"]["room"]["stage"]] == ["host"]
    bob, cyd = await other.inside(room, "bob", "cyd")
    for client in (cyd, bob):
        assert (await client.ask("hand", up=True))["type"] == "ok"
    await host.expect("room", hands=["cyd", "bob"])
    await host.ask("moderate", action="stage", participant="cyd")
    staged = await bob.expect("event", kind="stage")
    assert staged["body"] == {"participant": "cyd", "on": True}

    emoji = host.entered["snapshot"]["reactions"][0]
    for client in (bob, cyd, host):
        await client.send("react", room=room, emoji=emoji, id=None)
    counted = 0
    while counted < 3:
        counted += (await bob.expect("reactions"))["counts"][emoji]
    assert counted == 3

    seq = await bob.say("oops")
    assert (await cyd.ask("unsay", seq=seq))["code"] == "forbidden"
    gone = await bob.ask("unsay", seq=seq)
    event = await cyd.expect("event", kind="unsay")
    assert (event["seq"], event["body"]["seq"]) == (gone["seq"], seq)
    await host.ask("moderate", action="chat", mode="off")
    await bob.expect("event", kind="chat_mode")
    assert (await bob.ask("say", text="psst"))["code"] == "forbidden"


async def test_one_ticket_opens_several_rooms(pair: Pair) -> None:
    one, other = pair
    rooms = [await one.room(), await one.room()]
    who = Identity(id="mod", name="Mod", role=Role.MODERATOR)
    ticket, _ = await one.services.vault.issue_ticket(who)
    desk = other.client("mod")
    welcome = await desk.hello(ticket=ticket)
    assert welcome["participant"]["role"] == "moderator"
    for room in rooms:
        assert (await desk.enter(room))["type"] == "entered"
    (bob,) = await one.inside(rooms[1], "bob")
    seq = await bob.say("hello")
    event = await desk.expect("event")
    assert (event["room"], event["seq"]) == (rooms[1], seq)
    # Closing one room leaves the socket and the other room alone.
    await desk.ask("moderate", room=rooms[1], action="close")
    assert (await desk.expect("error", room=rooms[1]))["code"] == "room_closed"
    assert (await desk.ask("say", room=rooms[0], text="here"))["type"] == "ok"
    again = one.client("mod")
    await again.connect()
    number = await again.send("hello", ticket=ticket)
    assert (await again.expect("error", re=number))["code"] == "unauthorised"
    assert (await again.closed())[0] == 4501


async def test_guests_only_where_a_room_allows_them(hub: Hub) -> None:
    private, public = await hub.room(), await hub.room(guests=True)
    guest = Identity(id="g_1", name="Visitor")
    ticket, _ = await hub.services.vault.issue_ticket(guest)
    client = hub.client("g_1")
    await client.hello(ticket=ticket)
    for slug in (private, "no-such-room"):
        refused = await client.enter(slug)
        assert (refused["type"], refused["code"]) == ("refused", "forbidden")
    assert (await client.enter(public))["type"] == "entered"


async def test_a_room_token_opens_its_own_room_only(hub: Hub) -> None:
    own, other = await hub.room(), await hub.room()
    client = hub.client("mod", own, "moderator")
    await client.hello()
    for slug in (other, "no-such-room"):
        assert (await client.enter(slug))["code"] == "forbidden"
        assert (await client.ask("moderate", room=slug, action="lock"))["code"] == "forbidden"
        # What needs a seat rather than a right: the contract's word for it is another.
        for act, fields in (("roster", {}), ("say", {"text": "hi"}), ("leave", {})):
            assert (await client.ask(act, room=slug, **fields))["code"] == "not_in_room"
    view = await hub.services.admission.view(await _loaded(hub, other))
    assert not view.spec.locked


async def _loaded(hub: Hub, room: str) -> str:
    record = await hub.services.directory.room(room)
    assert record is not None
    await hub.services.admission.load(record.spec)
    return room


async def test_moderating_needs_the_role_and_no_seat(hub: Hub) -> None:
    room = await hub.room()
    plain = hub.client("bob", room)
    await plain.hello()
    assert (await plain.ask("moderate", action="lock"))["code"] == "forbidden"
    assert (await plain.ask("roster"))["code"] == "not_in_room"
    host = hub.client("host", room, "host")
    await host.hello()
    # A host leads the talk; the size of the room is the fair's to decide.
    assert (await host.ask("moderate", action="capacity", capacity=5))["code"] == "forbidden"
    assert (await host.ask("moderate", action="lock"))["type"] == "ok"
    assert (await host.ask("roster"))["total"] == 0
    assert (await host.ask("say", text="hi"))["code"] == "not_in_room"


async def test_each_room_of_a_resume_gets_one_ending(hub: Hub) -> None:
    kept, closed, lost = [await hub.room() for _ in range(3)]
    who = Identity(id="mod", name="Mod", role=Role.MODERATOR)
    desk = hub.client("mod")
    await desk.hello(ticket=(await hub.services.vault.issue_ticket(who))[0])
    points = []
    for room in (kept, closed, lost):
        entered = await desk.enter(room)
        points.append({"room": room, "epoch": entered["epoch"], "seq": entered["seq"]})
    await desk.ask("leave", room=lost)
    desk.cut()
    await until(lambda: not hub.live.connections)
    await hub.services.admission.close(closed, who, Role.MODERATOR)
    back = hub.client("mod")
    points.append({"room": "no-such-room", "epoch": "e", "seq": 0})
    await back.hello(resume=desk.welcome["resume"], rooms=[*points, points[0]])
    assert (await back.expect("resumed"))["room"] == kept
    codes = {}
    for _ in range(3):
        refused = await back.expect("refused")
        codes[refused["room"]] = refused["code"]
    assert codes == {closed: "room_closed", lost: "seat_expired", "no-such-room": "unknown_room"}
    assert (await back.ask("hand", room=kept, up=True))["type"] == "ok"
    assert not back.kept("resumed", "refused", "entered")


async def test_ice_comes_after_entered_with_short_lived_credentials(
    valkey_url: str, tmp_path: Path
) -> None:
    turn = {"urls": ["turn:turn.example.org:3478"], "secret": "s3cret", "ttl_s": 60}
    config = await make_config(valkey_url, tmp_path, turn=turn, heartbeat_ms=500)
    async with serving(config, "hub-a") as hub:
        (ada,) = await hub.inside(await hub.room(), "ada")
        (server,) = (await ada.expect("ice"))["servers"]
        assert server["urls"] == turn["urls"]
        until_s, person = server["username"].split(":")
        assert person == "ada" and 0 < int(until_s) - time.time() <= 60
        digest = hmac.digest(b"s3cret", server["username"].encode(), "sha1")
        assert server["credential"] == base64.b64encode(digest).decode()
        (conn,) = hub.live.connections.values()
        conn.ice_until = hub.live.now() + 20  # soon over: renewed before it is
        renewed = await ada.expect("ice")
        assert int(renewed["servers"][0]["username"].split(":")[0]) >= int(until_s)
