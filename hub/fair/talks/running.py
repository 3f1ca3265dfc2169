"""How a talk goes on and ends: extension, end, what was done in it, what is overdue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.engine import transaction
from hub.fair.tables import appointments, busy, rooms, talk_members, talks
from hub.fair.talks.belonging import Belongings
from hub.fair.talks.opening import insert_talk
from hub.fair.talks.rows import hold, note_act, record, select_talks
from hub.ports.appointments import TICK_MS
from hub.ports.talks import GRACE_MS, LONGEST_MS, EndedWhy, Talk, TalkDraft, TalkRefused

_LATELY_MS: Final = 3_600_000


def planned_end() -> Any:
    """SQL: when a talk is to be over, as planned or LONGEST_MS after its beginning."""
    return sa.func.coalesce(talks.c.ends_ms, talks.c.starts_ms + LONGEST_MS)


def _ticks(from_ms: int, to_ms: int) -> range:
    """The pieces that begin in [from, to): what is before belongs to the talk as it was."""
    return range(-(-from_ms // TICK_MS), -(-to_ms // TICK_MS))


class Running(Belongings):
    """The end of ``hub.ports.talks.Talks``, and what delays it."""

    async def end(self, room: str, by: str, why: EndedWhy) -> bool:
        now = self._now_ms()
        over = (
            sa.update(talks)
            .where(talks.c.room == room, talks.c.ended_ms.is_(None))
            .values(ended_ms=now, ended_by=by, ended_why=why)
            .returning(talks.c.room)
        )
        async with transaction(self._engine) as connection:
            if (await connection.execute(over)).one_or_none() is None:
                return False
            await connection.execute(
                sa.update(rooms)
                .where(rooms.c.slug == room, rooms.c.closed.is_(False))
                .values(closed=True, version=rooms.c.version + 1)
            )
            # What an extension took of the members' time and is not needed is free again.
            await connection.execute(
                sa.delete(busy).where(busy.c.appointment == room, busy.c.tick > now // TICK_MS)
            )
            await note_act(connection, room, now, by, "ended", {"why": why})
        return True

    async def extend(self, room: str, ends_ms: int, by: str) -> Talk:
        now = self._now_ms()
        try:
            async with transaction(self._engine) as connection:
                was = await hold(connection, room)
                planned = now if was.ends_ms is None else was.ends_ms
                if was.ends_ms is not None and was.ends_ms >= ends_ms:
                    # Asked for twice, or another asked for more: there is that time already.
                    if ends_ms <= now:
                        raise TalkRefused("in_the_past")
                    return await _read(connection, room)
                if ends_ms <= now:
                    raise TalkRefused("in_the_past")
                if ends_ms > was.starts_ms + LONGEST_MS:
                    raise TalkRefused("too_long")
                await _take(connection, room, _ticks(max(planned, was.starts_ms), ends_ms))
                await connection.execute(
                    sa.update(talks).where(talks.c.room == room).values(ends_ms=ends_ms)
                )
                a = appointments.c
                await connection.execute(
                    sa.update(appointments)
                    .where(a.room == room, a.state.in_(("confirmed", "running")))
                    .values(ends_ms=ends_ms, changed_ms=now, version=a.version + 1)
                )
                detail = {"from": was.ends_ms, "to": ends_ms}
                await note_act(connection, room, now, by, "extended", detail)
                return await _read(connection, room)
        except IntegrityError:
            raise TalkRefused("slot_taken") from None

    async def move(self, room: str, draft: TalkDraft, by: str) -> tuple[Talk, bool]:
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            await hold(connection, room)
            there = select_talks().where(
                talks.c.origin == draft.origin, talks.c.origin_id == room,
                talks.c.ended_ms.is_(None),
            )  # fmt: skip
            found = (await connection.execute(there)).first()
            if found is not None:
                return record(found), False
            made = await insert_talk(connection, draft, now)
            await note_act(connection, room, now, by, "moved", {"to": made.room})
        return made, True

    async def log(self, room: str, by: str, act: str, detail: Mapping[str, object]) -> None:
        async with transaction(self._engine) as connection:
            await note_act(connection, room, self._now_ms(), by, act, detail)

    async def overdue(
        self, now_ms: int, limit: int, *, grace_ms: int = GRACE_MS
    ) -> tuple[str, ...]:
        query = (
            sa.select(talks.c.room)
            .join(rooms, rooms.c.slug == talks.c.room)
            .where(
                talks.c.ended_ms.is_(None),
                (planned_end() <= now_ms - grace_ms) | rooms.c.closed.is_(True),
            )
            .order_by(talks.c.starts_ms, talks.c.room)
            .limit(limit)
        )
        return await self._rooms(query)

    async def ended_lately(self, limit: int) -> tuple[str, ...]:
        query = (
            sa.select(talks.c.room)
            .where(talks.c.ended_ms > self._now_ms() - _LATELY_MS)
            .order_by(talks.c.ended_ms.desc(), talks.c.room)
            .limit(limit)
        )
        return await self._rooms(query)

    async def _rooms(self, query: Any) -> tuple[str, ...]:
        async with transaction(self._engine) as connection:
            return tuple((await connection.execute(query)).scalars())


async def _take(connection: AsyncConnection, room: str, ticks: range) -> None:
    """Every member's time; that nobody has it twice is the table's key. Raises
    IntegrityError when somebody has it."""
    m = talk_members.c
    found = await connection.execute(
        sa.select(m.person).where(m.room == room, m.removed_ms.is_(None)).order_by(m.person)
    )
    rows = [
        {"subject": person, "tick": tick, "appointment": room, "firm": True}
        for person in found.scalars()
        for tick in ticks
    ]
    for first in range(0, len(rows), 1_000):
        await connection.execute(sa.insert(busy), rows[first : first + 1_000])


async def _read(connection: AsyncConnection, room: str) -> Talk:
    return record((await connection.execute(select_talks().where(talks.c.room == room))).one())
