"""What appointments keep of a person: a copy of it, and its erasure."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments import rows
from hub.fair.appointments.ending import Ending
from hub.fair.appointments.rows import A, R, S
from hub.fair.base import Part
from hub.fair.tables import (
    appointment_log,
    appointments,
    busy,
    meeting_slots,
    round_companies,
)
from rooms.appointments import Act, State

_EXPORT_MAX: Final = 10_000  # rows of one table


async def told(connection: AsyncConnection, person: str) -> dict[str, list[dict[str, Any]]]:
    """Rows by table: asked for or had, offered, answered."""
    asked = {
        "appointments": (appointments, (A.visitor == person) | (A.staff == person)),
        "meeting_slots": (meeting_slots, (S.staff == person) | (S.by == person)),
        "round_companies": (round_companies, R.staff == person),
        "appointment_log": (appointment_log, appointment_log.c.by == person),
        "busy": (busy, busy.c.subject == person),
    }
    found = {}
    for name, (table, where) in asked.items():
        result = await connection.execute(sa.select(table).where(where).limit(_EXPORT_MAX))
        found[name] = [dict(row._mapping) for row in result]
    return found


async def _call_off(part: Part, connection: AsyncConnection, which: Any) -> None:
    ending = Ending(part._engine, part._config, part._keys, part._now_ms)
    query = sa.select(A.id).where(which, A.state.in_(rows.ACTIVE)).order_by(A.id)
    for appointment in (await connection.execute(query)).scalars().all():
        one = await rows.hold(connection, appointment)
        await ending._end(connection, one, Act.CANCEL, State.CANCELLED, "")


async def forget(part: Part, connection: AsyncConnection, person: str) -> None:
    """What they had asked for is called off, what they wrote is gone; what they had for a
    company waits for a colleague. That something took place, and when, stays for the counts."""
    await _call_off(part, connection, A.visitor == person)
    await connection.execute(
        sa.update(appointments)
        .where(A.visitor == person)
        .values(subject="", note="", reason=None, version=A.version + 1)
    )
    await connection.execute(sa.delete(busy).where(busy.c.subject == person))
    for table, column in ((appointments, A.staff), (meeting_slots, S.staff),
                          (round_companies, R.staff)):  # fmt: skip
        await connection.execute(sa.update(table).where(column == person).values(staff=None))
    for table in (meeting_slots, appointment_log):
        await connection.execute(sa.update(table).where(table.c.by == person).values(by=""))
