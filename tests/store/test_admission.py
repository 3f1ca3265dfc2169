"""What the port promises of seats and the queue, case by case, on both servers."""

from __future__ import annotations

import asyncio
import time

from msgspec import structs

from hub.ports import Queued, Renewal, Seated
from hub.store import Store
from rooms.errors import Code, Refusal
from rooms.model import (
    Attachment,
    Role,
    RoomSpec,
    RoomState,
)
from rooms.notices import DetachedNotice, Notice, PromotedNotice, QueueNotice
from tests.store.servers import (
    MODERATOR,
    PUBLISH,
    SOCKET,
    SUBSCRIBE,
    connected,
    make,
    person,
    refused,
    socket,
    until,
)


async def test_an_unknown_room_is_refused_by_every_call(store: Store, slug: str) -> None:
    admission = store.admission
    calls = [
        admission.enter(slug, person("a"), socket("1"), wait=True),
        admission.attach(slug, "a", Attachment(PUBLISH, "1", "h")),
        admission.resume(slug, person("a"), socket("1")),
        admission.drop(slug, "a", SOCKET, "1", 0),
        admission.leave(slug, "a", "1"),
        admission.view(slug),
        admission.snapshot(slug),
        admission.roster(slug, None, 10),
        admission.since(slug, "e", 0),
        admission.say(slug, "a", "A", Role.PARTICIPANT, "x"),
        admission.hand(slug, "a", True),
        admission.capacity(slug, MODERATOR, MODERATOR.role, 3),
        admission.close(slug, MODERATOR, MODERATOR.role),
    ]
    for call in calls:
        assert (await refused(call)).code is Code.UNKNOWN_ROOM
    asked = [Renewal(slug, "a", SOCKET, "1")]
    assert await admission.renew(asked) == asked


async def test_a_full_room_says_how_full_and_queues_in_order(store: Store, slug: str) -> None:
    await make(store, slug, capacity=2)
    enter = store.admission.enter
    first = await enter(slug, person("a"), socket("a1"), wait=True)
    assert isinstance(first, Seated) and first.new and first.lease_ms == 30_000
    await enter(slug, person("b"), socket("b1"), wait=True)
    full = await refused(enter(slug, person("c"), socket("c1"), wait=False))
    assert full.code is Code.ROOM_FULL
    assert full.detail == {"capacity": 2, "live": 2, "waiting": 0, "waitlist": True}
    assert await enter(slug, person("c"), socket("c1"), wait=True) == Queued(1, 1)
    assert await enter(slug, person("d"), socket("d1"), wait=True) == Queued(2, 2)
    assert await enter(slug, person("c"), socket("c2"), wait=True) == Queued(1, 2)
    assert await store.admission.positions(slug, ["d", "x", "c"]) == ({"d": 2, "c": 1}, 2)
    assert await store.admission.leave(slug, "a", "wrong") is False
    assert await store.admission.leave(slug, "a", "a1") is True
    assert (await store.admission.view(slug)).counts.offered == 1
    claimed = await enter(slug, person("c"), socket("c2"), wait=True)
    assert isinstance(claimed, Seated) and not claimed.new
    assert await enter(slug, person("d"), socket("d1"), wait=True) == Queued(1, 1)


async def test_without_a_waitlist_nobody_waits(store: Store, slug: str) -> None:
    await make(store, slug, capacity=1, waitlist=False)
    await store.admission.enter(slug, person("a"), socket("1"), wait=True)
    full = await refused(store.admission.enter(slug, person("b"), socket("2"), wait=True))
    assert full.detail["waitlist"] is False


