"""The seam between a snapshot and the stream, and what a tick puts together."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.live import wire
from hub.live.fanout import RING, LocalRoom
from hub.live.writer import LOSSES, Straight, frame
from rooms.messages import encode, frame_payload
from rooms.notices import EventNotice
from tests.live.driver import Hub


class Clock:
    """The loop's clock and timers, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Timer]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, call: Callable[[], None]) -> Timer:
        return self.call_later(0, call)

    def call_later(self, wait: float, call: Callable[[], None]) -> Timer:
        timer = Timer(call)
        self.due.append((self.now + wait, timer))
        return timer

    def advance(self, seconds: float) -> None:
        self.now += seconds
        ready = [timer for at, timer in self.due if at <= self.now]
        self.due = [(at, timer) for at, timer in self.due if at > self.now]
        for timer in ready:
            if not timer.cancelled:
                timer.call()


class Timer:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Wire:
    """What ``LocalRoom`` needs of a connection, and what it was sent: a real socket that keeps
    one write apart from the next, so that both ways to it are the real ones."""

    def __init__(self) -> None:
        self.slow = False
        self.closing = None
        self.sent = 0.0
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._frames: list[list[Any]] = []
        self.sender = SimpleNamespace(straight=Straight(self.ending, self._ours.fileno()))
        self.size = 0
        self.over = False  # its transport is closing; the number may be another's by now

    def ending(self) -> bool:
        return self.over

    def __del__(self) -> None:
        self._ours.close()
        self._theirs.close()

    def deliver(self, packed: bytes) -> None:
        self._ours.send(packed)

    def queued(self) -> int:
        return self.size

    @property
    def frames(self) -> list[list[Any]]:
        while select.select([self._theirs], [], [], 0)[0]:
            self._frames.append(json.loads(self._theirs.recv(1 << 20)))
        return self._frames

    def seqs(self) -> list[int]:
        return [one["seq"] for part in self.frames for one in part if one["type"] == "event"]


class Joined:
    """A member as ``LocalRoom`` sees it."""

    def __init__(self) -> None:
        self.conn = Wire()
        self.stale = False


def run(work: Coroutine[Any, Any, None]) -> None:
    """``_spread`` only ever sleeps for nothing: step it to its end."""
    while True:
        try:
            work.send(None)
        except StopIteration:
            return


def local(clock: Clock) -> LocalRoom:
    return LocalRoom(
        "a",
        pack=lambda payload: payload,
        tick_s=0.025,
        spawn=run,
        loop=clock,  # type: ignore[arg-type]
        slice_=5,
    )


def event(seq: int, epoch: str = "e") -> EventNotice:
    return EventNotice("a", epoch, seq, "chat", 0, "bob", msgspec.Raw(b"{}"))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 4)),
        st.tuples(st.just("bus"), st.integers(1, 6)),
        st.tuples(st.just("join"), st.integers(0, 5)),
        st.tuples(st.just("tick"), st.integers(1, 60)),
        st.tuples(st.just("repeat"), st.integers(1, 3)),
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_a_joiner_gets_each_event_after_its_snapshot_once(steps: list[tuple[str, int]]) -> None:
    """Redis has ``head`` events, the bus has brought ``seen``; a snapshot may be of any moment
    between what was published when it was asked for and now."""
    clock = Clock()
    room = local(clock)
    head = seen = 0
    joined: list[tuple[Joined, int, list[int]]] = []
    for step, size in steps:
        if step == "publish":
            head += size
        elif step == "bus":
            for _ in range(min(size, head - seen)):
                seen += 1
                assert room.take(event(seen))
        elif step == "repeat":
            for seq in range(max(1, seen - size), seen + 1):
                room.take(event(seq))
        elif step == "join":
            member, seq = Joined(), max(0, head - size)
            known = room.add(member, seq, "e")  # type: ignore[arg-type]
            if known is not None:
                joined.append((member, seq, [json.loads(one)["seq"] for one in known]))
        else:
            clock.advance(size / 1000)
    for seq in range(seen + 1, head + 1):
        room.take(event(seq))
    clock.advance(1)
    clock.advance(1)
    for member, seq, known in joined:
        assert known + member.conn.seqs() == list(range(seq + 1, head + 1))
    assert not room.catching


