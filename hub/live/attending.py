"""Attendance from the live side: what notices say, and the repair of what nobody heard.

A hub that is killed takes with it up to a second of what it was told, and nobody hears of the
end of a seat in a room no hub follows. Every LOOK_S each hub compares the stays written down
as open with the store. Whoever was not seated at two looks, the second at least RECLAIM_MS
after the first (a store that came back fills again within its reclaim window), left at the
first. A stay is looked at only once it is older than SETTLED_MS: it was then begun before the
store was asked, and a seat that ended never comes back under the same stay.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle, islice
from typing import Final

import structlog

from hub.ports import Admission, Board
from hub.ports.events import Attendance
from hub.services import Services
from rooms import notices as n
from rooms.errors import Code, Refusal

log = structlog.get_logger(__name__)

FLUSH_S: Final = 1.0
LOOK_S: Final = 12.0
RECLAIM_MS: Final = 20_000
SETTLED_MS: Final = 5_000
OTHERS: Final = 5  # rooms looked at though their counts agree
PAGE: Final = 1_000


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def heard(attendance: Attendance, onward: Callable[[n.Notice], None]) -> Callable[[n.Notice], None]:
    """The bus's receiver: ``onward``, and what a notice says about attendance."""

    def notice(one: n.Notice) -> None:
        onward(one)
        if isinstance(one, n.RosterNotice):
            if one.person is None:
                attendance.ended(one.room, one.id, one.gen)
        elif isinstance(one, n.EventNotice) and one.kind == "closed":
            attendance.room_closed(one.room)

    return notice


class Repair:
    """Ends stays whose end nobody told. ``now_ms``: milliseconds since the Unix epoch."""

    def __init__(
        self,
        attendance: Attendance,
        admission: Admission,
        board: Board,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._attendance = attendance
        self._admission = admission
        self._board = board
        self._now_ms = now_ms
        self._missing: dict[int, int] = {}  # stay -> when its person was first not there
        self._turn = 0

    async def look(self) -> None:
        """Raises DirectoryLost, StoreLost: nothing is concluded then."""
        stays = await self._attendance.open_stays()
        rows = (await self._board.read()).rows
        counts = {row.room: row.live + row.held for row in rows}
        differ = {room for room, people in stays.items() if counts.get(room, 0) != people}
        agree = sorted(set(stays) - differ)
        if agree:
            self._turn %= len(agree)
            differ |= set(islice(cycle(agree), self._turn, self._turn + min(OTHERS, len(agree))))
            self._turn += OTHERS
        missing: dict[int, int] = {}
        for room in differ:
            missing |= await self._room(room)
        self._missing = missing

    async def _room(self, room: str) -> dict[int, int]:
        """Stays that may be over, and since when; those that are over for sure are ended."""
        now = self._now_ms()
        inside = await self._attendance.inside(room, now - SETTLED_MS)
        seated = await self._seated(room)
        gone = {id: self._missing.get(id, now) for who, id in inside.items() if who not in seated}
        over = [id for id, since in gone.items() if now - since >= RECLAIM_MS]
        for since in {gone[id] for id in over}:
            ids = [id for id in over if gone[id] == since]
            ended = await self._attendance.end(ids, since)
            log.info("stays ended late", room=room, stays=ended)
        return {id: since for id, since in gone.items() if id not in set(over)}

    async def _seated(self, room: str) -> set[str]:
        seated: set[str] = set()
        for state in ("live", "held"):
            cursor: str | None = None
            while True:
                try:
                    people, cursor = await self._admission.participants(room, state, cursor, PAGE)
                except Refusal as refusal:
                    if refusal.code in {Code.UNKNOWN_ROOM, Code.ROOM_CLOSED}:
                        break
                    raise
                seated |= {person.id for person in people}
                if cursor is None:
                    break
        return seated


def setup(services: Services) -> None:
    """Watch the store and run the background work of attendance."""
    attendance = services.fair.attendance
    services.admission.watch(attendance)
    services.jobs.every(FLUSH_S, "attendance", attendance.flush)
    repair = Repair(attendance, services.admission, services.board)
    services.jobs.every(LOOK_S, "attendance repair", repair.look)
