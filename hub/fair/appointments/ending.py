"""What an appointment holds, given back; and the talk that goes with it.

Everything here runs in the caller's transaction, with the appointment held (``rows.hold``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments import busy, rows
from hub.fair.appointments.leaving import end_talk, note_talk
from hub.fair.appointments.rows import R, S
from hub.fair.base import Part
from hub.fair.tables import meeting_slots, round_companies, talk_members
from hub.fair.talks import insert_talk
from hub.ports.appointments import Appointment, AppointmentRefused, Change
from hub.ports.talks import (
    GUEST_SIDE,
    OPENS_BEFORE_MS,
    Belonging,
    TalkDraft,
    TalkRefused,
)
from rooms.appointments import Act, State
from rooms.model import Mode, Role

#: Places in a session's room for the host and colleagues, beside the visitors'.
HOSTS = 5


async def join_talk(
    connection: AsyncConnection, room: str, now_ms: int, one: Belonging, by: str
) -> None:
    values = {
        "side": one.side, "role": one.role.value, "lobby": one.lobby, "by": by,
        "removed_ms": None,
    }  # fmt: skip
    await connection.execute(
        busy.insert_into(connection, talk_members)
        .values(room=room, person=one.person, created_ms=now_ms, **values)
        .on_conflict_do_update(index_elements=["room", "person"], set_=values)
    )


async def leave_talk(
    connection: AsyncConnection, room: str, now_ms: int, person: str, by: str
) -> None:
    m = talk_members.c
    await connection.execute(
        sa.update(talk_members)
        .where(m.room == room, m.person == person, m.removed_ms.is_(None))
        .values(removed_ms=now_ms)
    )
    await note_talk(connection, room, now_ms, by, "removed", person=person)


async def open_talk(
    connection: AsyncConnection, one: Appointment, now_ms: int, by: str, mode: Mode,
    members: Iterable[Belonging], capacity: int, sides: Mapping[str, int],
) -> str:  # fmt: skip
    """The talk of a confirmed appointment; its room. A session's is its slot's."""
    draft = TalkDraft(
        origin="appointment", origin_id=one.slot if one.form == "group" else one.id,
        company=one.company, mode=mode, subject=one.subject, starts_ms=one.starts_ms,
        ends_ms=one.ends_ms, members=tuple(members), by=by, capacity=capacity,
        reserved=HOSTS if mode is Mode.ONE_TO_MANY else 0, sides=sides,
        opens_ms=one.starts_ms - OPENS_BEFORE_MS,
    )  # fmt: skip
    try:
        return (await insert_talk(connection, draft, now_ms)).room
    except TalkRefused as refused:
        code = "in_the_past" if refused.code == "in_the_past" else "unknown_person"
        raise AppointmentRefused(code) from None  # type: ignore[arg-type]


def host_of(one: Appointment, person: str) -> Belonging:
    return Belonging(person, one.company, Role.HOST)


def guest(person: str) -> Belonging:
    return Belonging(person, GUEST_SIDE)


class Ending(Part):
    """How what was held is given back."""

    async def _give_back(self, connection: AsyncConnection, one: Appointment, by: str) -> None:
        """Time, place in the slot and the talk of an appointment that does not take place."""
        now = self._now_ms()
        await busy.free(connection, one.id)
        left = 0
        if one.slot is not None:
            left = await self._leave_slot(connection, one.slot)
        if one.room is None:
            return
        if one.form == "group" and left > 0:
            await leave_talk(connection, one.room, now, one.visitor, by)
            return
        if one.form == "group":
            await connection.execute(
                sa.update(meeting_slots).where(S.id == one.slot).values(room=None)
            )
        await end_talk(connection, one.room, now, by, "cancelled")

    async def _leave_slot(self, connection: AsyncConnection, slot: str) -> int:
        """How many are left in it; a session's host and table are free after the last."""
        gone = (
            sa.update(meeting_slots)
            .where(S.id == slot, S.taken > 0)
            .values(taken=S.taken - 1)
            .returning(S.taken)
        )
        left = (await connection.execute(gone)).scalar_one_or_none() or 0
        if left == 0:
            await busy.free(connection, slot)
        return int(left)

    async def _end(
        self, connection: AsyncConnection, one: Appointment, act: Act, state: State, by: str,
        reason: str | None = None,
    ) -> Change:  # fmt: skip
        """Declined, cancelled, lapsed: ``one`` is held by the caller."""
        now = self._now_ms()
        people = await self._concerned(connection, one)
        await self._give_back(connection, one, by)
        await rows.write(
            connection, one.id, now, state=state.value, turn="", hold_until_ms=None, reason=reason,
        )  # fmt: skip
        await rows.note(connection, one.id, now, by, act.value, reason=reason)
        after = await rows.read(connection, one.id)
        assert after is not None
        removed = (one.visitor,) if one.form == "group" and one.room is not None else ()
        return Change(after, act, tuple(p for p in people if p != by), removed)

    async def _concerned(self, connection: AsyncConnection, one: Appointment) -> tuple[str, ...]:
        """Who is to know what becomes of it: the visitor and whoever of the company has it,
        all who may answer while nobody has; of a round all who represent a company."""
        if one.form == "round":
            query = sa.select(R.company, R.staff, R.state).where(R.appointment == one.id)
            found = [one.visitor]
            for row in (await connection.execute(query)).all():
                if row.staff is not None:
                    found.append(row.staff)
                elif row.state == "invited":
                    found += await rows.staff_of(connection, row.company)
            return tuple(dict.fromkeys(found))
        company = (
            (one.staff,) if one.staff is not None else await rows.staff_of(connection, one.company)
        )
        return tuple(dict.fromkeys((one.visitor, *company)))

    async def _answers(self, connection: AsyncConnection, appointment: str) -> list[Any]:
        query = sa.select(round_companies).where(R.appointment == appointment).order_by(R.company)
        return list((await connection.execute(query)).all())