def test_a_snapshot_older_than_the_ring_is_taken_again() -> None:
    clock = Clock()
    room = local(clock)
    for seq in range(1, RING + 10):
        room.take(event(seq))
    assert room.add(Joined(), 5, "e") is None  # type: ignore[arg-type]
    assert room.add(Joined(), 10, "e") is not None  # type: ignore[arg-type]


def test_first_at_once_then_a_tick_together() -> None:
    clock = Clock()
    room = local(clock)
    member = Joined()
    room.add(member, 0, "e")  # type: ignore[arg-type]
    room.take(event(1))
    clock.advance(0)
    assert member.conn.seqs() == [1]
    for seq in range(2, 12):
        room.take(event(seq))
        clock.advance(0.001)
    assert member.conn.seqs() == [1]
    clock.advance(0.025)
    assert [len(part) for part in member.conn.frames] == [1, 10]


def test_latest_wins_and_is_dropped_for_the_slow() -> None:
    clock = Clock()
    room = local(clock)
    quick, slow = Joined(), Joined()
    for member in (quick, slow):
        room.add(member, 0, "e")  # type: ignore[arg-type]
    slow.conn.slow = True
    room.reorder()
    room.latest("room", b'{"type":"room","live":1}')
    room.latest("room", b'{"type":"room","live":2}')
    room.take(event(1))
    clock.advance(0)
    assert [one["type"] for one in quick.conn.frames[0]] == ["event", "room"]
    assert quick.conn.frames[0][1]["live"] == 2
    assert slow.conn.frames == [[{**quick.conn.frames[0][0]}]]
    assert slow.stale and not quick.stale


def test_large_rooms_are_written_in_slices_and_in_order() -> None:
    clock = Clock()
    room = local(clock)
    members = [Joined() for _ in range(23)]
    for member in members:
        room.add(member, 0, "e")  # type: ignore[arg-type]
    for seq in range(1, 5):
        room.take(event(seq))
        clock.advance(0.03)
    clock.advance(0.03)
    assert all(member.conn.seqs() == [1, 2, 3, 4] for member in members)


def test_what_changes_between_two_slices_is_seen() -> None:
    """Who left gets nothing, who reads slowly what must arrive, who came nothing twice."""
    clock = Clock()
    room = local(clock)
    members = [Joined() for _ in range(23)]
    for member in members:
        room.add(member, 0, "e")  # type: ignore[arg-type]
    late = Joined()

    def meddle(work: Coroutine[Any, Any, None]) -> None:
        work.send(None)  # the first slice
        room.remove(members[12].conn)  # type: ignore[arg-type]
        members[17].conn.slow = True
        room.reorder()
        room.add(late, 1, "e")  # type: ignore[arg-type]
        run(work)

    room._spawn = meddle
    room.latest("room", b'{"type":"room","live":1}')
    room.take(event(1))
    clock.advance(0)
    assert members[0].conn.seqs() == members[22].conn.seqs() == [1]
    assert not members[12].conn.frames and not late.conn.frames
    assert members[17].conn.seqs() == [1] and len(members[17].conn.frames[0]) == 1
    assert members[17].stale


def test_events_out_of_order_wait_for_the_gap() -> None:
    room = local(Clock())
    member = Joined()
    room.add(member, 0, "e")  # type: ignore[arg-type]
    assert room.take(event(1))
    assert not room.take(event(3))
    assert not room.take(event(4))
    assert room.take(event(2))
    assert [seq for seq, _ in room.ring] == [1, 2, 3, 4] and not room.ahead


