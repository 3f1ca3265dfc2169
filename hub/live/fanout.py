"""A room as this process sees it: whom to write to, and what is waiting for the tick.

``LocalRoom`` turns the room's notices into frames: all that came within a tick is joined
into one JSON array, framed once, and the same bytes are written to every socket. What
comes after a quiet moment goes at once.

Where a snapshot meets the stream. A joiner's snapshot is true as of seq S; the bus may be
behind S or ahead of it. Someone added at S gets every event above S exactly once: what was
already seen comes from the ring, and while the room has not passed S (or has events
pending) the joiner is ``catching`` and gets frames of its own.
"""

from __future__ import annotations

import asyncio
import os
from array import array
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from operator import length_hint
from typing import TYPE_CHECKING, Any, Final

from rooms.messages import encode, frame_payload
from rooms.notices import EventNotice

from . import wire
from .writer import LOSSES, Straight

if TYPE_CHECKING:
    from hub.live.connection import Connection, Member

#: Writes between two looks at the rest of the loop.
YIELD_EVERY: Final = 500
#: A descriptor that is never open: writing to it fails.
NOBODY: Final = -1
#: Recent events kept to patch joiners; more than any bus lag seen, small in memory.
RING: Final = 256
#: Events that came out of order and wait for the gap before them to be fetched.
AHEAD_MAX: Final = 4096


class LocalRoom:
    """One room's sockets and its pending frame.

    Args:
        pack: ``Writers.pack``
        tick_s: how long messages are gathered
        spawn: starts a task that is looked after
        slice_: sockets written to between two looks at the rest of the loop
    """

    def __init__(
        self,
        slug: str,
        *,
        pack: Callable[[bytes], bytes],
        tick_s: float,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        loop: asyncio.AbstractEventLoop,
        slice_: int = YIELD_EVERY,
    ) -> None:
        self.slug = slug
        self.talk: bool | None = None  # a negotiation room; None: no snapshot has said so yet
        self.relay_only = False
        self.knocks = 0  # notices of who knocks that came
        self.epoch: str | None = None
        self.last: int | None = None  # the newest event seen on the bus
        self.ring: deque[tuple[int, bytes]] = deque(maxlen=RING)
        self.ahead: dict[int, EventNotice] = {}
        self.people: dict[str, Member] = {}  # by person: inside, waiting or entering here
        self.members: dict[Connection, Member] = {}
        self.catching: dict[Connection, tuple[Member, int]] = {}
        self._must: list[tuple[int, bytes]] = []
        self._latest: dict[str, bytes] = {}
        self._pack = pack
        self._tick_s = tick_s
        self._slice = slice_
        self._spawn = spawn
        self._loop = loop
        self._timer: asyncio.Handle | None = None
        self._spreading = False
        self._line: Line | None = None  # None: to be made anew
        self._changes = 0
        self.sent = 0.0  # when everybody in ``members`` was last sent something

    # --- in ------------------------------------------------------------------------------

    def take(self, notice: EventNotice) -> bool:
        """One numbered event; False when events before it are missing (it is kept).

        A repeat is ignored. The caller has seen to it that the epoch is this room's.
        """
        if self.last is not None:
            if notice.seq <= self.last:
                return True
            if notice.seq > self.last + 1:
                if len(self.ahead) < AHEAD_MAX:
                    self.ahead[notice.seq] = notice
                return False
        self._append(notice)
        while self.last is not None and (after := self.ahead.pop(self.last + 1, None)):
            self._append(after)
        return True

    def _append(self, notice: EventNotice) -> None:
        self.epoch = notice.epoch
        self.last = notice.seq
        encoded = encode(wire.event(notice))
        self.ring.append((notice.seq, encoded))
        if self.members or self.catching:
            self._must.append((notice.seq, encoded))
            self._schedule()

    def latest(self, kind: str, encoded: bytes) -> None:
        """Latest wins: replaces what is pending of the same kind."""
        if self.members or self.catching:
            self._latest[kind] = encoded
            self._schedule()

    def pending(self, kind: str) -> bool:
        return kind in self._latest

    # --- who -----------------------------------------------------------------------------

    def add(self, member: Member, seq: int, epoch: str) -> list[bytes] | None:
        """Add a socket whose snapshot is true as of ``seq``.

        Returns the encoded events above ``seq`` that were already seen, to be sent right
        after the snapshot; None when they are not at hand any more (take a new snapshot).
        Nothing may be awaited between this call and that sending.
        """
        if self.last is None or self.epoch != epoch:
            self.epoch, self.last = epoch, seq
            self.ring.clear()
        known: list[bytes] = []
        if self.last > seq:
            known = [encoded for number, encoded in self.ring if number > seq]
            if len(known) != self.last - seq:
                return None
        reached = max(seq, self.last)
        self.remove(member.conn)
        if reached > self.last or self._must:
            self.catching[member.conn] = (member, reached)
        else:
            self.members[member.conn] = member
            self.reorder()
        return known

    def remove(self, conn: Connection) -> None:
        if self.members.pop(conn, None) is not None:
            self.reorder()
        self.catching.pop(conn, None)

    def reorder(self) -> None:
        """Someone came, went, reads slowly, reads again or is closing."""
        self._line = None
        self._changes += 1

    def everyone(self) -> list[Member]:
        """Those who get the room's frames."""
        return [*self.members.values(), *(member for member, _ in self.catching.values())]

    # --- out -----------------------------------------------------------------------------

    def _schedule(self) -> None:
        if self._timer is not None or self._spreading:
            return
        wait = self.sent + self._tick_s - self._loop.time()
        if wait <= 0:
            # What else this turn of the loop brings goes along.
            self._timer = self._loop.call_soon(self.flush)
        else:
            self._timer = self._loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Send what is pending as one frame; large rooms in slices, others at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._spreading or not (self._must or self._latest):
            return
        must, latest = self._must, self._latest
        self._must, self._latest = [], {}
        self.sent = self._loop.time()
        batch = Batch(self._pack, [encoded for _, encoded in must], latest.values())
        line = self._line = self._line or Line(self.members)
        for conn in line.slow:
            self._write_slow(conn, batch)
        for conn in line.through:
            conn.deliver(batch.full)
        if line.through:
            self.reorder()  # by then their transports may be empty again
        if self.catching:
            self._flush_catching(must, list(latest.values()))
        if len(line.straight) <= self._slice:
            self._write(line, 0, batch)
        else:
            self._spreading = True
            self._spawn(self._spread(line, batch))

    def _flush_catching(self, must: list[tuple[int, bytes]], latest: list[bytes]) -> None:
        for conn, (member, reached) in list(self.catching.items()):
            own = [encoded for seq, encoded in must if seq > reached]
            if own or latest:
                conn.deliver(self._pack(frame_payload([*own, *latest])))
            if self.last is not None and self.last >= reached:
                del self.catching[conn]
                self.members[conn] = member
                self.reorder()

    async def _spread(self, line: Line, batch: Batch) -> None:
        changes = self._changes
        try:
            for start in range(0, len(line.straight), self._slice):
                if start:
                    await asyncio.sleep(0)
                    if self._changes != changes:
                        self._write_rest(line, start, batch)
                        return
                self._write(line, start, batch)
        finally:
            self._spreading = False
            if self._must or self._latest:
                self._schedule()

    def _write(self, line: Line, start: int, batch: Batch) -> None:
        """The hot loop: one call a socket, and no object touched that a send does not need; each is
        a cache line that the kernel has just pushed out. That nobody is gone is asked of all
        before, and only when a connection was lost: nothing of the loop runs in between."""
        if line.losses != LOSSES.count:
            line.look()
        packed, write = batch.full, os.write
        size = len(packed)
        descriptors = line.descriptors[start : start + self._slice]
        left = iter(descriptors)
        for descriptor in left:
            try:
                sent = write(descriptor, packed)
            except BlockingIOError:
                sent = 0
            except OSError:
                continue
            if sent != size:
                place = start + len(descriptors) - length_hint(left) - 1
                line.straight[place].deliver(packed[sent:])

    def _write_rest(self, line: Line, start: int, batch: Batch) -> None:
        """The room changed between two slices: look at each of those left before writing."""
        for conn in line.straight[start:]:
            if conn in self.members:
                if conn.slow:
                    self._write_slow(conn, batch)
                else:
                    conn.deliver(batch.full)

    def _write_slow(self, conn: Connection, batch: Batch) -> None:
        member = self.members.get(conn)
        if member is None or conn.closing is not None:
            return
        if batch.droppable:
            member.stale = True
        if batch.must is not None:
            conn.deliver(batch.must)


