"""``SqlDirectory``: the Directory port on SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config
from hub.fair.base import wall_clock_ms
from hub.fair.engine import make_engine, transaction
from hub.fair.sessions import SqlSessions
from hub.fair.tables import rooms
from hub.ports import RoomExists, RoomRecord, StaleVersion
from rooms.model import Kind, Mode, RoomSpec

LIMIT_MAX: Final = 500  # rows of one page, whoever asks
READY_S: Final = 2.0
_NOT_SPEC: Final = ("version", "created_ms")


def room_row(spec: RoomSpec) -> dict[str, Any]:
    """The columns of ``rooms`` that a specification fills."""
    row = {field: getattr(spec, field) for field in spec.__struct_fields__}
    row["kind"] = spec.kind.value
    row["mode"] = None if spec.mode is None else spec.mode.value
    return row


def _to_record(row: sa.Row[Any]) -> RoomRecord:
    values = dict(row._mapping)
    version, created_ms = (values.pop(name) for name in _NOT_SPEC)
    values["kind"] = Kind(values["kind"])
    values["mode"] = None if values["mode"] is None else Mode(values["mode"])
    return RoomRecord(RoomSpec(**values), version, created_ms)


class SqlDirectory(SqlSessions):
    """Implements ``hub.ports.Directory``. ``now_ms``: milliseconds since the Unix epoch."""

    def __init__(self, engine: AsyncEngine, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        super().__init__(engine, now_ms)

    async def room(self, slug: str) -> RoomRecord | None:
        async with transaction(self._engine) as connection:
            found = await connection.execute(sa.select(rooms).where(rooms.c.slug == slug))
            row = found.one_or_none()
        return None if row is None else _to_record(row)

    async def rooms(
        self, *, kind: str | None, q: str | None, cursor: str | None, limit: int
    ) -> tuple[tuple[RoomRecord, ...], str | None]:
        """A page of rooms in slug order; ``cursor`` is the last slug of the page before.

        ``q`` is looked for in title and slug, without regard to case.
        """
        limit = max(1, min(limit, LIMIT_MAX))
        query = sa.select(rooms).order_by(rooms.c.slug).limit(limit + 1)
        if kind is not None:
            query = query.where(rooms.c.kind == kind)
        if q:
            query = query.where(
                rooms.c.title.icontains(q, autoescape=True)
                | rooms.c.slug.icontains(q, autoescape=True)
            )
        if cursor is not None:
            query = query.where(rooms.c.slug > cursor)
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        records = tuple(_to_record(row) for row in rows[:limit])
        return records, records[-1].spec.slug if len(rows) > limit else None

    async def create_room(self, spec: RoomSpec) -> RoomRecord:
        record = RoomRecord(spec, 1, self._now_ms())
        try:
            async with transaction(self._engine) as connection:
                await connection.execute(
                    sa.insert(rooms).values(
                        **room_row(spec), version=record.version, created_ms=record.created_ms
                    )
                )
        except IntegrityError:
            raise RoomExists(spec.slug) from None
        return record

    async def change_room(self, slug: str, version: int, spec: RoomSpec) -> RoomRecord:
        """Compare and swap on ``version``: of two changes at once exactly one succeeds.

        Raises:
            StaleVersion: the stored version is another.
            LookupError: there is no such room.
        """
        change = (
            sa.update(rooms)
            .where(rooms.c.slug == slug, rooms.c.version == version)
            .values(**room_row(spec), version=version + 1)
            .returning(rooms)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(change)).one_or_none()
        if row is not None:
            return _to_record(row)
        if await self.room(slug) is None:
            raise LookupError(slug)
        raise StaleVersion(slug)

    async def close_room(self, slug: str) -> bool:
        """Mark the room closed for good; False when there is no such room. May be repeated."""
        change = (
            sa.update(rooms)
            .where(rooms.c.slug == slug, rooms.c.closed.is_(False))
            .values(closed=True, version=rooms.c.version + 1)
            .returning(rooms.c.slug)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(change)).one_or_none()
        return row is not None or await self.room(slug) is not None

    async def ready(self) -> str | None:
        try:
            async with asyncio.timeout(READY_S), self._engine.connect() as connection:
                await connection.execute(sa.select(rooms.c.slug).limit(1))
        except TimeoutError:
            return f"the database did not answer within {READY_S:g} s"
        except (SQLAlchemyError, OSError) as fault:
            return f"the database does not answer: {type(fault).__name__}"
        return None

    async def close(self) -> None:
        await self._engine.dispose()


def open_directory(config: Config) -> SqlDirectory:
    """The directory alone, on a pool of its own, for commands that need no more."""
    return SqlDirectory(make_engine(config.database_url))
