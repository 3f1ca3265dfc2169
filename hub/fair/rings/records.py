"""Rings as the company reads them, and what rings for somebody now."""

from __future__ import annotations

import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.rings.ending import Ending
from hub.fair.rings.rows import R, S, load, record, select_rings
from hub.fair.tables import ring_staff, rings
from hub.ports.rings import LIST_MAX
from rooms.rings import UNANSWERED, Ring, State

_UNANSWERED = tuple(state.value for state in UNANSWERED)


class Records(Ending):
    async def ringing_for(self, person: str) -> Ring | None:
        query = (
            sa.select(S.ring)
            .select_from(ring_staff)
            .join(rings, R.id == S.ring)
            .where(
                S.ringing == person,
                R.state == State.RINGING.value,
                R.expires_ms > self._now_ms(),
            )
        )
        async with transaction(self._engine) as connection:
            ring = await connection.scalar(query)
            return None if ring is None else await load(connection, ring)

    async def of_company(
        self, company: str, since_ms: int, *, unanswered: bool = False
    ) -> tuple[Ring, ...]:
        query = (
            select_rings()
            .where(R.company == company, R.created_ms >= since_ms)
            .order_by(R.created_ms.desc(), R.id)
            .limit(LIST_MAX)
        )
        if unanswered:
            query = query.where(R.state.in_(_UNANSWERED))
        async with transaction(self._engine) as connection:
            return tuple(record(row) for row in await connection.execute(query))

    async def mark_seen(self, company: str, until_ms: int) -> int:
        change = (
            sa.update(rings)
            .where(
                R.company == company,
                R.created_ms <= until_ms,
                R.seen_ms.is_(None),
                R.state.in_(_UNANSWERED),
            )
            .values(seen_ms=self._now_ms())
            .returning(R.id)
        )
        async with transaction(self._engine) as connection:
            return len((await connection.execute(change)).all())
