"""Reading the programme: lists by whatever, what is on now and what comes next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.conferences.rows import SELECT, with_speakers
from hub.fair.engine import transaction
from hub.fair.search import ids
from hub.fair.tables import agenda, conferences, speakers
from hub.ports.programme import Conference, Filter, NowNext

LIMIT_MAX: Final = 500
ROOMS_MAX: Final = 200
_STARTS_MAX: Final = 20_000  # different moments at which something begins
_C: Final = conferences.c
_CURSOR: Final = re.compile(r"(\d{1,15})\.([a-z0-9-]{1,64})")


def _conditions(connection: AsyncConnection, wanted: Filter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.from_ms is not None:
        found.append(_C.starts_ms >= wanted.from_ms)
    if wanted.to_ms is not None:
        found.append(_C.starts_ms < wanted.to_ms)
    if wanted.ends_after_ms is not None:
        found.append(_C.ends_ms > wanted.ends_after_ms)
    for name in ("sector", "room", "company"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(_C[name] == value)
    if wanted.language is not None:
        # A list of tags in JSON; a tag in its quotes is nothing else's part.
        listed = sa.cast(_C.languages, sa.Text)
        found.append(listed.contains(f'"{wanted.language}"', autoescape=True))
    if wanted.speaker is not None:
        found.append(
            _C.slug.in_(sa.select(speakers.c.conference).where(speakers.c.person == wanted.speaker))
        )
    if wanted.agenda_of is not None:
        found.append(
            _C.slug.in_(sa.select(agenda.c.conference).where(agenda.c.person == wanted.agenda_of))
        )
    if wanted.q:
        matching = ids(connection, "conference", wanted.q)
        found.append(sa.false() if matching is None else _C.slug.in_(matching))
    if not wanted.cancelled:
        found.append(_C.cancelled.is_(False))
    return found


def _after(cursor: str) -> sa.ColumnElement[bool]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise ValueError(f"no cursor: {cursor!r}")
    starts, slug = int(match[1]), match[2]
    return sa.or_(_C.starts_ms > starts, sa.and_(_C.starts_ms == starts, _C.slug > slug))


class Lists(Part):
    """What anyone may read."""

    async def get(self, slug: str) -> Conference | None:
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(SELECT.where(_C.slug == slug))).all()
            found = await with_speakers(connection, rows)
        return found[0] if found else None

    async def find(
        self, wanted: Filter, cursor: str | None, limit: int
    ) -> tuple[tuple[Conference, ...], str | None]:
        limit = max(1, min(limit, LIMIT_MAX))
        behind = [] if cursor is None else [_after(cursor)]
        query = SELECT.order_by(_C.starts_ms, _C.slug).limit(limit + 1)
        async with transaction(self._engine) as connection:
            conditions = _conditions(connection, wanted) + behind
            rows = (await connection.execute(query.where(*conditions))).all()
            page = await with_speakers(connection, rows[:limit])
        more = len(rows) > limit
        return page, f"{page[-1].draft.starts_ms}.{page[-1].slug}" if more else None

    async def starts(self, wanted: Filter) -> tuple[tuple[int, int], ...]:
        query = (
            sa.select(_C.starts_ms, sa.func.count())
            .group_by(_C.starts_ms)
            .order_by(_C.starts_ms)
            .limit(_STARTS_MAX)
        )
        async with transaction(self._engine) as connection:
            conditions = _conditions(connection, wanted)
            rows = (await connection.execute(query.where(*conditions))).all()
        return tuple((starts, count) for starts, count in rows)

    async def now_next(self, rooms: Sequence[str]) -> dict[str, NowNext]:
        rooms = rooms[:ROOMS_MAX]
        if not rooms:
            return {}
        now = self._now_ms()
        place = sa.func.row_number().over(partition_by=_C.room, order_by=_C.starts_ms)
        nearest = (
            sa.select(_C.slug, place.label("place"))
            .where(_C.room.in_(rooms), _C.cancelled.is_(False), _C.ends_ms > now)
            .subquery()
        )
        query = (
            SELECT.join(nearest, nearest.c.slug == _C.slug)
            .where(nearest.c.place <= 2)
            .order_by(_C.room, _C.starts_ms)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
            found = await with_speakers(connection, rows)
        by_room: dict[str, list[Conference]] = {}
        for one in found:
            by_room.setdefault(one.draft.room, []).append(one)
        return {room: _now_next(listed, now) for room, listed in by_room.items()}


def _now_next(listed: list[Conference], now_ms: int) -> NowNext:
    if listed[0].draft.starts_ms <= now_ms:
        return NowNext(listed[0], listed[1] if len(listed) > 1 else None)
    return NowNext(None, listed[0])
