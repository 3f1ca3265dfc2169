"""Time that is promised, in pieces of five minutes: a piece of somebody's is inserted once.

Whose time it is: a person's id, or ``table:<company>:<n>``. What holds it (``appointment``) is
an appointment, or the slot of a group's session, whose host and table are held once for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import busy
from hub.ports.appointments import TICK_MS, AppointmentRefused, RefusalCode
from rooms.appointments import ticks


def insert_into(connection: AsyncConnection, table: sa.Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the connection's database."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def table_of(company: str, number: int) -> str:
    return f"table:{company}:{number}"


async def take(
    connection: AsyncConnection, wanted: Mapping[str, RefusalCode], starts_ms: int, ends_ms: int,
    holder: str, *, firm: bool,
) -> None:  # fmt: skip
    """The time of everybody of ``wanted``, which says what to refuse with when they have not
    got it. The caller's transaction must end without a commit then."""
    pieces = ticks(starts_ms, ends_ms)
    for subject in sorted(wanted):  # in one order, so that no two wait for each other
        rows = [
            {"subject": subject, "tick": tick, "appointment": holder, "firm": firm}
            for tick in pieces
        ]
        got = await connection.execute(
            insert_into(connection, busy)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["subject", "tick"])
            .returning(busy.c.tick)
        )
        if len(got.all()) < len(pieces):
            raise AppointmentRefused(wanted[subject])


async def free(connection: AsyncConnection, *holders: str, of: str | None = None) -> None:
    """What ``holders`` hold, of everybody or of one."""
    gone = sa.delete(busy).where(busy.c.appointment.in_(holders))
    await connection.execute(gone if of is None else gone.where(busy.c.subject == of))


async def free_from(connection: AsyncConnection, from_ms: int, *holders: str) -> None:
    """What they hold after the piece of ``from_ms``: it is over earlier than planned."""
    await connection.execute(
        sa.delete(busy).where(busy.c.appointment.in_(holders), busy.c.tick > from_ms // TICK_MS)
    )


async def make_firm(connection: AsyncConnection, holder: str) -> None:
    await connection.execute(sa.update(busy).where(busy.c.appointment == holder).values(firm=True))


async def taken(
    connection: AsyncConnection, subjects: Iterable[str], from_ms: int, to_ms: int
) -> dict[str, set[int]]:
    """The pieces of each that are promised between."""
    found: dict[str, set[int]] = {subject: set() for subject in subjects}
    pieces = ticks(from_ms, to_ms)
    if not found or not pieces:
        return found
    query = sa.select(busy.c.subject, busy.c.tick).where(
        busy.c.subject.in_(found), busy.c.tick >= pieces.start, busy.c.tick < pieces.stop
    )
    for row in await connection.execute(query):
        found[row.subject].add(row.tick)
    return found
