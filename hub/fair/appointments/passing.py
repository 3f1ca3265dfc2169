"""What time brings: requests lapse, reminders fall due, talks begin and are over.

Every hub looks; a row is taken by holding it and looking again, so that each is told once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments import busy, rows
from hub.fair.appointments.reading import Reading
from hub.fair.appointments.rows import A, S
from hub.fair.engine import transaction
from hub.fair.tables import appointments, attendance, meeting_slots, talk_members, talks
from hub.ports.appointments import Appointment, AppointmentRefused, Change
from hub.ports.talks import GRACE_MS, GUEST_SIDE, OPENS_BEFORE_MS
from rooms.appointments import REMIND_MS, Act, State

#: An end of the appointment that nobody told by its room is concluded so long after it.
SETTLED_MS: Final = GRACE_MS + 60_000


class Passing(Reading):
    """The jobs' half of ``hub.ports.appointments.Appointments``."""

    async def lapse(self, limit: int = 200) -> tuple[Change, ...]:
        due = (
            sa.select(A.id)
            .where(A.state.in_(rows.WAITING), A.hold_until_ms <= self._now_ms())
            .order_by(A.hold_until_ms, A.id)
            .limit(limit)
        )
        changes = []
        for appointment in await self._due(due):
            async with transaction(self._engine) as connection:
                try:
                    one = await rows.hold(connection, appointment)
                except AppointmentRefused:
                    continue  # its company was deleted just now
                over = (one.hold_until_ms or self._now_ms() + 1) <= self._now_ms()
                if one.state.value in rows.WAITING and over:
                    changes.append(await self._end(connection, one, Act.LAPSE, State.LAPSED, ""))
        return tuple(changes)

    async def _due(self, query: Any) -> list[str]:
        async with transaction(self._engine) as connection:
            return list((await connection.execute(query)).scalars())

    async def remind(self, limit: int = 200) -> tuple[Appointment, ...]:
        now = self._now_ms()
        soon = (
            A.state == State.CONFIRMED.value, A.reminded_ms.is_(None), A.starts_ms > now,
            A.starts_ms <= now + REMIND_MS,
        )  # fmt: skip
        due = sa.select(A.id).where(*soon).order_by(A.starts_ms, A.id).limit(limit)
        async with transaction(self._engine) as connection:
            if (await connection.execute(due.limit(1))).one_or_none() is None:
                return ()  # most often: without a write
            took = (
                sa.update(appointments)
                .where(A.id.in_(due), *soon)
                .values(reminded_ms=now)
                .returning(A.id)
            )
            ids = list((await connection.execute(took)).scalars())
            found = (
                await connection.execute(
                    rows.SELECT.where(A.id.in_(ids)).order_by(A.starts_ms, A.id)
                )
            ).all()
            return await rows.records(connection, found)

    async def follow(self, limit: int = 200) -> tuple[Change, ...]:
        now = self._now_ms()
        due = (
            sa.select(A.id)
            .outerjoin(talks, talks.c.room == A.room)
            .where(
                (
                    (A.state == State.CONFIRMED.value)
                    & ((A.starts_ms <= now) | talks.c.ended_ms.is_not(None))
                )
                | (
                    (A.state == State.RUNNING.value)
                    & (talks.c.ended_ms.is_not(None) | (A.ends_ms + SETTLED_MS <= now))
                )
            )
            .order_by(A.starts_ms, A.id)
            .limit(limit)
        )
        changes = []
        for appointment in await self._due(due):
            async with transaction(self._engine) as connection:
                try:
                    one = await rows.hold(connection, appointment)
                except AppointmentRefused:
                    continue  # its company was deleted just now
                changed = await self._follow(connection, one, now)
                if changed is not None:
                    changes.append(changed)
        return tuple(changes)

    async def _follow(
        self, connection: AsyncConnection, one: Appointment, now: int
    ) -> Change | None:
        """What has become of one that has begun, or whose talk is over; None when nothing new."""
        if one.state.value not in rows.AGREED:
            return None
        if one.room is None:  # on site: nobody counts who comes
            if one.ends_ms > now:
                return None
            await self._over(connection, one, State.DONE, one.ends_ms)
            return await self._told(connection, one, Act.FINISH)
        ended, by = await self._ended(connection, one, now)
        if ended is None and one.starts_ms > now:
            return None
        company_ms, visitor_ms = await self._came(connection, one)
        came = {"company_came_ms": company_ms, "visitor_came_ms": visitor_ms}
        both = company_ms is not None and visitor_ms is not None
        if ended is None:
            if both and one.state is State.CONFIRMED:
                await rows.write(connection, one.id, now, state=State.RUNNING.value, **came)
                await rows.note(
                    connection, one.id, now, "", Act.START.value,
                    late_company_ms=one.late_ms(company_ms) or None,
                    late_visitor_ms=one.late_ms(visitor_ms) or None,
                )  # fmt: skip
                return await self._told(connection, one, Act.START)
            if (company_ms, visitor_ms) != (one.company_came_ms, one.visitor_came_ms):
                await rows.write(connection, one.id, now, **came)
            return None
        if not both and ended < one.starts_ms:
            # Nobody is absent from what was called off before its time.
            return await self._called_off(connection, one, by, now)
        state = State.DONE if both else State.NO_SHOW
        await self._over(connection, one, state, ended, **came)
        if one.form == "group" and one.slot is not None:  # its host's time, held once for all
            await busy.free_from(connection, ended, one.slot)
        act = Act.FINISH if both else Act.MISS
        absent = [side for side, ms in (("company", company_ms), ("visitor", visitor_ms))
                  if ms is None]  # fmt: skip
        await rows.note(
            connection, one.id, now, "", act.value, absent=absent or None,
            overrun_ms=replace(one, ended_ms=ended).overrun_ms or None,
        )  # fmt: skip
        return await self._told(connection, one, act)

    async def _came(
        self, connection: AsyncConnection, one: Appointment
    ) -> tuple[int | None, int | None]:
        """When each side was first in the room (company, visitor), by the attendance of its
        members. Of a round: the company that proposed it, and anybody else."""
        m, a = talk_members.c, attendance.c
        visits = m.person == one.visitor if one.form == "group" else m.side != one.company
        if one.form == "single":
            visits = m.side == GUEST_SIDE
        first = sa.select(
            sa.func.min(sa.case((m.side == one.company, a.entered_ms))),
            sa.func.min(sa.case((visits, a.entered_ms))),
        ).where(
            m.room == one.room, a.room == m.room, a.person == m.person,
            a.entered_ms >= one.starts_ms - OPENS_BEFORE_MS,
        )  # fmt: skip
        row = (await connection.execute(first)).one()
        return row[0], row[1]

    async def _ended(
        self, connection: AsyncConnection, one: Appointment, now: int
    ) -> tuple[int | None, str]:
        """When the talk was over, and by whom: its room's end, or its planned end when nobody
        told of it."""
        query = sa.select(talks.c.ended_ms, talks.c.ended_by).where(talks.c.room == one.room)
        talk = (await connection.execute(query)).one_or_none()
        if talk is not None and talk.ended_ms is not None:
            return talk.ended_ms, talk.ended_by or ""
        return (one.ends_ms if one.ends_ms + SETTLED_MS <= now else None), ""

    async def _called_off(
        self, connection: AsyncConnection, one: Appointment, by: str, now: int
    ) -> Change:
        """Its talk was ended before its time, and the two had not met. Of a session nobody
        else gets a place."""
        if one.form == "group":
            await connection.execute(
                sa.update(meeting_slots)
                .where(S.id == one.slot, S.cancelled_ms.is_(None))
                .values(cancelled_ms=now)
            )
        return await self._end(connection, one, Act.CANCEL, State.CANCELLED, by)

    async def _told(self, connection: AsyncConnection, one: Appointment, act: Act) -> Change:
        after = await rows.read(connection, one.id)
        assert after is not None
        return Change(after, act, await self._concerned(connection, after))
