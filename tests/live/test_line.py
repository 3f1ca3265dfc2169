"""The line for a full room, and seats kept for those who come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hub.live.connection import Member
from hub.ports import Queued
from rooms.closing import Close
from tests.live.driver import Client, Hub, until

Pair = tuple[Hub, Hub]


async def test_full_wait_promote(pair: Pair) -> None:
    one, other = pair
    room = await one.room(capacity=1)
    (ada,) = await one.inside(room, "ada")
    bob, cyd = other.client("bob", room), other.client("cyd", room)
    for position, client in enumerate((bob, cyd), 1):
        await client.hello()
        answer = await client.enter()
        assert answer["type"] == "waiting" and answer["position"] == position
    nope = one.client("dan", room)
    await nope.hello()
    refused = await nope.enter(wait=False)
    assert refused["type"] == "refused" and refused["code"] == "room_full"
    assert (refused["capacity"], refused["live"], refused["waiting"]) == (1, 1, 2)
    assert refused["waitlist"] is True

    assert (await ada.ask("leave"))["type"] == "left"
    entered = await bob.expect("entered", wait_s=1.0)
    assert "re" not in entered and entered["seq"] >= 0
    assert (await cyd.expect("waiting", position=1))["total"] == 1
    await bob.say("my turn")
    assert (await cyd.ask("leave"))["type"] == "left"
    assert not cyd.kept("entered", "event")


async def test_a_turn_that_comes_before_the_answer_to_enter_is_taken(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notices and answers come over two connections: either may be first."""
    room = await hub.room(capacity=1)
    (ada,) = await hub.inside(room, "ada")
    admission = hub.services.admission
    enter, noticed = admission.enter, asyncio.Event()

    async def late(*asked: Any, **more: Any) -> Any:
        answer = await enter(*asked, **more)
        if isinstance(answer, Queued) and not noticed.is_set():
            assert (await ada.ask("leave"))["type"] == "left"
            await noticed.wait()
        return answer

    turn = hub.live.waiting.turn

    def noted(member: Member, until_ms: int) -> None:
        turn(member, until_ms)
        noticed.set()

    monkeypatch.setattr(admission, "enter", late)
    monkeypatch.setattr(hub.live.waiting, "turn", noted)
    ben = hub.client("ben", room)
    await ben.hello()
    assert (await ben.enter())["type"] == "waiting"
    await ben.expect("entered", wait_s=2)


async def test_a_turn_that_comes_while_the_socket_closes_is_not_lost(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await hub.room(capacity=1)
    (ada,) = await hub.inside(room, "ada")
    ben = hub.client("ben", room)
    await ben.hello()
    assert (await ben.enter())["type"] == "waiting"
    admission = hub.services.admission
    claim = admission.resume

    async def closing(*asked: Any, **more: Any) -> Any:
        answer = await claim(*asked, **more)
        ben.entered = {"epoch": "", "seq": 0}
        conn = next(c for c in hub.live.connections.values() if c.identity.id == "ben")
        conn.close(Close.RECONNECT_ELSEWHERE)
        return answer

    monkeypatch.setattr(admission, "resume", closing)
    assert (await ada.ask("leave"))["type"] == "left"
    assert (await ben.closed())[0] == 4012
    monkeypatch.setattr(admission, "resume", claim)
    back = await ben.resume(epoch="none")
    await back.expect("entered")


async def test_raising_the_capacity_seats_the_queue(pair: Pair) -> None:
    one, other = pair
    room = await one.room(capacity=1)
    (ada,) = await one.inside(room, "ada")
    moderator = one.client("mod", room, "moderator")
    await moderator.hello()
    waiting = [other.client(name, room) for name in ("bob", "cyd", "dan")]
    for client in waiting:
        await client.hello()
        assert (await client.enter())["type"] == "waiting"
    answer = await moderator.ask("moderate", action="capacity", capacity=3)
    assert answer["type"] == "ok"
    event = await ada.expect("event", kind="capacity")
    assert event["seq"] == answer["seq"] and event["body"]["capacity"] == 3
    for client in waiting[:2]:
        await client.expect("entered", wait_s=1.0)
    room_now = await ada.expect("room", live=3)
    assert room_now["capacity"] == 3
    assert (await waiting[2].expect("waiting", position=1))["total"] == 1


async def test_seats_are_kept_for_those_who_come_back(hub: Hub) -> None:
    room = await hub.room(capacity=1)
    (ada,) = await hub.inside(room, "ada")
    await ada.quit()
    view = hub.services.admission.view
    await until(_counts(view, room, live=0, held=1))
    bob = hub.client("bob", room)
    await bob.hello()
    assert (await bob.enter())["type"] == "waiting"
    back = await ada.resume()
    await back.expect("resumed")
    await until(_counts(view, room, live=1, held=0))
    stale = await _second_use(ada)
    assert stale == "unauthorised"


def _counts(view: Any, room: str, **wanted: int) -> Callable[[], Any]:
    async def check() -> bool:
        counts = (await view(room)).counts
        return all(getattr(counts, key) == value for key, value in wanted.items())

    return check


async def _second_use(client: Client) -> str:
    """A resume token is good once."""
    late = client.hub.client(client.person, client.room)
    await late.connect()
    number = await late.send("hello", resume=client.welcome["resume"])
    code: str = (await late.expect("error", re=number))["code"]
    return code


async def test_a_place_in_the_queue_survives_a_cut(pair: Pair) -> None:
    one, other = pair
    room = await one.room(capacity=1)
    (ada,) = await one.inside(room, "ada")
    first, second = one.client("bob", room), one.client("cyd", room)
    for client in (first, second):
        await client.hello()
        await client.enter()
    first.cut()
    first.entered = {"epoch": "", "seq": 0}
    back = await first.resume(to=other)
    waiting = await back.expect("waiting")
    assert (waiting["position"], waiting["total"]) == (1, 2) and "re" not in waiting
    await ada.ask("leave")
    assert (await back.expect("entered"))["room"] == room
    assert not second.kept("entered")