def test_frames_have_the_three_lengths_of_rfc_6455() -> None:
    assert frame(b"a" * 125)[:2] == b"\x81\x7d"
    assert frame(b"a" * 126)[:4] == b"\x81\x7e\x00\x7e"
    assert frame(b"a" * 65536)[:10] == b"\x81\x7f" + (65536).to_bytes(8, "big")


async def test_lost_notices_are_fetched(hub: Hub) -> None:
    """The bus skips two events: everyone still gets them, once and in order."""
    room = await hub.room()
    ada, bob = await hub.inside(room, "ada", "bob")
    notice = hub.live.rooms.notice
    hub.services.bus.listen(lambda notice: None, hub.live.rooms.lost)
    lost = [await bob.say(text) for text in ("one", "two")]
    hub.services.bus.listen(notice, hub.live.rooms.lost)
    last = await bob.say("three")
    assert [one["seq"] for one in await ada.events(3)] == [*lost, last]
    # A reconnected bus says which rooms to look after: nothing more is missed or repeated.
    hub.services.bus.listen(lambda notice: None, hub.live.rooms.lost)
    hidden = await bob.say("four")
    hub.services.bus.listen(notice, hub.live.rooms.lost)
    hub.live.rooms.lost(frozenset({room}))
    assert (await ada.expect("event"))["seq"] == hidden
    assert (await ada.expect("roster", fresh=True))["total"] == 2
    assert not ada.kept("event")


def test_nothing_is_written_to_the_descriptor_of_a_lost_connection() -> None:
    clock = Clock()
    room = local(clock)
    people = [Joined() for _ in range(12)]  # more than two slices
    for one in people:
        assert room.add(one, 0, "e") == []  # type: ignore[arg-type]
    last = 12
    gone = {1: 0, 11: 0, 2: 3, 7: 5, 10: 6, 0: 9}  # place: after event
    for seq in range(last):
        for place, after in gone.items():
            if after == seq:
                people[place].conn.over = True
                LOSSES.count += 1  # as its transport does before it closes the socket
        assert room.take(event(seq + 1))
        clock.advance(1)
    assert [one.conn.seqs() for one in people] == [
        list(range(1, gone.get(place, last) + 1)) for place in range(12)
    ]


def test_a_loss_between_two_slices_is_seen() -> None:
    clock = Clock()
    room = local(clock)
    people = [Joined() for _ in range(12)]
    for one in people:
        room.add(one, 0, "e")  # type: ignore[arg-type]

    def lose(work: Coroutine[Any, Any, None]) -> None:
        work.send(None)  # the first slice
        people[0].conn.over = people[11].conn.over = True
        LOSSES.count += 1
        run(work)

    room._spawn = lose
    room.take(event(1))
    clock.advance(0)
    assert people[0].conn.seqs() == people[10].conn.seqs() == [1]
    assert not people[11].conn.seqs()


def test_what_the_kernel_does_not_take_goes_the_transport_s_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    room = local(clock)
    people = [Joined() for _ in range(12)]
    for one in people:
        room.add(one, 0, "e")  # type: ignore[arg-type]
    rest: list[bytes] = []
    some, full = people[7].conn, people[11].conn  # in the second slice, and in the third
    some.deliver = rest.append  # type: ignore[method-assign]
    real = os.write

    def write(descriptor: int, packed: bytes) -> int:
        if descriptor == full.sender.straight.descriptor:
            raise BlockingIOError
        return 3 if descriptor == some.sender.straight.descriptor else real(descriptor, packed)

    monkeypatch.setattr(os, "write", write)
    room.take(event(1))
    clock.advance(0)
    frames = [one.conn.frames for one in people]
    assert [len(got) for got in frames] == [0 if place == 7 else 1 for place in range(12)]
    assert rest == [frame_payload([encode(wire.event(event(1)))])[3:]]
