"""What anyone may know about the public rooms just now: the source of `/` and of a lobby.

Read from the directory and the board at most once a second, whatever the number of readers.
Negotiation rooms never appear: to anyone not invited they do not exist.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from hub.ports import Board, BoardRow, Directory, RoomRecord, StoreLost
from rooms import times
from rooms.model import Kind, RoomState

_FRESH_S: Final = 1.0
_PAGE: Final = 100
_PAGES_MAX: Final = 20  # of _PAGE rooms: more than a fair's 500 conferences at a time
NEARLY_FULL: Final = 0.9

Status = Literal["open", "nearly_full", "full", "locked", "scheduled", "closed"]


@dataclass(frozen=True, slots=True)
class RoomNow:
    """A public room; ``inside`` and ``waiting`` are None while Redis does not answer."""

    slug: str
    title: str
    status: Status
    inside: int | None
    waiting: int | None
    capacity: int
    lock_message: str | None
    guests: bool
    waitlist: bool
    opens_at: int | None
    closes_at: int | None

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self)
        for name in ("opens_at", "closes_at"):
            fields[name] = rfc3339(fields[name])
        return fields


def rfc3339(ms: int | None) -> str | None:
    return None if ms is None else times.rfc3339(ms)


def room_now(record: RoomRecord, row: BoardRow | None, now_ms: int, known: bool) -> RoomNow:
    """One room from its configuration and its line on the board (None: nobody came yet)."""
    spec = record.spec
    state = row.state if row else spec.state(now_ms)
    occupied = row.live + row.held + row.offered if row else 0
    waiting = row.waiting if row else 0
    capacity = row.capacity if row else spec.capacity
    status: Status = "open"
    if state is RoomState.CLOSED:
        status = "closed"
    elif state is RoomState.SCHEDULED:
        status = "scheduled"
    elif row.locked if row else spec.locked:
        status = "locked"
    elif waiting or occupied >= capacity - spec.reserved:
        status = "full"
    elif occupied >= capacity * NEARLY_FULL:
        status = "nearly_full"
    return RoomNow(
        slug=spec.slug,
        title=spec.title,
        status=status,
        inside=(row.live + row.held if row else 0) if known else None,
        waiting=waiting if known else None,
        capacity=capacity,
        lock_message=spec.lock_message if status == "locked" else None,
        guests=spec.guests,
        waitlist=spec.waitlist,
        opens_at=spec.opens_at,
        closes_at=spec.closes_at,
    )


@dataclass(frozen=True, slots=True)
class Now:
    """All public rooms at one moment. ``etag`` changes when anything shown changes."""

    rooms: tuple[RoomNow, ...]
    etag: str


class Programme:
    def __init__(self, directory: Directory, board: Board) -> None:
        self._directory = directory
        self._board = board
        self._lock = asyncio.Lock()
        self._now: Now | None = None
        self._read_at = 0.0

    async def now(self) -> Now:
        """The public rooms, open ones first, at most a second old (plus the board's two)."""
        async with self._lock:
            if self._now is None or time.monotonic() - self._read_at > _FRESH_S:
                self._now = await self._read()
                self._read_at = time.monotonic()
            return self._now

    async def room(self, slug: str) -> RoomNow | None:
        """One public room; a room made a moment ago is found too."""
        found = next((room for room in (await self.now()).rooms if room.slug == slug), None)
        if found is not None:
            return found
        record = await self._directory.room(slug)
        if record is None or record.spec.kind is not Kind.CONFERENCE:
            return None
        return room_now(record, None, int(time.time() * 1000), known=True)

    async def _read(self) -> Now:
        records: list[RoomRecord] = []
        cursor: str | None = None
        for _ in range(_PAGES_MAX):
            page, cursor = await self._directory.rooms(
                kind=Kind.CONFERENCE.value, q=None, cursor=cursor, limit=_PAGE
            )
            records += page
            if cursor is None:
                break
        try:
            rows = {row.room: row for row in (await self._board.read()).rows}
            known = True
        except StoreLost:
            rows, known = {}, False
        now_ms = int(time.time() * 1000)
        rooms = [room_now(record, rows.get(record.spec.slug), now_ms, known) for record in records]
        rooms.sort(key=_order)
        digest = hashlib.sha256(repr(rooms).encode()).hexdigest()[:16]
        return Now(rooms=tuple(rooms), etag=digest)


def _order(room: RoomNow) -> tuple[int, int, str]:
    """Where most people are first; then what opens soonest; closed rooms last."""
    last = {"scheduled": 1, "closed": 2}.get(room.status, 0)
    within = (room.opens_at or 0) if last else -(room.inside or 0)
    return last, within, room.title
