"""What results keep of a person, for a copy of their data and its end."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import result_parties, result_versions, results

_LISTED: Final = 10_000


async def told(connection: AsyncConnection, person: str) -> dict[str, list[dict[str, Any]]]:
    """Results they wrote, versions they made, confirmations they gave. The parties they stand
    for are in the table that names them."""
    r, p, v = results.c, result_parties.c, result_versions.c
    asked = {
        "results_recorded": sa.select(
            r.id, r.room, r.kind, r.titles, r.texts, r.signed_on, r.state, r.created_ms
        ).where(r.by == person),
        "result_versions_written": sa.select(v.result, v.version, v.at_ms, v.content).where(
            v.by == person
        ),
        "results_confirmed": sa.select(
            p.result, p.name, p.confirmed_version, p.confirmed_digest, p.confirmed_ms
        ).where(p.confirmed_by == person),
    }
    return {
        name: [dict(row._mapping) for row in await connection.execute(query.limit(_LISTED))]
        for name, query in asked.items()
    }


async def forget(connection: AsyncConnection, person: str) -> None:
    """Nobody stands for their party any more. What a party agreed to stays what it is: that it
    confirmed and when, without who it was that did so."""
    p = result_parties.c
    await connection.execute(
        sa.update(result_parties).where(p.person == person).values(person=None)
    )
    await connection.execute(
        sa.update(result_parties).where(p.confirmed_by == person).values(confirmed_by=None)
    )
