"""What rings keep of a person, for a copy of their data and its end."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import ring_staff, rings

_LISTED: Final = 10_000


async def told(connection: AsyncConnection, person: str) -> dict[str, list[dict[str, Any]]]:
    """Where they rang, and what they took; whom it rang for is in ``ring_staff``."""
    c = rings.c
    query = (
        sa.select(
            c.id, c.company, c.subject, c.state, c.why, c.created_ms, c.ended_ms, c.room,
            (c.visitor == person).label("rang"),
        )
        .where((c.visitor == person) | (c.answered_by == person))
        .order_by(c.created_ms.desc())
        .limit(_LISTED)
    )  # fmt: skip
    return {"rings": [dict(row._mapping) for row in await connection.execute(query)]}


async def forget(connection: AsyncConnection, person: str) -> None:
    """Their own rings are gone; of those they took it stays that somebody did."""
    c = rings.c
    theirs = sa.select(c.id).where(c.visitor == person)
    await connection.execute(sa.delete(ring_staff).where(ring_staff.c.ring.in_(theirs)))
    await connection.execute(sa.delete(rings).where(c.visitor == person))
    await connection.execute(
        sa.update(rings).where(c.answered_by == person).values(answered_by=None)
    )
