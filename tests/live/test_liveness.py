"""Who is there, who is not, and what happens when Redis or this hub goes away."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection

from hub.embedded import EmbeddedStore
from hub.live import LiveHub, pinger
from hub.live.drain import drain
from hub.ports import Renewal, ResumeRecord, StoreLost
from hub.store import keys
from rooms.errors import Code
from rooms.model import Identity, Role
from rooms.notices import DetachedNotice, Notice, PromotedNotice
from tests.live.driver import Hub, make_config, serving, until


class Pinging:
    """A connection's sender whose pings are the test's."""

    def __init__(self, sender: Any, ping: Callable[[], Awaitable[None]]) -> None:
        self._sender = sender
        self.ping = ping

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sender, name)


def _deaf(client_ws: ClientConnection) -> None:
    """The peer reads nothing more and answers nothing, yet its connection stays."""
    client_ws.transport.pause_reading()


async def test_an_empty_frame_when_nothing_else_was_sent(valkey_url: str, tmp_path: Path) -> None:
    config = await make_config(valkey_url, tmp_path, heartbeat_ms=500)
    async with serving(config, "hub-a") as hub:
        (ada,) = await hub.inside(await hub.room(), "ada")
        assert ada.welcome["heartbeat_ms"] == 500
        await ada.expect("ice")
        while ada.frames[-1]:
            await ada._frame(2)


async def test_any_traffic_counts_as_a_sign_of_life(valkey_url: str, tmp_path: Path) -> None:
    config = await make_config(valkey_url, tmp_path, ping_s=0.3, pong_s=0.4)
    async with serving(config, "hub-a") as hub:
        room = await hub.room()
        (ada,) = await hub.inside(room, "ada")
        (conn,) = hub.live.connections.values()

        async def no_pong() -> None:
            """The ping is lost on its way: no pong can be what keeps the person alive."""

        conn.sender = Pinging(conn.sender, no_pong)
        for _ in range(12):
            assert (await ada.ask("hand", up=True))["type"] == "ok"
            await asyncio.sleep(0.1)
        assert conn.closing is None
        await until(lambda: conn.closing is not None, wait_s=3, what="silent after all")


async def test_silence_is_found_and_counts_from_the_last_sign_of_life(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = await make_config(
        valkey_url, tmp_path, ping_s=0.3, pong_s=0.3, renew_s=0.2, lease_ms=2000
    )
    async with serving(config, "hub-a") as hub:
        room = await hub.room(capacity=1)
        (ada,) = await hub.inside(room, "ada")
        bob = hub.client("bob", room)
        await bob.hello()
        assert (await bob.enter())["type"] == "waiting"
        drop, silent = hub.services.admission.drop, []

        async def dropped(*given: Any) -> None:
            silent.append(given[-1])
            await drop(*given)

        monkeypatch.setattr(hub.services.admission, "drop", dropped)
        (conn,) = (one for one in hub.live.connections.values() if one.identity.id == "ada")
        _deaf(ada.ws)
        quiet = time.monotonic()
        await until(lambda: len(hub.live.connections) == 1, what="ada dropped")
        assert time.monotonic() - quiet >= 0.3
        # The seat lapses a lease after the last sign of life, not after its discovery.
        await bob.expect("entered", wait_s=10)
        assert hub.live.now() - conn.heard >= 1.99
        # Our own cutting of the connection was none.
        assert len(silent) == 1 and silent[0] >= 300


async def test_renewing_keeps_a_quiet_person_seated(valkey_url: str, tmp_path: Path) -> None:
    config = await make_config(
        valkey_url, tmp_path, ping_s=0.3, pong_s=0.5, renew_s=0.2, lease_ms=1000
    )
    async with serving(config, "hub-a") as hub:
        room = await hub.room(capacity=1)
        (ada,) = await hub.inside(room, "ada")
        waiting = hub.client("bob", room)
        await waiting.hello()
        await waiting.enter()
        await asyncio.sleep(2.5)  # two and a half leases
        assert await ada.say("here") == 1
        assert (await waiting.enter())["position"] == 1


async def test_a_fault_of_ours_ends_neither_the_wheel_nor_the_renewing(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = await make_config(
        valkey_url, tmp_path, ping_s=0.3, pong_s=0.5, renew_s=0.2, lease_ms=20_000
    )
    async with serving(config, "hub-a") as hub:
        room = await hub.room()
        await hub.inside(room, "ada")
        (bob,) = await hub.inside(room, "bob")
        admission = hub.services.admission
        renew, stumbles = admission.renew, [ValueError("not foreseen")]
        renewed: list[str] = []  # who was, since the stumble

        async def stumbling(renewals: Sequence[Renewal]) -> Sequence[Renewal]:
            if stumbles:
                raise stumbles.pop()
            lost = await renew(renewals)
            renewed.extend(one.person for one in renewals if one not in lost)
            return lost

        async def no_ping() -> None:
            raise ValueError("not foreseen")

        monkeypatch.setattr(admission, "renew", stumbling)
        conn = next(c for c in hub.live.connections.values() if c.identity.id == "ada")
        conn.sender = Pinging(conn.sender, no_ping)
        await until(lambda: len(hub.live.connections) == 1, what="who stumbled is gone")
        await until(lambda: renewed.count("bob") >= 3, what="who did not is renewed")
        assert not stumbles and await bob.say("still renewed, still looked after") > 0


async def test_offered_to_one_who_was_silent(valkey_url: str, tmp_path: Path) -> None:
    config = await make_config(valkey_url, tmp_path, ping_s=60, pong_s=60)
    async with serving(config, "hub-a") as hub:
        room = await hub.room(capacity=1)
        (ada,) = await hub.inside(room, "ada")
        bob = hub.client("bob", room)
        await bob.hello()
        await bob.enter()
        conn = next(one for one in hub.live.connections.values() if one.identity.id == "bob")
        conn.heard -= 121
        await ada.ask("leave")
        offered = await bob.expect("offered")
        assert 0 < offered["expires_ms"] <= 20_000
        assert (await hub.services.admission.view(room)).counts.offered == 1
        assert (await bob.enter())["type"] == "entered"


async def test_positions_come_at_most_once_a_second(hub: Hub) -> None:
    room = await hub.room(capacity=1)
    await hub.inside(room, "ada")
    people = [hub.client(f"p{number}", room) for number in range(8)]
    for client in people:
        await client.hello()
        await client.enter()
    last = people[-1]
    started = time.monotonic()
    for client in people[:-1]:
        await client.ask("leave")
    await last.expect("waiting", position=1, total=1)
    updates = sum("waiting" in line and "position" in line for line in last.transcript) - 1
    assert updates <= 2 + (time.monotonic() - started)


async def test_draining_sends_everyone_away_with_a_seat_to_come_back_to(
    valkey_url: str, tmp_path: Path
) -> None:
    config = await make_config(valkey_url, tmp_path)
    async with serving(config, "hub-b") as other:
        async with serving(config, "hub-a") as hub:
            room = await hub.room()
            (ada, bob) = await hub.inside(room, "ada", "bob")
            idle = hub.client("cyd", room)
            await idle.hello()
            hub.services.draining = True
            assert (await idle.enter())["code"] == "server_draining"
            ends = [await client.closed() for client in (ada, bob, idle)]
        assert [code for code, _ in ends] == [4010] * 3
        waits = [bye["retry_after_ms"] for _, bye in ends if bye is not None]
        assert len(waits) == 3 and all(wait > 0 for wait in waits)
        assert all(bye is not None and bye["reconnect"] for _, bye in ends)
        back = await ada.resume(to=other)
        await back.expect("resumed")
        assert (await other.services.admission.view(room)).counts.occupied == 2


@pytest.fixture
def own_store(tmp_path: Path) -> EmbeddedStore:
    store = EmbeddedStore(tmp_path / "store", persist=False)
    store.start()
    return store


async def test_who_is_being_greeted_when_draining_begins_is_sent_away(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = hub.services.vault
    issue = vault.issue_resume

    async def late(record: ResumeRecord) -> str:
        await drain(hub.live)
        return await issue(record)

    async def done(live: LiveHub) -> None:
        """The wheel looked before, and looks once."""

    monkeypatch.setattr(pinger, "drain", done)
    monkeypatch.setattr(vault, "issue_resume", late)
    ada = hub.client("ada", await hub.room())
    await ada.hello()
    assert (await ada.closed(2))[0] == 4010


async def test_a_seat_that_lapsed_while_the_hub_stood_still_is_not_served(
    valkey_url: str, tmp_path: Path
) -> None:
    config = await make_config(valkey_url, tmp_path, lease_ms=1500, renew_s=60)
    async with serving(config, "hub-a") as hub:
        (ada,) = await hub.inside(await hub.room(), "ada")
        # What ended the seat was said while nobody here could hear.
        hub.services.bus.listen(lambda notice: None, hub.live.rooms.lost)
        time.sleep(2.2)  # noqa: ASYNC251  the whole process stands still, as under SIGSTOP
        code, bye = await ada.closed(2)
        assert code == 4012 and bye is not None and bye["reconnect"]


async def test_who_was_removed_unheard_is_not_told_what_came_after(hub: Hub) -> None:
    room = await hub.room()
    ada, bob = await hub.inside(room, "ada", "bob")
    rooms, admission = hub.live.rooms, hub.services.admission
    chair = Identity(id="chair", name="Chair", role=Role.MODERATOR)
    hub.services.bus.listen(lambda notice: None, rooms.lost)  # nothing is heard
    await admission.remove(room, chair, Role.MODERATOR, "bob")
    await admission.announce(room, chair, Role.MODERATOR, "without bob")
    hub.services.bus.listen(rooms.notice, rooms.lost)
    rooms.lost(frozenset({room}))
    assert [event["kind"] for event in await ada.events(2)] == ["removed", "announcement"]
    assert (await bob.closed(2))[0] == 4012  # and, coming back, finds out
    assert not bob.kept("event")


async def test_the_end_of_an_earlier_seat_told_late_does_not_end_the_new_one(hub: Hub) -> None:
    room = await hub.room()
    (ada,) = await hub.inside(room, "ada")
    rooms, admission = hub.live.rooms, hub.services.admission
    late: list[Notice] = []
    hub.services.bus.listen(late.append, rooms.lost)
    chair = Identity(id="chair", name="Chair", role=Role.MODERATOR)
    await admission.remove(room, chair, Role.MODERATOR, "ada")
    gen = ada.entered["seat"]["gen"]
    assert (await ada.enter())["seat"]["gen"] > gen  # nothing here has heard of the removal
    await until(lambda: any(isinstance(one, DetachedNotice) for one in late))
    hub.services.bus.listen(rooms.notice, rooms.lost)
    for notice in late:
        rooms.notice(notice)
    await ada.say("still here")
    assert (await ada.expect("event", kind="chat"))["body"]["text"] == "still here"
    assert not ada.kept("error", "bye")
    await ada.ask("leave")
    assert (await admission.view(room)).counts.occupied == 0


async def test_a_joiner_of_a_room_made_anew_sends_those_of_the_old_one_to_resume(
    pair: tuple[Hub, Hub], valkey_url: str
) -> None:
    here, there = pair  # the snapshot shows it to the joiner's hub, the look for counts to others
    room = await here.room()
    (ada,) = await here.inside(room, "ada")
    async with Redis.from_url(valkey_url) as redis:
        await redis.delete(*(keys.room_key(room, part) for part in keys.ROOM_PARTS))
    (bob,) = await there.inside(room, "bob")
    assert bob.entered["epoch"] != ada.entered["epoch"]
    code, bye = await ada.closed(5)  # not with the next renewal, 8 s later or more
    assert code == 4011 and bye is not None and bye["reconnect"]
    await bob.say("anyone?")
    assert (await bob.expect("event", kind="chat"))["seq"] > bob.entered["seq"]


async def test_a_turn_claimed_after_its_end_takes_no_new_seat(hub: Hub) -> None:
    """Removed, or the offer over, before the hub heard of the turn: what it then hears of that
    end must find no seat taken under the same name since."""
    room = await hub.room(capacity=1)
    (ada,) = await hub.inside(room, "ada")
    bob = hub.client("bob", room)
    await bob.hello()
    assert (await bob.enter())["type"] == "waiting"
    rooms, admission = hub.live.rooms, hub.services.admission
    late: list[Notice] = []
    hub.services.bus.listen(late.append, rooms.lost)
    await ada.ask("leave")
    chair = Identity(id="chair", name="Chair", role=Role.MODERATOR)
    await admission.remove(room, chair, Role.MODERATOR, "bob")
    await until(lambda: any(isinstance(one, DetachedNotice) for one in late))
    hub.services.bus.listen(rooms.notice, rooms.lost)
    (turn,) = (one for one in late if isinstance(one, PromotedNotice) and one.id == "bob")
    rooms.notice(turn)
    assert (await bob.expect("refused"))["code"] == "seat_expired"
    for notice in late:
        rooms.notice(notice)
    assert (await admission.view(room)).counts.occupied == 0
    await bob.enter()
    await bob.say("here again")
    assert not bob.kept("bye")


async def test_what_was_said_during_an_outage_arrives_when_calls_are_answered_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notices' connection is back before the calls': what was missed is asked for again."""
    room = await hub.room(capacity=1)
    (ada,) = await hub.inside(room, "ada")
    ben = hub.client("ben", room)
    await ben.hello()
    assert (await ben.enter())["type"] == "waiting"
    rooms, admission = hub.live.rooms, hub.services.admission
    since, positions, losses = admission.since, admission.positions, {"since": 1, "positions": 1}

    async def lose(name: str) -> None:
        if losses[name]:
            losses[name] -= 1
            raise StoreLost("still away")

    async def losing_since(*asked: Any) -> Any:
        await lose("since")
        return await since(*asked)

    async def losing_positions(*asked: Any) -> Any:
        await lose("positions")
        return await positions(*asked)

    monkeypatch.setattr(admission, "since", losing_since)
    monkeypatch.setattr(admission, "positions", losing_positions)
    hub.services.bus.listen(lambda notice: None, rooms.lost)  # nothing is heard
    assert (await ada.ask("say", text="one"))["type"] == "ok"
    chair = Identity(id="chair", name="Chair", role=Role.MODERATOR)
    await admission.capacity(room, chair, Role.MODERATOR, 2)
    hub.services.bus.listen(rooms.notice, rooms.lost)
    rooms.lost(frozenset({room}))
    assert [event["kind"] for event in await ada.events(2)] == ["chat", "capacity"]
    await ben.expect("entered")
    assert losses == {"since": 0, "positions": 0}


