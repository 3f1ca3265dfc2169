"""What the port promises, case by case, on both servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from hub.ports import Queued, Renewal, Seated
from hub.store import Store
from hub.store.keys import room_keys
from rooms.errors import Code, Refusal
from rooms.model import (
    Attachment,
    Role,
    RoomSpec,
    RoomState,
    SeatState,
    Source,
    SourceState,
)
from rooms.notices import DetachedNotice, EventNotice, Notice, PromotedNotice, QueueNotice
from tests.store.servers import PUBLISH, SOCKET, SUBSCRIBE, connected, person, socket

MODERATOR = person("mod", Role.MODERATOR)


async def refused(act: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await act
    return caught.value


async def make(store: Store, slug: str, **settings: Any) -> None:
    assert await store.admission.load(RoomSpec(slug=slug, title="T", **settings))


@pytest.fixture
async def heard(store: Store, slug: str) -> AsyncIterator[list[Notice]]:
    """Notices of the test's room, in order."""
    found: list[Notice] = []
    store.bus.listen(found.append, lambda rooms: None)
    await store.bus.start()
    await store.bus.follow(slug)
    yield found


async def until(found: list[Notice], kind: type[Any], number: int = 1) -> list[Any]:
    deadline = time.monotonic() + 5
    while sum(isinstance(n, kind) for n in found) < number:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.005)
    return [n for n in found if isinstance(n, kind)]


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


async def test_rights_are_read_where_the_act_happens(store: Store, slug: str) -> None:
    await make(store, slug)
    admission, who, role = store.admission, person("a"), Role.PARTICIPANT
    await admission.enter(slug, who, socket("1"), wait=True)
    before = await admission.view(slug)
    for act in (
        admission.capacity(slug, who, role, 9), admission.lock(slug, who, role, True, None),
        admission.remove(slug, who, role, "a"), admission.unban(slug, who, role, "a"),
        admission.stage(slug, who, role, "a", True), admission.close(slug, who, role),
        admission.mute(slug, who, role, "a", Source.CAMERA),
        admission.chat_mode(slug, who, role, "off", 0), admission.announce(slug, who, role, "x"),
        admission.remove(slug, who, Role.HOST, "a", ban_s=5),
        admission.capacity(slug, who, Role.HOST, 9),
    ):  # fmt: skip
        assert (await refused(act)).code is Code.FORBIDDEN
    assert await admission.view(slug) == before