async def test_the_newest_socket_takes_the_seat_and_the_old_one_is_told(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await make(store, slug)
    admission = store.admission
    one = await admission.enter(slug, person("a"), socket("old"), wait=True)
    obs = await admission.attach(slug, "a", Attachment(SUBSCRIBE, "obs", "hub-2"))
    two = await admission.enter(slug, person("a"), socket("new"), wait=True)
    assert isinstance(one, Seated) and isinstance(two, Seated)
    assert two.gen > one.gen == obs.gen and not two.new
    assert two.replaced == socket("old")
    told = await until(heard, DetachedNotice)
    assert [(n.attachment, n.why) for n in told] == [("old", "replaced")]
    # The old socket's late goodbyes change nothing (I4).
    await admission.drop(slug, "a", SOCKET, "old", 0)
    assert await admission.leave(slug, "a", "old") is False
    assert await admission.renew([Renewal(slug, "a", SOCKET, "old")])
    assert (await admission.view(slug)).counts.live == 1


async def test_reserved_seats_are_for_the_privileged(store: Store, slug: str) -> None:
    await make(store, slug, capacity=3, reserved=2)
    enter = store.admission.enter
    assert isinstance(await enter(slug, person("a"), socket("1"), wait=True), Seated)
    assert await enter(slug, person("b"), socket("2"), wait=True) == Queued(1, 1)
    vip = person("v", reserved=True)  # passes a head that is blocked for its class only
    assert isinstance(await enter(slug, vip, socket("3"), wait=True), Seated)
    host = person("h", Role.HOST)
    assert isinstance(await enter(slug, host, socket("4"), wait=True), Seated)
    assert await enter(slug, person("s", Role.SPEAKER), socket("5"), wait=True) == Queued(2, 2)
    assert await store.admission.leave(slug, "a", "1")
    # The seat goes to the head: with two privileged seated, the reserve is used up.
    assert await store.admission.positions(slug, ["b", "s"]) == ({"s": 1}, 1)


async def test_a_lock_keeps_people_out_and_its_end_seats_the_queue(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await make(store, slug, capacity=1)
    admission = store.admission
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    await admission.enter(slug, person("b"), socket("2"), wait=True)
    await admission.lock(slug, MODERATOR, MODERATOR.role, True, 'a "short" break')
    locked = await refused(admission.enter(slug, person("c"), socket("3"), wait=True))
    assert locked.code is Code.ROOM_LOCKED and locked.message == 'a "short" break'
    await admission.leave(slug, "a", "1")
    assert (await admission.view(slug)).counts.occupied == 0
    passing = await admission.enter(slug, person("h", Role.HOST), socket("4"), wait=True)
    assert isinstance(passing, Seated)
    await admission.leave(slug, "h", "4")
    seq = await admission.lock(slug, MODERATOR, MODERATOR.role, False, None)
    assert await admission.lock(slug, MODERATOR, MODERATOR.role, False, None) == seq
    (promoted,) = await until(heard, PromotedNotice)
    assert promoted.id == "b" and await until(heard, QueueNotice)


async def test_rooms_open_and_close_by_the_clock_of_redis(store: Store, slug: str) -> None:
    now = int(time.time() * 1000)
    await make(store, slug, opens_at=now + 60_000)
    early = await refused(store.admission.enter(slug, person("a"), socket("1"), wait=True))
    assert early.code is Code.ROOM_NOT_OPEN and early.detail["opens_at"].endswith("Z")
    assert (await store.admission.view(slug)).state is RoomState.SCHEDULED
    await make(store, slug + "-2", closes_at=now - 1)
    late = await refused(store.admission.enter(slug + "-2", person("a"), socket("1"), wait=True))
    assert late.code is Code.ROOM_CLOSED


async def test_what_its_time_ended_opens_again_what_was_closed_does_not(
    store: Store, slug: str
) -> None:
    now = int(time.time() * 1000)
    admission = store.admission
    spec = RoomSpec(slug=slug, title="T", capacity=2, closes_at=now + 60_000)
    assert await admission.load(spec)
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    await admission.say(slug, "a", "A", Role.PARTICIPANT, "of the first talk")
    over = structs.replace(spec, closes_at=now - 1)
    await admission.settings(over)
    for again in (over, structs.replace(spec, opens_at=now, closes_at=now - 1)):
        await admission.settings(again)  # no later time: it stays as it is
        late = await refused(admission.enter(slug, person("b"), socket("2"), wait=True))
        assert late.code is Code.ROOM_CLOSED
    await admission.settings(structs.replace(spec, opens_at=now + 60_000, closes_at=now + 90_000))
    assert (await admission.view(slug)).state is RoomState.SCHEDULED
    await admission.settings(spec)
    assert isinstance(await admission.enter(slug, person("b"), socket("2"), wait=True), Seated)
    shot = await admission.snapshot(slug)
    assert [one.id for one in shot.roster.items] == ["b"] and shot.chat == ()
    # Its time ends it once more, and then a moderator closes it: that is for good.
    await admission.settings(over)
    await admission.close(slug, MODERATOR, MODERATOR.role)
    await admission.settings(spec)
    late = await refused(admission.enter(slug, person("b"), socket("3"), wait=True))
    assert late.code is Code.ROOM_CLOSED


async def test_a_ban_outlives_the_seat(store: Store, slug: str, heard: list[Notice]) -> None:
    await make(store, slug)
    admission = store.admission
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    seq = await admission.remove(
        slug, MODERATOR, MODERATOR.role, "a", reason='said "no"', ban_s=60
    )  # fmt: skip
    (told,) = await until(heard, DetachedNotice)
    assert (told.why, told.reason) == ("banned", 'said "no"') and told.until_ms
    for act in (admission.enter(slug, person("a"), socket("2"), wait=True),
                admission.resume(slug, person("a"), socket("2"))):  # fmt: skip
        banned = await refused(act)
        assert banned.code is Code.BANNED and banned.detail["until"].endswith("Z")
    # A banned moderator has no rights here either; a ban without a seat is an event too.
    await admission.remove(slug, MODERATOR, MODERATOR.role, "mod2", ban_s=60)
    other = person("mod2", Role.MODERATOR)
    assert (await refused(admission.lock(slug, other, other.role, True, None))).code == "forbidden"
    top = await admission.unban(slug, MODERATOR, MODERATOR.role, "a")
    assert top == seq + 1
    assert isinstance(await admission.enter(slug, person("a"), socket("3"), wait=True), Seated)


async def test_the_grace_counts_from_the_last_sign_of_life(url: str, slug: str) -> None:
    store = await connected(url, lease_ms=1_000, offer_ms=1_000)
    try:
        await make(store, slug, capacity=1)
        admission = store.admission
        await admission.enter(slug, person("a"), socket("1"), wait=True)
        began = time.monotonic()
        await admission.drop(slug, "a", SOCKET, "1", 100)
        assert (await admission.view(slug)).counts.held == 1
        assert await admission.enter(slug, person("b"), socket("2"), wait=True) == Queued(1, 1)
        while await admission.positions(slug, ["b"]) != ({}, 0):
            assert time.monotonic() < began + 5
            await admission.renew([Renewal(slug, "b", SOCKET, "2")])
            await admission._gate.run("sweep", slug)
        assert time.monotonic() - began >= 0.85
        gone = await refused(admission.resume(slug, person("a"), socket("3")))
        assert gone.code is Code.SEAT_EXPIRED
        assert isinstance(await admission.resume(slug, person("b"), socket("4")), Seated)
    finally:
        await store.close()


async def test_a_backlog_beyond_every_batch_is_dead_before_it_is_swept(url: str, slug: str) -> None:
    """600 seats lapse at once: none is revived, none takes room from those who come."""
    store = await connected(url, lease_ms=1_500)
    try:
        await make(store, slug, capacity=600)
        admission = store.admission
        names = [f"p{i}" for i in range(600)]
        await asyncio.gather(
            *(admission.enter(slug, person(n), socket(n), wait=False) for n in names)
        )
        await admission.capacity(slug, MODERATOR, MODERATOR.role, 5)
        deadline = time.monotonic() + 10
        while (await admission.view(slug)).counts.live:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        stale = [Renewal(slug, n, SOCKET, n) for n in names]
        assert list(await admission.renew(stale)) == stale
        await asyncio.gather(*(admission.drop(slug, n, SOCKET, n, 0) for n in names[:300]))
        back = await asyncio.gather(
            *(admission.resume(slug, person(n), socket(n)) for n in names),
            return_exceptions=True,
        )  # fmt: skip
        assert all(isinstance(x, Refusal) and x.code is Code.SEAT_EXPIRED for x in back)
        again = await asyncio.gather(
            *(admission.enter(slug, person(n), socket(n + "x"), wait=True) for n in names)
        )
        assert sum(isinstance(x, Seated) for x in again) == 5
        places = [x.position for x in again if isinstance(x, Queued)]
        assert sorted(places) == list(range(1, 596))
    finally:
        await store.close()
