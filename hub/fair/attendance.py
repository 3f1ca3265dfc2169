"""Who was where: stays written in batches, off the live path, each of them once.

A hub is told by its store whom it seated, and by the rooms' notices whose seat ended. Several
hubs hear the same notice: the row decides. ``uq_attendance_inside`` lets one open stay exist
a room and person, and a stay is ended by one conditional UPDATE, so that whoever comes second
changes nothing and tells nobody. The hub that seated a person ends their stay at once, others
3 s later, should that hub be gone. What all of them missed is found by comparing open stays
with the store's participants (``hub.live.attending``).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import attendance, company_staff, conferences
from hub.fair.visits import PAGE_MAX, visits
from hub.fair.webhooks.outbox import Outbox, Told, iso
from hub.ports.events import Visit
from rooms.model import Identity

log = structlog.get_logger(__name__)

WAITING_MAX: Final = 200_000  # what was told and is not yet written; a hub seats fewer a minute
BATCH: Final = 500
MINE_MAX: Final = 200_000
OTHERS_MS: Final = 3_000  # how long the hub that seated a person is waited for
SAME_MS: Final = 10_000  # a report of a stay that ended so recently is late, not new
TRIES: Final = 3
REFUSED_MS: Final = 60_000  # the same refusal of the same person is told once in this time
REFUSED_MAX: Final = 10_000
LIVE_MS: Final = 2_000


@dataclass(slots=True)
class _In:
    room: str
    who: Identity
    gen: int
    new: bool
    at_ms: int
    tries: int = TRIES


@dataclass(slots=True)
class _Out:
    """``gen`` None: whatever stay began before; ``person`` None: everybody in the room."""

    room: str
    person: str | None
    gen: int | None
    at_ms: int
    due_ms: int
    tries: int = 1


class SqlAttendance(Part):
    """Implements ``hub.ports.events.Attendance``."""

    def __init__(self, *made: Any, outbox: Outbox | None = None) -> None:
        super().__init__(*made)
        self._outbox = outbox
        self._waiting: deque[_In | _Out] = deque()
        self._mine: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._refused: OrderedDict[tuple[str, str, str], int] = OrderedDict()
        self._live: tuple[int, frozenset[str]] = (0, frozenset())

    # --- what is told: synchronous, on the live path ---

    def seated(self, room: str, who: Identity, gen: int, new: bool) -> None:
        self._mine[room, who.id] = None
        while len(self._mine) > MINE_MAX:
            self._mine.popitem(last=False)
        self._keep(_In(room, who, gen, new, self._now_ms()))

    def left(self, room: str, person: str) -> None:
        now = self._now_ms()
        self._mine.pop((room, person), None)
        self._keep(_Out(room, person, None, now, now, TRIES))

    def ended(self, room: str, person: str, gen: int) -> None:
        now = self._now_ms()
        if (room, person) in self._mine:
            del self._mine[room, person]
            self._keep(_Out(room, person, gen, now, now, TRIES))
        else:
            self._keep(_Out(room, person, gen, now, now + OTHERS_MS))

    def room_closed(self, room: str) -> None:
        now = self._now_ms()
        self._keep(_Out(room, None, None, now, now))

    def refused(self, room: str, who: Identity, code: str) -> None:
        if self._outbox is None:
            return
        now, key = self._now_ms(), (room, who.id, code)
        if now - self._refused.get(key, 0) < REFUSED_MS:
            return
        self._refused[key] = now
        self._refused.move_to_end(key)
        while len(self._refused) > REFUSED_MAX:
            self._refused.popitem(last=False)
        payload = {"room": room, "person": _person(who.id, who.name, who.company, who.role),
                   "code": str(code)}  # fmt: skip
        self._outbox.later("room.refused", room, payload)

    def _keep(self, told: _In | _Out) -> None:
        if len(self._waiting) >= WAITING_MAX:
            log.error("attendance lost", room=told.room)
            return
        self._waiting.append(told)

    # --- writing ---

    async def flush(self) -> None:
        now = self._now_ms()
        for _ in range(len(self._waiting) // BATCH + 1):
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            ready = [told for told in batch if isinstance(told, _In) or told.due_ms <= now]
            again: list[_In | _Out] = [
                told for told in batch if isinstance(told, _Out) and told.due_ms > now
            ]
            parts = _in_parts(ready)
            while parts:
                try:
                    again += await self._write(parts[0])
                except BaseException:
                    # In order, before what was told since.
                    unwritten = [told for part in parts for told in part]
                    self._waiting.extendleft(reversed([*unwritten, *again]))
                    raise
                parts.pop(0)
            self._waiting.extend(again)

    async def _write(self, batch: list[_In | _Out]) -> list[_In | _Out]:
        """One transaction; answers what is to be tried again. Raises DirectoryLost."""
        coming = [told for told in batch if isinstance(told, _In)]
        going = [told for told in batch if isinstance(told, _Out)]
        async with transaction(self._engine) as connection:
            again: list[_In | _Out] = list(await self._come(connection, coming))
            again += await self._go(connection, going)
        for told in again:
            told.tries -= 1
            if isinstance(told, _Out):
                told.due_ms += 1_000
        return [told for told in again if told.tries > 0]

    async def _come(self, connection: AsyncConnection, coming: list[_In]) -> list[_In]:
        if not coming:
            return []
        known = await _known(connection, {told.who.id for told in coming}, coming[0].at_ms)
        rows: dict[tuple[str, str], _In] = {}
        over: dict[int, int] = {}  # an older stay whose end nobody told: its id and end
        again = []
        for told in coming:
            place = (told.room, told.who.id)
            stays = known.get(place, ())
            inside = next((stay for stay in stays if stay.left_ms is None), None)
            if told.new:
                if inside is not None:
                    over[inside.id] = told.at_ms
            elif inside is not None:
                if inside.gen < told.gen:
                    again.append(told)  # the same seat; or the end of another is on its way
                continue
            elif any(stay.gen >= told.gen for stay in stays):
                continue  # a late word of a stay that is over
            rows[place] = told
        for id, at_ms in over.items():
            await self._end(connection, [id], at_ms)
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(
            attendance
        )
        if rows:
            written = await connection.execute(
                insert.on_conflict_do_nothing().returning(attendance.c.room, attendance.c.person),
                [_row(told) for told in rows.values()],
            )
            fresh = [rows[row.room, row.person] for row in written]
            await self._tell(connection, [
                Told("room.entered", told.room, {
                    "room": told.room, "entered_at": iso(told.at_ms),
                    "person": _person(told.who.id, told.who.name, told.who.company, told.who.role),
                })
                for told in fresh
            ])  # fmt: skip
        return again

    async def _go(self, connection: AsyncConnection, going: list[_Out]) -> list[_Out]:
        for told in going:
            if told.person is None:
                query = sa.select(attendance.c.id).where(
                    attendance.c.room == told.room, attendance.c.left_ms.is_(None),
                    attendance.c.entered_ms <= told.at_ms,
                )  # fmt: skip
                ids = (await connection.execute(query)).scalars().all()
                await self._end(connection, ids, told.at_ms)
        people = [told for told in going if told.person is not None]
        if not people:
            return []
        inside = attendance.c.person.in_({told.person for told in people})
        found = await connection.execute(
            sa.select(
                attendance.c.id, attendance.c.room, attendance.c.person, attendance.c.gen,
                attendance.c.entered_ms,
            ).where(inside, attendance.c.left_ms.is_(None))
        )  # fmt: skip
        stays = {(row.room, row.person): row for row in found}
        again, gens, ends = [], [], {}
        for told in people:
            stay = stays.get((told.room, str(told.person)))
            before = stay is not None and (
                stay.entered_ms <= told.at_ms if told.gen is None else stay.gen <= told.gen
            )
            if stay is None:
                again.append(told)
            elif before:
                ends[stay.id] = told.at_ms
                if told.gen is not None and told.gen > stay.gen:
                    gens.append({"b_id": stay.id, "b_gen": told.gen})
        if gens:
            await connection.execute(
                sa.update(attendance)
                .where(attendance.c.id == sa.bindparam("b_id"), attendance.c.left_ms.is_(None))
                .values(gen=sa.bindparam("b_gen")),
                gens,
            )
        if ends:
            # One time for the batch: it holds about a second.
            await self._end(connection, list(ends), max(ends.values()))
        return again

    async def _end(self, connection: AsyncConnection, ids: Sequence[int], at_ms: int) -> int:
        """End those of the stays that are open, and tell of them."""
        ended = 0
        for start in range(0, len(ids), BATCH):
            closed = await connection.execute(
                sa.update(attendance)
                .where(
                    attendance.c.id.in_(ids[start : start + BATCH]), attendance.c.left_ms.is_(None)
                )
                # Another hub's clock may be ahead of ours.
                .values(left_ms=sa.case(
                    (attendance.c.entered_ms > at_ms, attendance.c.entered_ms), else_=at_ms
                ))
                .returning(*attendance.c)
            )  # fmt: skip
            rows = closed.all()
            ended += len(rows)
            await self._tell(connection, [
                Told("room.left", row.room, {
                    "room": row.room, "entered_at": iso(row.entered_ms),
                    "left_at": iso(row.left_ms),
                    "person": _person(row.person, row.name, row.company, row.role),
                })
                for row in rows
            ])  # fmt: skip
        return ended

    async def _tell(self, connection: AsyncConnection, told: list[Told]) -> None:
        if self._outbox is not None:
            await self._outbox.add(connection, told)

    # --- repairing ---

    async def open_stays(self) -> Mapping[str, int]:
        query = (
            sa.select(attendance.c.room, sa.func.count().label("people"))
            .where(attendance.c.left_ms.is_(None))
            .group_by(attendance.c.room)
        )
        async with transaction(self._engine) as connection:
            return {row.room: row.people for row in await connection.execute(query)}

    async def inside(self, room: str, before_ms: int) -> Mapping[str, int]:
        query = sa.select(attendance.c.person, attendance.c.id).where(
            attendance.c.room == room, attendance.c.left_ms.is_(None),
            attendance.c.entered_ms < before_ms,
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            return {row.person: row.id for row in await connection.execute(query)}

    async def end(self, stays: Sequence[int], at_ms: int) -> int:
        async with transaction(self._engine) as connection:
            return await self._end(connection, stays, at_ms)

    # --- reading ---

    async def report(
        self, *, room: str | None = None, conference: str | None = None,
        cursor: str | None = None, limit: int = 100,
    ) -> tuple[tuple[Visit, ...], str | None]:  # fmt: skip
        limit = max(1, min(limit, PAGE_MAX))
        async with transaction(self._engine) as connection:
            window: tuple[int, int] | None = None
            if conference is not None:
                query = sa.select(conferences).where(conferences.c.slug == conference)
                row = (await connection.execute(query)).one_or_none()
                if row is None:
                    raise LookupError(conference)
                room, window = row.room, (row.starts_ms, row.ends_ms)
            return await visits(connection, room, window, cursor, limit, self._now_ms())

    async def live_companies(self) -> frozenset[str]:
        now = self._now_ms()
        if not 0 <= now - self._live[0] < LIVE_MS:
            query = (
                sa.select(company_staff.c.company)
                .join(attendance, attendance.c.person == company_staff.c.person)
                .where(attendance.c.left_ms.is_(None))
                .distinct()
            )
            async with transaction(self._engine) as connection:
                found = frozenset((await connection.execute(query)).scalars())
            self._live = (now, found)
        return self._live[1]


def _in_parts(told: list[_In | _Out]) -> list[list[_In | _Out]]:
    """In order, cut where someone comes of whom something was told already: within a part
    those who come may be written before those who go."""
    parts: list[list[_In | _Out]] = [[]]
    met: set[tuple[str, str | None]] = set()
    for one in told:
        place = (one.room, one.who.id if isinstance(one, _In) else one.person)
        if isinstance(one, _In) and (place in met or (one.room, None) in met):
            parts.append([])
            met = set()
        met.add(place)
        parts[-1].append(one)
    return [part for part in parts if part]


def _person(id: str, name: str, company: str | None, role: str) -> dict[str, str | None]:
    return {"id": id, "name": name, "company": company, "role": str(role)}


def _row(told: _In) -> dict[str, Any]:
    who = told.who
    return {
        "room": told.room, "person": who.id, "gen": told.gen, "name": who.name,
        "company": who.company, "role": str(who.role), "entered_ms": told.at_ms, "left_ms": None,
    }  # fmt: skip


async def _known(
    connection: AsyncConnection, people: set[str], at_ms: int
) -> dict[tuple[str, str], list[Any]]:
    """Open stays, and those that ended a moment ago."""
    stays: dict[tuple[str, str], list[Any]] = {}
    query = sa.select(
        attendance.c.id, attendance.c.room, attendance.c.person, attendance.c.gen,
        attendance.c.left_ms,
    ).where(
        attendance.c.person.in_(people),
        attendance.c.left_ms.is_(None) | (attendance.c.left_ms > at_ms - SAME_MS),
    )  # fmt: skip
    for row in await connection.execute(query):
        stays.setdefault((row.room, row.person), []).append(row)
    return stays
