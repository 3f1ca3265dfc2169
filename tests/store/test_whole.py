"""Whole stores: hubs that sweep, hear each other, die, and find Redis again."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.embedded import EmbeddedStore
from hub.ports import Queued, Renewal, Seated, StoreLost
from hub.store import Store, keys, open_store
from hub.store.scripts import PLAIN, SCRIPTS
from hub.store.tags import PARTITIONS, TAGS, partition, slot
from rooms.errors import Code, Refusal
from rooms.model import Attachment, Kind, Mode, Role, RoomSpec
from rooms.notices import Notice, ReactionsNotice, RosterNotice
from tests.store.servers import PUBLISH, SOCKET, config, connected, person, socket


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedStore]:
    server = EmbeddedStore(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


async def reaches(check: Callable[[], Awaitable[bool]], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not await check():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


async def started(url: str, hub_id: str, **limits: Any) -> Store:
    store = await open_store(config(url, **limits), hub_id)
    await store.start()
    return store


def test_tags_are_balanced_and_a_room_is_in_one_slot() -> None:
    assert [slot(tag) // 128 for tag in TAGS] == list(range(PARTITIONS))
    for room in ("a", "x" * 64, "room-9"):
        slots = {slot(key[key.index("{") + 1 : key.index("}")]) for key in keys.room_keys(room)}
        assert slots == {slot(TAGS[partition(room)])}


async def test_redis_agrees_on_the_slots(valkey_url: str) -> None:
    store = await connected(valkey_url)  # Redis 7 answers KEYSLOT in cluster mode only
    for room in ("a", "x" * 64, "room-9"):
        found = {await store.submitter.call("CLUSTER", "KEYSLOT", k) for k in keys.room_keys(room)}
        assert found == {slot(TAGS[partition(room)])}  # I16
    await store.close()


async def test_two_hubs_hear_of_one_room_and_sweep_it(server: EmbeddedStore) -> None:
    limits = {"lease_ms": 1_000, "offer_ms": 1_000}
    one, two = await started(server.url, "h1", **limits), await started(server.url, "h2", **limits)
    heard: list[Notice] = []
    two.bus.listen(heard.append, lambda rooms: None)
    try:
        await one.admission.load(RoomSpec(slug="r", title="", capacity=1))
        await two.bus.follow("r")
        await one.admission.enter("r", person("a"), socket("1"), wait=True)
        await two.admission.enter("r", person("b"), socket("2"), wait=True)
        began = time.monotonic()

        async def promoted() -> bool:
            await two.admission.renew([Renewal("r", "b", SOCKET, "2")])
            return (await two.admission.view("r")).counts.offered == 1

        # a is never heard again: after lease and one sweep the seat is b's.
        await reaches(promoted, 4)
        assert time.monotonic() - began >= 0.9

        # and an offer nobody takes lapses in its turn
        async def empty() -> bool:
            row = {r.room: r for r in (await one.board.read()).rows}["r"]
            return row.live + row.held + row.offered + row.waiting == 0

        await reaches(empty, 6)
        await one.admission.react("r", {"👏": 3})
        await reaches(_async(lambda: any(isinstance(n, ReactionsNotice) for n in heard)), 2)
        people = [n.id for n in heard if isinstance(n, RosterNotice) and n.person is None]
        assert people == ["a", "b"]
        await two.bus.unfollow("r")
        assert not one.faults() and not two.faults()
    finally:
        await one.close()
        await two.close()


def _async(check: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return check()

    return ask


async def test_after_a_restart_of_redis_seats_are_reclaimed_before_anyone_new(
    server: EmbeddedStore,
) -> None:
    store = await started(server.url, "h1")
    lost: list[frozenset[str]] = []
    store.bus.listen(lambda notice: None, lost.append)
    # A hub that was there and does not come back keeps the window open to its end.
    await store.submitter.call("ZADD", keys.HUBS_SEEN, int(time.time() * 1000), "h-dead")
    await store.submitter.call("CONFIG", "SET", "appendfsync", "always")
    try:
        await store.admission.load(RoomSpec(slug="r", title="", capacity=5))
        await store.bus.follow("r")
        one = await store.admission.enter("r", person("a"), socket("1"), wait=True)
        assert isinstance(one, Seated)
        server.kill()
        with pytest.raises(StoreLost):
            await store.admission.view("r")
        assert store.faults()
        server.start()
        await reaches(_async(lambda: not store.faults() and bool(lost)), 10)
        assert lost == [frozenset({"r"})]
        with pytest.raises(Refusal) as caught:
            await store.admission.enter("r", person("new"), socket("2"), wait=True)
        assert caught.value.code is Code.RECOVERING and caught.value.retry_after_ms
        again = await store.admission.enter("r", person("a"), socket("3"), wait=True)
        assert isinstance(again, Seated) and not again.new and again.gen > one.gen
        # The dead hub is struck off: everyone has reported, the window is over.
        await store.submitter.call("ZREM", keys.HUBS_SEEN, "h-dead")

        async def open_again() -> bool:
            try:
                await store.admission.enter("r", person("new"), socket("2"), wait=True)
            except Refusal as refusal:
                assert refusal.code is Code.RECOVERING
                return False
            return True

        await reaches(open_again, 3)
    finally:
        await store.close()


async def test_what_no_library_was_known_to_raise_is_a_lost_connection(
    server: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await started(server.url, "a")
    take, stumbles = store.submitter._take, [ValueError("not foreseen")]

    def stumbling(answer: Any) -> None:
        if stumbles:
            raise stumbles.pop()  # with a call on its way
        take(answer)

    monkeypatch.setattr(store.submitter, "_take", stumbling)
    await store.submitter.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
    await reaches(lambda: _gone(store), 5)
    await reaches(lambda: _answers(store), 5)
    assert not stumbles
    await store.close()


async def _gone(store: Store) -> bool:
    return not store.submitter.up


async def _answers(store: Store) -> bool:
    try:
        await asyncio.wait_for(store.ping(), 1)
    except (StoreLost, TimeoutError):
        return False
    return True


async def test_a_silence_of_everyone_is_an_outage_and_a_first_start_is_not(
    server: EmbeddedStore,
) -> None:
    store = await started(server.url, "h1")
    await store.admission.load(RoomSpec(slug="r", title="", capacity=5))
    await store.admission.enter("r", person("a"), socket("1"), wait=True)  # at once: no window
    await store.sweeper.close()
    part = keys.part(partition("r"))
    await store.submitter.call("HSET", part, "seen", 1)
    with pytest.raises(Refusal) as caught:
        await store.admission.enter("r", person("b"), socket("2"), wait=True)
    assert caught.value.code is Code.RECOVERING
    # In the window what has expired may still be renewed: nobody took its place.
    await store.submitter.call("ZADD", keys.room_key("r", "live"), 1, "a")
    assert not await store.admission.renew([Renewal("r", "a", SOCKET, "1")])
    await store.close()


async def test_secrets_are_for_one_use(store: Store) -> None:
    who = person("a", Role.HOST)
    ticket, expires = await store.vault.issue_ticket(who)
    assert 29_000 < expires - time.time() * 1000 <= 30_000
    taken = await asyncio.gather(*(store.vault.take_ticket(ticket) for _ in range(5)))
    assert sorted(taken, key=bool) == [None, None, None, None, who]
    assert await store.vault.take_resume(ticket) is None


async def test_hubs_agree_on_a_room_s_media_worker(store: Store, slug: str) -> None:
    places = await asyncio.gather(
        *(store.placement.place(slug, order) for order in (["a", "b", "c"], ["c", "b", "a"]))
    )
    assert len(set(places)) == 1
    left = [w for w in ("a", "b", "c") if w != places[0]]
    moved = await store.placement.place(slug, left)
    assert moved in left and await store.placement.place(slug, ["a", "b", "c"]) == moved


@pytest.mark.parametrize("kind", list(Kind))
async def test_any_bytes_end_in_a_documented_answer(store: Store, slug: str, kind: Kind) -> None:
    """I15: hostile arguments to every script; none ends in a Lua error."""
    hostile: list[Any] = [
        b"", b"\x00", b"-1", b"1e308", b"nan", b"inf", b"-inf", b"0x10", b"\xff\xfe%",
        b"a" * 65_536,
        b"%d+(", b"9" * 400, b"1.5", b"socket", b"1", b"\t\t1\t", b'{"', b"9007199254740993",
    ]  # fmt: skip
    mode = Mode.MANY_TO_MANY if kind is Kind.NEGOTIATION else None
    await store.admission.load(RoomSpec(slug=slug, title="", capacity=3, kind=kind, mode=mode))
    await store.admission.enter(slug, person("p", Role.HOST), socket("1"), wait=True)
    await store.admission.enter(slug, person("1"), socket("1"), wait=True, knock=True)
    await store.admission.attach(slug, "p", Attachment(PUBLISH, "2", "h"))
    common = [slug, store.submitter.run_id, "", 15_000, 15_000]
    words = {code.value for code in Code} | {"ok", "seated", "queued", "gap"}
    for name in sorted(SCRIPTS.keys() - PLAIN | {"load"}):
        calls = []
        for i, value in enumerate(hostile):
            other = hostile[(i * 7 + 3) % len(hostile)]
            for args in (
                [value] * 12,
                ["p", "1", value, other, value, other, "1", "1", value, other],
                ["p", value, other, value, other, value, other, value, other, value],
                [value, "1", "p", value, other, value, other, value, other, value],
                *(
                    [*few, *[value, other] * 5]
                    for few in (
                        ["p", "side"],
                        ["p", "lobby:1"],
                        ["p", value, "side"],
                        ["p", "0", "1"],
                        ["file"],
                    )
                ),
            ):
                # (settings takes pairs: what it accepts must be harmless too)
                calls.append(
                    store.submitter.script(name, SCRIPTS[name].keys(slug), [*common, *args])
                )
        for found in await asyncio.gather(*calls):
            assert found[0].decode() in words, name
        if name in {"close", "remove"}:  # there is somebody again for those that follow
            await store.submitter.call("HSET", keys.room_key(slug, "meta"), "closed", "0")
            await store.submitter.call("DEL", keys.room_key(slug, "ban"))
            await store.admission.enter(slug, person("p", Role.HOST), socket("1"), wait=True)
    found = await store.submitter.script(
        "view", keys.room_keys(slug), [*common, 50, 50]
    )  # its words are not Python's: what was given as somebody's members stands there
    assert found[0] == b"ok"


def rush(url: str, number: int, barrier: Any, results: Any) -> None:
    """A process with 50 people who rush one room."""

    async def run() -> None:
        store = await open_store(config(url), f"hub-{number}")
        await asyncio.to_thread(barrier.wait, 60)
        answers = await asyncio.gather(
            *(
                store.admission.enter("rush", person(f"p{number}-{i}"), socket(f"{number}-{i}"),
                                      wait=True)
                for i in range(50)
            )
        )  # fmt: skip
        results.put(
            (number, sum(isinstance(a, Seated) for a in answers),
             [a.position for a in answers if isinstance(a, Queued)])
        )  # fmt: skip
        await asyncio.sleep(3600 if number == 0 else 0)
        await store.close()

    asyncio.run(run())


async def test_processes_race_for_one_room_and_one_is_killed(server: EmbeddedStore) -> None:
    store = await started(server.url, "h1", lease_ms=4_000, offer_ms=1_000)
    try:
        await store.admission.load(RoomSpec(slug="rush", title="", capacity=100))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        results, barrier = context.Queue(), context.Barrier(8)
        processes = [
            context.Process(target=rush, args=(server.url, n, barrier, results)) for n in range(8)
        ]
        for process in processes:
            process.start()
        found = [await asyncio.to_thread(results.get, True, 60) for _ in processes]
        assert sum(seated for _, seated, _ in found) == 100
        places = sorted(place for _, _, some in found for place in some)
        assert places == list(range(1, 301))
        victim = processes[0].pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)

        # Nobody renews: every seat and place is free again, and never too many at a time.
        async def empty() -> bool:
            counts = (await store.admission.view("rush")).counts
            assert counts.occupied <= 100
            return counts.occupied + counts.waiting == 0

        await reaches(empty, 40)
        for process in processes:
            await asyncio.to_thread(process.join, 10)
    finally:
        await store.close()


SIDES = {"acme": 5, "bolt": 3, "cog": 7}


def rush_of_sides(url: str, number: int, barrier: Any, results: Any) -> None:
    """A process with ten people of each side and ten of none who rush one room."""

    async def run() -> None:
        store = await open_store(config(url), f"hub-{number}")
        everyone = [
            msgspec.structs.replace(person(f"{side}-{number}-{i}"), side=side)
            for i in range(10)
            for side in (*SIDES, "none")
        ]
        await asyncio.to_thread(barrier.wait, 60)
        answers = await asyncio.gather(
            *(store.admission.enter("rush", who, socket(who.id), wait=True) for who in everyone),
            return_exceptions=True,
        )
        await store.close()
        found = zip(everyone, answers, strict=True)
        results.put([
            (who.side, a.code.value if isinstance(a, Refusal) else type(a).__name__,
             a.position if isinstance(a, Queued) else 0)
            for who, a in found
        ])  # fmt: skip

    asyncio.run(run())


async def test_processes_race_for_the_seats_of_three_companies(server: EmbeddedStore) -> None:
    store = await started(server.url, "h1")
    try:
        spec = RoomSpec(slug="rush", title="", kind=Kind.NEGOTIATION, mode=Mode.MANY_TO_MANY,
                        capacity=20, sides=SIDES)  # fmt: skip
        await store.admission.load(spec)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        results, barrier = context.Queue(), context.Barrier(4)
        processes = [
            context.Process(target=rush_of_sides, args=(server.url, n, barrier, results))
            for n in range(4)
        ]
        for process in processes:
            process.start()
        found = [one for _ in processes for one in await asyncio.to_thread(results.get, True, 60)]
        seated = Counter(side for side, what, _ in found if what == "Seated")
        assert seated == SIDES
        assert {what for side, what, _ in found if side == "none"} == {"wrong_mode"}
        places = sorted(place for _, what, place in found if what == "Queued")
        assert places == list(range(1, 106))
        view = await store.admission.view("rush")
        assert (view.counts.live, view.counts.waiting, view.media_mode) == (15, 105, "sfu")
        for process in processes:
            await asyncio.to_thread(process.join, 10)
    finally:
        await store.close()