async def test_stage_sources_and_what_unstaging_ends(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await make(store, slug, stage_capacity=2)
    admission, act = store.admission, (MODERATOR, MODERATOR.role)
    await admission.enter(slug, person("h", Role.HOST), socket("1"), wait=True)
    await admission.enter(slug, person("a"), socket("2"), wait=True)
    await admission.enter(slug, person("b"), socket("3"), wait=True)
    camera = Attachment(PUBLISH, "p1", "hub-1")
    assert (await refused(admission.attach(slug, "a", camera))).code is Code.NOT_ON_STAGE
    assert (await refused(admission.stage(slug, *act, "x", True))).code is Code.NOT_IN_ROOM
    await admission.hand(slug, "a", True)
    await admission.hand(slug, "b", True)
    await admission.stage(slug, *act, "a", True)
    assert (await refused(admission.stage(slug, *act, "b", True))).code is Code.STAGE_FULL
    await admission.attach(slug, "a", camera)
    await admission.sources(slug, "a", {Source.CAMERA: False, Source.MICROPHONE: False})
    await admission.mute(slug, *act, "a", Source.MICROPHONE)
    view = await admission.view(slug)
    assert [m.id for m in view.stage] == ["h", "a"] and view.hands == ("b",)
    assert view.stage[1].sources == (
        SourceState(Source.CAMERA, False), SourceState(Source.MICROPHONE, True),
    )  # fmt: skip
    whip = admission.enter(
        slug, person("w", Role.SPEAKER), Attachment(PUBLISH, "w", "h"), wait=False, stage=True
    )
    assert (await refused(whip)).code is Code.STAGE_FULL
    down = await admission.stage(slug, person("a"), Role.PARTICIPANT, "a", False)
    (told,) = await until(heard, DetachedNotice)
    assert (told.attachment, told.why) == ("p1", "unstaged")
    assert await admission.stage(slug, *act, "a", False) == down
    a = await admission.person(slug, "a")
    assert a is not None and not a.stage and a.state is SeatState.LIVE


async def test_chat_is_numbered_kept_and_moderated(store: Store, slug: str) -> None:
    await make(store, slug, slow_mode_s=30)
    admission, act = store.admission, (MODERATOR, MODERATOR.role)
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    say = admission.say
    assert (await refused(say(slug, "z", "Z", Role.PARTICIPANT, "x"))).code is Code.NOT_IN_ROOM
    assert await say(slug, "a", "A", Role.PARTICIPANT, "hé \u2028 \x00 </script>") == 1
    slow = await refused(say(slug, "a", "A", Role.PARTICIPANT, "again"))
    assert slow.code is Code.RATE_LIMITED and 29_000 < (slow.retry_after_ms or 0) <= 30_000
    assert await admission.chat_mode(slug, *act, "off", 0) == 2
    assert (await refused(say(slug, "a", "A", Role.PARTICIPANT, "x"))).code is Code.FORBIDDEN
    snapshot = await admission.snapshot(slug)
    body = msgspec.json.decode(snapshot.chat[0].body)
    assert body == {"text": "hé \u2028 \x00 </script>", "name": "A"}
    assert snapshot.view.seq == 2 and snapshot.view.spec.chat == "off"
    stranger = person("b")
    await admission.enter(slug, stranger, socket("2"), wait=True)
    unsay = admission.unsay
    assert (await refused(unsay(slug, stranger, stranger.role, 1))).code is Code.FORBIDDEN
    assert (await refused(unsay(slug, *act, 99))).code is Code.BAD_MESSAGE
    assert await unsay(slug, person("a"), Role.PARTICIPANT, 1) == 3
    assert not (await admission.snapshot(slug)).chat


async def test_since_gives_each_missed_event_once_or_a_gap(url: str, slug: str) -> None:
    store = await connected(url, log_events=50)
    try:
        await make(store, slug)
        for i in range(60):
            await store.admission.announce(slug, MODERATOR, MODERATOR.role, str(i))
        epoch = (await store.admission.view(slug)).epoch
        missed = await store.admission.since(slug, epoch, 20)
        assert [e.seq for e in missed.events] == list(range(21, 61)) and not missed.gap
        assert not (await store.admission.since(slug, epoch, 10)).gap
        for at_epoch, seq in ((epoch, 9), (epoch, 61), ("other", 60)):
            gap = await store.admission.since(slug, at_epoch, seq)
            assert gap.gap and not gap.events and gap.seq == 60
    finally:
        await store.close()


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


async def test_the_roster_pages_without_hole_or_repeat_while_people_come_and_go(
    store: Store, slug: str
) -> None:
    await make(store, slug, capacity=500)
    admission = store.admission
    for i in range(120):
        await admission.enter(slug, person(f"p{i:03}"), socket(f"{i}"), wait=True)
    await admission.enter(slug, person("host", Role.HOST), socket("h"), wait=True)
    await admission.enter(slug, person("mod", Role.MODERATOR), socket("m"), wait=True)
    await admission.hand(slug, "p077", True)
    first = (await admission.snapshot(slug)).roster
    assert [p.id for p in first.items[:4]] == ["host", "p077", "mod", "p000"]
    assert first.total == 122 and len(first.items) == 53
    seen, cursor = [p.id for p in first.items], first.next
    leaving = iter(["p001", "p060", "p119"])
    while cursor:
        gone = next(leaving, None)
        if gone:
            await admission.leave(slug, gone, str(int(gone[1:])))
        page = await admission.roster(slug, cursor, 30)
        seen += [p.id for p in page.items]
        cursor = page.next
    assert len(seen) == len(set(seen))
    assert {f"p{i:03}" for i in range(120)} - {"p060", "p119"} <= set(seen)
    people, following = await admission.participants(slug, None, None, 100)
    rest, end = await admission.participants(slug, None, following, 100)
    assert len(people) + len(rest) == 119 and end is None


async def test_lowering_evicts_nobody_unless_asked_then_the_newest_first(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await make(store, slug, capacity=5)
    admission = store.admission
    for name in ("a", "b", "c"):
        await admission.enter(slug, person(name), socket(name), wait=True)
    await admission.enter(slug, person("h", Role.HOST), socket("h"), wait=True)
    await admission.capacity(slug, MODERATOR, MODERATOR.role, 2)
    assert (await admission.view(slug)).counts.live == 4
    await admission.capacity(slug, MODERATOR, MODERATOR.role, 2, evict=True)
    told = await until(heard, DetachedNotice, 2)
    assert [(n.id, n.why) for n in told] == [("c", "evicted"), ("b", "evicted")]
    events = [e.kind for e in heard if isinstance(e, EventNotice)]
    assert events == ["capacity"]


async def test_closing_sends_everyone_away_and_stays(
    store: Store, slug: str, heard: list[Notice]
) -> None:
    await make(store, slug, capacity=1)
    admission = store.admission
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    await admission.enter(slug, person("b"), socket("2"), wait=True)
    seq = await admission.close(slug, MODERATOR, MODERATOR.role)
    assert await admission.close(slug, MODERATOR, MODERATOR.role) == seq
    told = await until(heard, DetachedNotice, 2)
    assert {(n.id, n.why) for n in told} == {("a", "closed"), ("b", "closed")}
    view = await admission.view(slug)
    assert view.state is RoomState.CLOSED and view.counts.occupied + view.counts.waiting == 0
    late = await refused(admission.enter(slug, person("a"), socket("3"), wait=True))
    assert late.code is Code.ROOM_CLOSED
    assert await store.submitter.call("ZSCORE", room_keys(slug)[18], slug) is None


async def test_a_changed_configuration_takes_effect_with_its_events(
    store: Store, slug: str
) -> None:
    await make(store, slug, capacity=1)
    admission = store.admission
    await admission.enter(slug, person("a"), socket("1"), wait=True)
    await admission.enter(slug, person("b"), socket("2"), wait=True)
    await admission.settings(RoomSpec(slug=slug, title="New", capacity=2, chat="off"))
    view = await admission.view(slug)
    assert (view.spec.title, view.spec.capacity, view.counts.offered) == ("New", 2, 1)
    kinds = [e.kind for e in (await admission.since(slug, view.epoch, 0)).events]
    assert kinds == ["capacity", "chat_mode"]
    await admission.settings(RoomSpec(slug=slug + "-new", title="N"))
    assert (await admission.view(slug + "-new")).state is RoomState.OPEN