@pytest.mark.parametrize("on_loss", ["hold", "fence"])
async def test_a_hub_without_redis(own_store: EmbeddedStore, tmp_path: Path, on_loss: str) -> None:
    """hold: members stay and nobody is admitted. fence: sent away before the lease ends."""
    config = await make_config(
        own_store.url, tmp_path, redis={"on_loss": on_loss}, renew_s=0.3, lease_ms=6000
    )
    try:
        async with serving(config, "hub-a") as hub:
            room = await hub.room()
            (ada,) = await hub.inside(room, "ada")
            door = hub.client("bob", room)
            await door.hello()
            own_store.kill()
            lost = time.monotonic()
            refused = await door.enter()
            assert (refused["type"], refused["code"]) == ("refused", Code.RECOVERING)
            assert refused["retry_after_ms"] > 0
            assert (await ada.ask("say", text="anyone?"))["code"] == "recovering"
            if on_loss == "fence":
                code, bye = await ada.closed(wait_s=6)
                assert code == 4012 and bye is not None and bye["reconnect"] is True
                assert time.monotonic() - lost < 6.0
            else:
                await asyncio.sleep(max(0.0, lost + 4.0 - time.monotonic()))
                pong = await ada.ws.ping()
                await asyncio.wait_for(pong, 2)
                await ada.raw(json.dumps({"type": "react", "room": room, "emoji": "👍", "id": 5}))
                assert (await ada.expect(re=5))["type"] == "ok"
    finally:
        own_store.kill()


async def test_seats_are_renewed_room_by_room_and_several_batches_at_once(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch after the other would outlast the leases when Redis is slow to answer."""
    rooms = [await hub.room() for _ in range(2)]
    for number in range(6):  # in turns, so that the order they came in is not the rooms'
        await hub.inside(rooms[number % 2], f"p{number}")
    monkeypatch.setattr(pinger, "BATCH", 1)
    monkeypatch.setattr(pinger, "LANES", 3)
    asked: list[str] = []
    under_way, all_there = 0, asyncio.Event()
    renew = hub.services.admission.renew

    async def slow(due: Any) -> Any:
        nonlocal under_way
        asked.extend(each.room for each in due)
        under_way += 1
        assert under_way <= pinger.LANES
        if under_way == pinger.LANES:
            all_there.set()
        await all_there.wait()
        found = await renew(due)
        under_way -= 1
        return found

    monkeypatch.setattr(hub.services.admission, "renew", slow)
    await asyncio.wait_for(pinger.renew_all(hub.live), 5)
    assert asked == sorted(asked) and len(asked) == 6
    began = hub.live.now()
    await pinger.renew_all(hub.live, 0.6)  # the last of six begins after five sixths of it
    assert hub.live.now() - began >= 0.5 and len(asked) == 12
