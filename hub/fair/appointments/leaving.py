"""A talk that does not take place, a company that goes, and whoever leaves its staff: by the
tables alone, so that the companies' part can use it (it imports nothing of the parts that use
that one)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments import rows
from hub.fair.appointments.rows import A, R, S
from hub.fair.tables import busy, rooms, talk_log, talk_members, talks
from hub.ports.talks import EndedWhy


async def note_talk(
    connection: AsyncConnection, room: str, now_ms: int, by: str, act: str, **detail: Any
) -> None:
    await connection.execute(
        sa.insert(talk_log).values(
            id=rows.new_id(), room=room, at_ms=now_ms, by=by, act=act, detail=detail
        )
    )


async def end_talk(
    connection: AsyncConnection, room: str, now_ms: int, by: str, why: EndedWhy
) -> None:
    """Over, and its room closed: the hubs that have it in Redis close it there."""
    over = (
        sa.update(talks)
        .where(talks.c.room == room, talks.c.ended_ms.is_(None))
        .values(ended_ms=now_ms, ended_by=by, ended_why=why)
        .returning(talks.c.room)
    )
    if (await connection.execute(over)).one_or_none() is None:
        return
    await connection.execute(
        sa.update(rooms)
        .where(rooms.c.slug == room, rooms.c.closed.is_(False))
        .values(closed=True, version=rooms.c.version + 1)
    )
    await note_talk(connection, room, now_ms, by, "ended", why=why)


async def leave_company(
    connection: AsyncConnection, company: str, person: str, now_ms: int
) -> tuple[str, ...]:
    """Whoever leaves a company's staff leaves the talks they were in for it, those that are over
    too; the rooms of those that are not."""
    m = talk_members.c
    gone = (
        sa.update(talk_members)
        .where(m.person == person, m.side == company, m.removed_ms.is_(None))
        .values(removed_ms=now_ms)
        .returning(m.room)
    )
    for room in sorted((await connection.execute(gone)).scalars()):
        await note_talk(connection, room, now_ms, "", "removed", person=person)
    still_open = (
        sa.select(m.room)
        .join(talks, talks.c.room == m.room)
        .where(
            m.person == person, m.side == company, m.removed_ms == now_ms,
            talks.c.ended_ms.is_(None),
        )
        .order_by(m.room)
    )  # fmt: skip
    return tuple((await connection.execute(still_open)).scalars())


async def forget_company(connection: AsyncConnection, company: str, now_ms: int) -> None:
    """Before a company is deleted, its slots and appointments with it: their talks are over and
    the time of whoever had agreed to meet it is free again. A round of others goes on without."""
    own = (A.company == company) & A.state.in_(rows.ACTIVE)
    open_rooms = sa.select(A.room).where(own, A.room.is_not(None)).distinct()
    for room in (await connection.execute(open_rooms)).scalars().all():
        await end_talk(connection, room, now_ms, "", "cancelled")
    held = busy.c.appointment
    theirs = sa.select(A.id).where(A.company == company)
    slots = sa.select(S.id).where(S.company == company)
    await connection.execute(sa.delete(busy).where(held.in_(theirs) | held.in_(slots)))
    rounds = sa.select(R.appointment).where(R.company == company)
    people = sa.select(R.staff).where(R.company == company, R.staff.is_not(None))
    await connection.execute(sa.delete(busy).where(held.in_(rounds), busy.c.subject.in_(people)))
