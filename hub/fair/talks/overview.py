"""All talks as the organiser sees them: numbers and states, never what is said in them."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.tables import rooms, talks
from hub.fair.talks.keeping import Keeping
from hub.fair.talks.rows import record, select_talks
from hub.ports.talks import STATES, Talk, TalkCounts
from rooms.model import SLUG

_LIMIT_MAX: Final = 200


def _state(now_ms: int) -> Any:
    """SQL: ``scheduled`` until the room opens, ``running`` until it ends, then ``ended``."""
    opens = rooms.c.opens_at
    waits = opens.is_not(None) & (opens > now_ms)
    return sa.case((talks.c.ended_ms.is_not(None), "ended"), (waits, "scheduled"), else_="running")


def _place(cursor: str) -> Any:
    """Behind ``<starts_ms>:<room>``. Raises ValueError."""
    at, _, room = cursor.partition(":")
    if not SLUG.fullmatch(room) or not at.isascii() or not at.isdigit() or len(at) > 15:
        raise ValueError("cursor")
    return (talks.c.starts_ms < int(at)) | ((talks.c.starts_ms == int(at)) & (talks.c.room > room))


class Overview(Keeping):
    """The organiser's half of ``hub.ports.talks.Talks``."""

    async def counts(self) -> TalkCounts:
        state = _state(self._now_ms()).label("state")
        grouped = (
            sa.select(rooms.c.mode, state, sa.func.count().label("n"))
            .join(talks, talks.c.room == rooms.c.slug)
            .group_by(rooms.c.mode, state)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(grouped)).all()
        found = {(row.mode, row.state): row.n for row in rows}
        by_mode = {
            mode: sum(n for (of, _), n in found.items() if of == mode)
            for mode in sorted({mode for mode, _ in found})
        }
        totals = {state: sum(n for (_, of), n in found.items() if of == state) for state in STATES}
        return TalkCounts(by_mode=by_mode, by_mode_and_state=found, **totals)

    async def list(
        self, *, state: str | None, mode: str | None, cursor: str | None, limit: int,
        q: str | None = None,
    ) -> tuple[tuple[Talk, ...], str | None]:  # fmt: skip
        limit = max(1, min(limit, _LIMIT_MAX))
        query = select_talks().order_by(talks.c.starts_ms.desc(), talks.c.room).limit(limit + 1)
        if state is not None:
            query = query.where(_state(self._now_ms()) == state)
        if mode is not None:
            query = query.where(rooms.c.mode == mode)
        if q:
            query = query.where(
                talks.c.room.icontains(q, autoescape=True)
                | talks.c.company.icontains(q, autoescape=True)
                | (talks.c.origin_id == q)
            )
        if cursor is not None:
            query = query.where(_place(cursor))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        found = tuple(record(row) for row in rows[:limit])
        if len(rows) <= limit:
            return found, None
        return found, f"{found[-1].starts_ms}:{found[-1].room}"