class Line:
    """Who is written to, and how, in the form the hot loop wants; good until the room changes.

    ``straight``: round the transport, with ``descriptors`` beside it, which hold for ``losses``;
    ``through``: by the transport (TLS, something queued); ``slow``: only what must arrive.
    """

    __slots__ = ("_ways", "descriptors", "losses", "slow", "straight", "through")

    def __init__(self, members: Iterable[Connection]) -> None:
        self.straight: list[Connection] = []
        self.through: list[Connection] = []
        self.slow: list[Connection] = []
        self._ways: list[Straight] = []
        for conn in members:
            if conn.closing is not None:
                continue
            if conn.slow:
                self.slow.append(conn)
            elif (way := conn.sender.straight) is None or conn.queued():
                self.through.append(conn)
            else:
                self.straight.append(conn)
                self._ways.append(way)
        self.look()

    def look(self) -> None:
        """Connections may have been lost: those that are closing get nothing more; their reading
        side ends them, and their descriptors may be others' by now."""
        self.losses = LOSSES.count
        # By way of an array the numbers are made anew, and lie in a row in memory: 5 % of a send.
        self.descriptors = array(
            "i", [NOBODY if way.closing() else way.descriptor for way in self._ways]
        ).tolist()


class Batch:
    """One tick's messages, framed for everybody and (when asked) without the droppable."""

    __slots__ = ("_events", "_must", "_pack", "droppable", "full")

    def __init__(
        self, pack: Callable[[bytes], bytes], events: list[bytes], latest: Iterable[bytes]
    ) -> None:
        dropped = list(latest)
        self._pack = pack
        self._events = events
        self._must: bytes | None = None
        self.droppable = bool(dropped)
        self.full = pack(frame_payload([*events, *dropped]))

    @property
    def must(self) -> bytes | None:
        if self._must is None and self._events:
            self._must = self._pack(frame_payload(self._events))
        return self._must
