"""Who may come into a talk, who is sent out of it, and what the hub asks for that."""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from pathlib import Path
from typing import Any

import pytest

from hub.live import talking
from hub.live.media import Sessions
from hub.ports.talks import Belonging
from rooms.errors import Code, Refusal
from rooms.model import AttachmentKind, Identity, Kind, Mode, Role
from tests.live.driver import Client, Hub, make_config, serving, until
from tests.live.test_talks import by_ticket, come, rig_of, talk


def count(monkeypatch: pytest.MonkeyPatch, asked: list[str], *calls: tuple[Any, str]) -> None:
    """Write down which of these were called."""
    for part, name in calls:
        real = getattr(part, name)

        async def counted(*args: Any, _real: Any = real, _name: str = name, **more: Any) -> Any:
            asked.append(_name)
            return await _real(*args, **more)

        monkeypatch.setattr(part, name, counted)


async def test_conferences_cost_no_question_more(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known to be one for a while, whoever asks; and nothing that only talks have is asked."""
    room = await hub.room()
    services, asked = hub.services, list[str]()
    count(
        monkeypatch, asked, (services.directory, "room"), (services.fair.talks, "access"),
        (services.admission, "channel_tails"), (services.admission, "knocking"),
    )  # fmt: skip
    first = await by_ticket(hub, room, "u_a")
    assert (await first.enter())["type"] == "entered"
    assert set(asked) == {"room"}  # loading it asks once more
    asked.clear()
    second = await by_ticket(hub, room, "mod", Role.MODERATOR)
    await second.enter()
    await second.ask("moderate", action="lock")
    await first.quit()
    back = hub.client("u_a", room)
    point = {"room": room, "epoch": first.entered["epoch"], "seq": 0, "channels": {}}
    await back.hello(resume=first.welcome["resume"], rooms=[point])
    await back.expect("resumed")
    assert asked == []
    # Bounded, and not for ever.
    hub.live.roles._conferences[room] -= 1000
    await second.enter()
    assert asked == ["room"]


async def test_what_is_known_of_conferences_is_bounded(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.live.roles.KNOWN_MAX", 2)
    client = await by_ticket(hub, "", "u_a")
    for _ in range(3):
        await client.enter(await hub.room())
    assert len(hub.live.roles._conferences) == 2


async def test_guests_are_outsiders_by_the_same_questions(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await rig_of(hub)
    room = await rig.talk()
    member = await by_ticket(hub, room, "u_v1")
    await member.enter()  # Redis has the room
    services, asked = hub.services, list[str]()
    count(
        monkeypatch, asked, (services.directory, "room"), (services.fair.talks, "access"),
        (services.admission, "view"),
    )  # fmt: skip
    guest = await by_ticket(hub, room, "g_1")
    told = []
    for slug in (room, "no-such-room"):
        asked.clear()
        answer = await guest.enter(slug)
        told.append(({**answer, "re": 0, "room": ""}, list(asked)))
    assert told[0] == told[1] and told[0][0]["code"] == "forbidden"
    assert told[0][1] == ["room", "access"]
    await rig.engine.dispose()


@pytest.mark.parametrize("action", ["remove", "deny", "unknown"])
async def test_coming_back_after_being_sent_away_is_no_different_from_no_room(
    two: tuple[Hub, Hub], action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resume and enter, on the other hub, of a member no longer one."""
    one, other = two
    rig = await rig_of(one)
    room = await rig.talk(mode=Mode.MANY_TO_MANY, sides={}, capacity=4, lobby=action == "deny")
    host, guest = await by_ticket(one, room, "u_pearl1"), await by_ticket(one, room, "u_v1")
    await host.enter()
    await guest.enter()
    if action == "unknown":
        assert await one.services.fair.talks.remove_member(room, "u_v1", "u_pearl1")
        await guest.quit()
    else:
        answer = await host.ask("moderate", action=action, participant="u_v1")
        assert answer["type"] == "ok"
        assert (await guest.closed())[0] == 4503
    services, asked = other.services, list[str]()
    count(
        monkeypatch, asked, (services.directory, "room"), (services.fair.talks, "access"),
        (services.admission, "resume"), (services.admission, "enter"),
    )  # fmt: skip
    back = other.client("u_v1", room)
    points = [{"room": slug, "epoch": "e", "seq": 0} for slug in (room, "no-such-room")]
    await back.hello(resume=guest.welcome["resume"], rooms=points)
    answers = [await back.expect("refused") for _ in points]
    assert [one["code"] for one in answers] == ["unknown_room"] * 2
    assert {**answers[0], "room": ""} == {**answers[1], "room": ""}
    assert asked == ["room", "access"] * 2
    await rig.engine.dispose()


async def test_who_is_taken_back_may_come_again(hub: Hub) -> None:
    rig = await rig_of(hub)
    room = await rig.talk(mode=Mode.MANY_TO_MANY, sides={}, capacity=4)
    host, guest = await by_ticket(hub, room, "u_pearl1"), await by_ticket(hub, room, "u_v1")
    await host.enter()
    await guest.enter()
    await host.ask("moderate", action="remove", participant="u_v1")
    await guest.closed()
    member = next(
        one for one in await hub.services.fair.talks.members(room) if one.person == "u_v1"
    )
    assert member.removed_ms is not None
    # A host has the word of who is in the talk, though not the fair's right to ban.
    assert (await host.ask("moderate", action="ban", participant="x", seconds=5))[
        "code"
    ] == "forbidden"
    assert (await host.ask("moderate", action="unban", participant="u_v1"))["type"] == "ok"
    again = await by_ticket(hub, room, "u_v1")
    assert (await again.enter())["code"] == "unknown_room"  # Redis would, SQL would not
    await rig.talks.add_member(room, Belonging("u_v1", "guest"), "u_pearl1")
    assert (await again.enter())["type"] == "entered"
    conference = await hub.room()
    lead = hub.client("lead", conference, "host")
    await lead.hello()
    await lead.enter()
    assert (await lead.ask("moderate", action="unban", participant="x"))["code"] == "forbidden"
    await rig.engine.dispose()


async def test_closing_ends_the_talk(two: tuple[Hub, Hub]) -> None:
    one, other = two
    rig = await rig_of(one)
    room = await rig.talk()
    guest = await by_ticket(other, room, "u_v1")
    await guest.enter()
    await guest.ask("note", base=0, ops=["agreed"])
    chair = one.client("chair", room, "moderator")
    await chair.hello()
    await guest.ask("leave")  # two people at most
    await chair.enter()
    other.live.notebooks._changed.clear()  # as if that hub were gone
    assert (await chair.ask("moderate", action="close"))["type"] == "ok"
    code, _ = await chair.closed()
    assert code == 4505 and [m["kind"] for m in chair.kept("event")][-1] == "closed"
    talk_ = await one.services.fair.talks.get(room)
    assert talk_ is not None and talk_.ended_why == "done"
    again = await by_ticket(other, room, "u_v1")
    assert (await again.enter())["code"] == "unknown_room"
    # The end has the notes kept, whichever hub was written at.
    await one.live.notebooks.keep()
    assert await one.services.fair.talks.notes(room) == (1, "agreed")
    await rig.engine.dispose()


async def test_the_role_in_a_talk_is_the_members(hub: Hub) -> None:
    """An organiser who is a member is no more than that; who runs the side is host."""
    rig = await rig_of(hub)
    room = await rig.talk(mode=Mode.MANY_TO_MANY, sides={}, capacity=4)
    boss = await by_ticket(hub, room, "u_v1", Role.ORGANISER)
    host = await by_ticket(hub, room, "u_pearl1")
    for action in ("lock", "close", "announce"):
        answer = await boss.ask("moderate", action=action, text="x")
        assert answer["code"] == "forbidden", action
    await boss.enter()
    assert (await boss.ask("moderate", action="lock"))["code"] == "forbidden"
    assert (await host.ask("moderate", action="lock"))["type"] == "ok"  # without a seat too
    await host.enter()
    person = next(
        one for one in (await host.ask("roster"))["items"] if one["id"] == "u_v1"
    )  # fmt: skip
    assert (person["role"], person["side"]) == ("participant", "guest")
    await rig.engine.dispose()


async def test_media_asks_at_the_same_door(
    two: tuple[Hub, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What WHIP, WHEP and ``media`` go through; nobody knocks there."""
    hub, _ = two
    rig = await rig_of(hub)
    room = await rig.talk(lobby=True)
    sessions: Sessions = hub.live.sessions
    asked: list[str] = []
    count(monkeypatch, asked, (hub.services.directory, "room"), (hub.services.fair.talks, "access"))
    told = []
    for person, role in (("u_v2", Role.PARTICIPANT), ("boss", Role.ORGANISER)):
        who = Identity(id=person, name=person, role=role)
        for slug in (room, "no-such-room"):
            asked.clear()
            for act in (
                sessions.as_in(slug, who),
                sessions.open(slug, who, AttachmentKind.SUBSCRIBE, "v=0", take_seat=True),
            ):
                with pytest.raises(Refusal) as refused:
                    await act
                told.append((refused.value.code, str(refused.value), tuple(asked)))
                asked.clear()
    assert set(told) == {(Code.UNKNOWN_ROOM, "unknown_room", ("room", "access"))}
    member = Identity(id="u_v1", name="v1")
    assert (await sessions.as_in(room, member)).side == "guest"
    with pytest.raises(Refusal) as refused:
        await sessions.open(room, member, AttachmentKind.SUBSCRIBE, "v=0", take_seat=True)
    assert refused.value.code is Code.FORBIDDEN
    assert (await hub.services.admission.view(room)).counts.occupied == 0
    await rig.engine.dispose()


# --- the lobby ------------------------------------------------------------------------------


async def test_let_in_while_the_room_is_full_is_the_line_and_no_lobby(
    two: tuple[Hub, Hub],
) -> None:
    one, other = two
    room = await talk(one, lobby=True, capacity=2, mode=Mode.MANY_TO_MANY)
    host = await come(one, room, "hana", "host", "pearl")
    extra = await come(one, room, "hiro", "host", "pearl")
    first, second = await come(other, room, "gil"), await come(other, room, "gus")
    assert (first.entered["lobby"], second.entered["lobby"]) == (True, True)
    await host.ask("moderate", action="admit", participant="gus")
    moved = await second.expect("waiting")
    assert "lobby" not in moved
    await extra.ask("leave")
    assert (await second.expect("entered"))["room"] == room
    # The one at the door still is, whatever the line does.
    moved = await first.expect("waiting", total=1)
    assert moved["lobby"] is True and first.kept("entered") == []


async def test_one_member_alone_may_have_to_knock(two: tuple[Hub, Hub]) -> None:
    """The room has no lobby; an invitation has. Over WHIP and WHEP nobody knocks."""
    one, other = two
    rig = await rig_of(one)
    members = (
        Belonging("u_pearl1", "pearl", Role.HOST), Belonging("u_v1", "guest", lobby=True),
        Belonging("u_v2", "guest"),
    )  # fmt: skip
    room = await rig.talk(mode=Mode.ONE_TO_MANY, capacity=5, members=members)
    host, knocker = await by_ticket(one, room, "u_pearl1"), await by_ticket(other, room, "u_v1")
    free = await by_ticket(one, room, "u_v2")
    for client in (host, free):
        assert (await client.enter())["type"] == "entered"
    with pytest.raises(Refusal) as refused:
        await one.live.sessions.open(
            room, Identity(id="u_v1", name="v1"), AttachmentKind.SUBSCRIBE, "v=0", take_seat=True
        )
    assert refused.value.code is Code.FORBIDDEN
    assert (await knocker.enter())["lobby"] is True
    assert (await host.expect("knocking"))["person"]["side"] == "guest"
    await host.ask("moderate", action="admit", participant="u_v1")
    assert (await knocker.expect("entered"))["room"] == room
    await knocker.ask("leave")
    assert (await knocker.enter())["lobby"] is True  # each time they come
    # Who may not let in is not told who knocks.
    await host.expect("knocking", waiting=True)
    await free.ask("hand", up=False)
    assert free.kept("knocking") == []
    await rig.engine.dispose()


async def test_turned_away_is_said_with_its_reason(hub: Hub) -> None:
    room = await talk(hub, lobby=True)
    host = await come(hub, room, "hana", "host", "pearl")
    guest = await come(hub, room, "gil")
    seq = (await hub.services.admission.view(room)).seq
    answer = await host.ask("moderate", action="deny", participant="gil", reason="Not today")
    assert answer["type"] == "ok"
    refused = await guest.expect("refused")
    assert (refused["code"], refused["reason"]) == ("removed", "Not today")
    code, bye = await guest.closed()
    assert code == 4503 and bye is not None and bye["reason"] == "Not today"
    assert (await host.expect("knocking", waiting=False))["person"]["id"] == "gil"
    # Nobody else learns that somebody was there.
    assert (await hub.services.admission.view(room)).seq == seq
    for participant in ("gil", "nobody"):
        again = await host.ask("moderate", action="deny", participant=participant)
        assert again["code"] == "not_in_room"


async def test_who_comes_in_later_is_not_told_of_who_was_let_in_meanwhile(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of Redis may be older than the notice that overtook it: asked again."""
    room = await talk(hub, lobby=True)
    host = await come(hub, room, "hana", "host", "pearl")
    await come(hub, room, "gil")
    await host.expect("knocking", waiting=True)
    real, held = hub.services.admission.knocking, asyncio.Event()
    looks = 0

    async def slow(slug: str) -> Any:
        nonlocal looks
        looks += 1
        found = await real(slug)
        if looks == 1:
            await host.send("moderate", room=room, action="admit", participant="gil")
            await held.wait()
        return found

    monkeypatch.setattr(hub.services.admission, "knocking", slow)
    late = await come(hub, room, "hiro", "host", "pearl")
    assert (await late.expect("knocking"))["waiting"] is False
    held.set()
    await until(lambda: looks == 2)
    await late.ask("hand", up=False)
    assert late.kept("knocking") == []


# --- channels -------------------------------------------------------------------------------


async def sided(hub: Hub) -> tuple[str, Client, Client]:
    room = await talk(hub, mode=Mode.MANY_TO_MANY, sides={"pearl": 2}, capacity=4)
    ann = await come(hub, room, "ann", side="pearl")
    return room, ann, await come(hub, room, "ben", side="pearl")


async def back_with(hub: Hub, room: str, away: Client, **point: Any) -> Client:
    await away.quit()
    back = hub.client(away.person, room)
    back.entered = away.entered
    await back.hello(
        resume=away.welcome["resume"],
        rooms=[{"room": room, "epoch": away.entered["epoch"], "seq": 0, **point}],
    )
    return back


async def test_coming_back_brings_of_channels_what_is_asked_for(hub: Hub) -> None:
    room, ann, ben = await sided(hub)
    for text in ("a", "b"):
        await ann.ask("say", text=text, channel="side")
    seq = (await hub.services.admission.view(room)).seq
    # Nothing for who names none; all of those not named.
    plain = await back_with(hub, room, ben, seq=seq)
    await plain.none_of("event", "entered", until="resumed")
    named = await back_with(hub, room, plain, seq=seq, channels={})
    texts = [(await named.expect("event"))["body"]["text"] for _ in range(2)]
    assert texts == ["a", "b"] and await named.expect("resumed")
    # A number that is not there any more, or never was: a fresh snapshot.
    fresh = await back_with(hub, room, named, seq=seq, channels={"side": 9})
    entered = await fresh.none_of("event", "resumed", until="entered")
    assert entered["snapshot"]["channels"]["side"]["seq"] == 2


async def test_what_is_said_while_one_enters_again_is_neither_lost_nor_told_twice(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, ann, ben = await sided(hub)
    real, steps = hub.services.admission.channel_tails, list[asyncio.Event]()

    async def slow(slug: str, person: str) -> Any:
        found = await real(slug, person)
        if person == "ben":
            steps.append(asyncio.Event())
            await steps[-1].wait()
        return found

    # What the snapshot has already: once.
    shot, taken = hub.services.admission.snapshot, asyncio.Event()

    async def spoken(slug: str) -> Any:
        found = await shot(slug)
        if not taken.is_set():
            taken.set()
            await ann.ask("say", text="first", channel="side")
            await ann.expect("event", channel="side")
        return found

    monkeypatch.setattr(hub.services.admission, "snapshot", spoken)
    entered = await ben.enter()
    tail = entered["snapshot"]["channels"]["side"]
    assert [one["body"]["text"] for one in tail["chat"]] == ["first"]
    await ben.ask("hand", up=False)
    assert ben.kept("event") == []
    monkeypatch.setattr(hub.services.admission, "channel_tails", slow)
    for place in ("inside", "anew"):
        if place == "anew":
            await ben.ask("leave")
        number = await ben.send("enter", room=room)
        await until(lambda: len(steps) == (1 if place == "inside" else 2))  # noqa: B023
        said = (await ann.ask("say", text=place, channel="side"))["seq"]
        steps[-1].set()
        entered = await ben.expect("entered", re=number)
        assert entered["snapshot"]["channels"]["side"]["seq"] == said - 1
        event = await ben.expect("event", channel="side")
        assert (event["seq"], event["body"]["text"]) == (said, place)
        assert ben.kept("event") == []


async def test_whoever_is_told_too_much_at_once_comes_back(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talking, "WHISPERS_MAX", 1)
    room, ann, ben = await sided(hub)
    real, step = hub.services.admission.channel_tails, asyncio.Event()

    async def slow(slug: str, person: str) -> Any:
        found = await real(slug, person)
        if person == "ben":
            await step.wait()
        return found

    monkeypatch.setattr(hub.services.admission, "channel_tails", slow)
    await ben.send("enter", room=room)
    await until(lambda: any(
        one.identity.id == "ben" and one.members[room].gathering
        for one in hub.live.connections.values()
    ))  # fmt: skip
    for text in ("a", "b"):
        await ann.ask("say", text=text, channel="side")
    conn = next(one for one in hub.live.connections.values() if one.identity.id == "ben")
    await until(lambda: conn.ending is not None or conn.closing is not None)
    step.set()
    code, _ = await ben.closed()
    assert code == 4011


# --- relays ---------------------------------------------------------------------------------


async def test_a_relay_is_lent_for_ten_minutes_at_most(valkey_url: str, tmp_path: Path) -> None:
    turn = {"urls": ["turn:turn.example.org:3478"], "secret": "s3cret", "ttl_s": 7200}
    config = await make_config(valkey_url, tmp_path, turn=turn)
    async with serving(config, "hub-a") as hub:
        room = await talk(hub, lobby=True)
        host = await come(hub, room, "hana", "host", "pearl")
        guest = await come(hub, room, "gil")
        (server,) = (await host.expect("ice"))["servers"]
        until_s = int(server["username"].split(":")[0])
        assert 0 < until_s - time.time() <= 600
        digest = hmac.digest(b"s3cret", server["username"].encode(), "sha1")
        assert server["credential"] == base64.b64encode(digest).decode()
        # Who waits has none, and who no longer sits gets no new ones.
        await guest.ask("say", text="mark", channel="lobby")
        assert not guest.kept("ice")
        await host.ask("moderate", action="admit", participant="gil")
        assert (await guest.expect("ice"))["servers"]
        await guest.ask("leave")
        conn = next(one for one in hub.live.connections.values() if one.identity.id == "gil")
        conn.ice_until = hub.live.now() - 1
        await until(lambda: conn.ice_until is None)
        assert not guest.kept("ice")
        (ann,) = await hub.inside(await hub.room(kind=Kind.CONFERENCE), "ann")
        (server,) = (await ann.expect("ice"))["servers"]
        assert int(server["username"].split(":")[0]) - time.time() > 600


# --- notes ----------------------------------------------------------------------------------


async def test_what_would_take_too_long_to_merge_is_a_gap(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await talk(hub)
    ann = await come(hub, room, "ann")
    await ann.ask("note", base=0, ops=["a" * 400])
    change = [1, "b"] * 399 + [1]
    assert (await ann.ask("note", base=1, ops=change))["type"] == "ok"
    monkeypatch.setattr(talking, "TRANSFORMED_MAX", len(change))
    assert (await ann.ask("note", base=1, ops=[400, "c"]))["code"] == "gap"
    monkeypatch.setattr(talking, "TRANSFORMED_MAX", len(change) + 2)
    assert (await ann.ask("note", base=1, ops=[400, "c"]))["rev"] == 3


async def test_changes_that_another_hub_made_first_are_merged(
    two: tuple[Hub, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    room = await talk(one)
    ann, ben = await come(one, room, "ann"), await come(other, room, "ben")
    real, quicker = one.services.admission.note, 0

    async def slow(slug: str, person: str, base: int, *rest: Any) -> Any:
        nonlocal quicker
        if quicker < 3:
            quicker += 1
            await ben.ask("note", base=base, ops=[*([base] if base else []), "b"])
        return await real(slug, person, base, *rest)

    monkeypatch.setattr(one.services.admission, "note", slow)
    answer = await ann.ask("note", base=0, ops=["a"])
    assert (answer["type"], answer["rev"]) == ("ok", 4)
    assert (await ben.ask("notes"))["text"] == "bbba"
    quicker = -100  # never the first
    answer = await ann.ask("note", base=4, ops=[4, "!"])
    assert answer["code"] == "recovering" and answer["retry_after_ms"] > 0
    assert "!" not in (await ben.ask("notes"))["text"]
