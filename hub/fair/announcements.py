"""Announcements on SQL: what holds, whom it is for; and whose agenda has what begins soon."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import (
    agenda,
    announcements,
    company_staff,
    conferences,
    entry_slots,
    passes,
    people,
    speakers,
)
from hub.ports.fair import Announcement
from hub.ports.programme import Reminder
from rooms.news import Audience

CURRENT_MAX: Final = 50
LIST_MAX: Final = 200
PEOPLE_MAX: Final = 500
DUE_MAX: Final = 2_000
_ID: Final = re.compile(r"[0-9a-f]{1,32}")
_CURSOR: Final = re.compile(r"(\d{1,15})\.([0-9a-f]{1,32})")

Conditions = list[sa.ColumnElement[bool]]

_A = announcements.c
_P = people.c


def in_sectors(dialect: str, slugs: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether a row of ``people`` has one of ``slugs`` in its JSON list of sectors."""
    if dialect == "sqlite":
        each: Any = sa.func.json_each(_P.sectors).table_valued("value")
    else:
        each = sa.func.json_array_elements_text(_P.sectors).table_valued("value")
    return sa.exists(sa.select(sa.literal(1)).select_from(each).where(each.c.value.in_(slugs)))


def on_site(day_ms: int) -> sa.ColumnElement[bool]:
    """Whether a person has come in with a pass of a slot that has not ended by ``day_ms``."""
    return sa.exists(
        sa.select(sa.literal(1))
        .select_from(passes.join(entry_slots, entry_slots.c.id == passes.c.slot))
        .where(
            passes.c.person == _P.id,
            passes.c.entered_ms.is_not(None),
            passes.c.cancelled_ms.is_(None),
            entry_slots.c.ends_ms > day_ms,
        )
    )


def _role(role: str) -> sa.ColumnElement[bool]:
    if role == "exhibitor":
        return sa.exists().where(company_staff.c.person == _P.id)
    if role == "speaker":
        return sa.exists().where(speakers.c.person == _P.id)
    return sa.true() if role == "participant" else _P.role == role


class SqlAnnouncements(Part):
    """Implements ``hub.ports.fair.Announcements``."""

    async def create(
        self, texts: Mapping[str, str], audience: Audience, until_ms: int, by: str
    ) -> Announcement:
        made = Announcement(
            secrets.token_hex(8), dict(texts), audience, by, self._now_ms(), until_ms, None
        )
        values = {
            "id": made.id,
            "texts": made.texts,
            "audience": msgspec.to_builtins(audience),
            "by": by,
            "created_ms": made.created_ms,
            "until_ms": until_ms,
        }
        async with transaction(self._engine) as connection:
            await connection.execute(announcements.insert().values(**values))
        return made

    async def withdraw(self, id: str) -> Announcement | None:
        if not _ID.fullmatch(id):
            return None
        change = (
            announcements.update()
            .where(_A.id == id, _A.withdrawn_ms.is_(None))
            .values(withdrawn_ms=self._now_ms())
        )
        async with transaction(self._engine) as connection:
            await connection.execute(change)
        return await self.get(id)

    async def get(self, id: str) -> Announcement | None:
        if not _ID.fullmatch(id):  # PostgreSQL takes no NUL in a text
            return None
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(sa.select(announcements).where(_A.id == id))
            ).one_or_none()
        return None if row is None else _announcement(row)

    async def list(
        self, cursor: str | None, limit: int
    ) -> tuple[tuple[Announcement, ...], str | None]:
        limit = max(1, min(limit, LIST_MAX))
        query = sa.select(announcements).order_by(_A.created_ms.desc(), _A.id).limit(limit + 1)
        if cursor is not None:
            match = _CURSOR.fullmatch(cursor)
            if match is None:
                raise ValueError("the cursor is none of ours")
            at, id = int(match[1]), match[2]
            query = query.where(
                sa.or_(_A.created_ms < at, sa.and_(_A.created_ms == at, _A.id > id))
            )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        page = tuple(_announcement(row) for row in rows[:limit])
        more = len(rows) > limit
        return page, f"{page[-1].created_ms}.{page[-1].id}" if more else None

    async def current(self) -> tuple[Announcement, ...]:
        query = (
            sa.select(announcements)
            .where(_A.withdrawn_ms.is_(None), _A.until_ms > self._now_ms())
            .order_by(_A.created_ms.desc(), _A.id)
            .limit(CURRENT_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(_announcement(row) for row in reversed(rows))

    # --- whom it is for -----------------------------------------------------------------------

    def _is_for(self, audience: Audience) -> Conditions:
        """Conditions on a row of ``people``, all of which must hold."""
        found: Conditions = [_P.erased_ms.is_(None), _P.blocked.is_(False)]
        if audience.roles:
            found.append(sa.or_(*map(_role, audience.roles)))
        if audience.sectors:
            found.append(in_sectors(self._engine.dialect.name, audience.sectors))
        if audience.countries:
            found.append(_P.country.in_(audience.countries))
        if audience.rooms:
            held = conferences.c.room.in_(audience.rooms) & conferences.c.cancelled.is_(False)
            found.append(
                sa.or_(
                    *(
                        _P.id.in_(
                            sa.select(table.c.person)
                            .join(conferences, conferences.c.slug == table.c.conference)
                            .where(held, table.c.person.is_not(None))
                        )
                        for table in (agenda, speakers)
                    )
                )
            )
        if audience.on_site is not None:
            there = on_site(self._now_ms())
            found.append(there if audience.on_site else ~there)
        return found

    async def reach(self, audience: Audience) -> int:
        query = sa.select(sa.func.count()).select_from(people).where(*self._is_for(audience))
        async with transaction(self._engine) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def addressed(self, audience: Audience, asked: Sequence[str]) -> frozenset[str]:
        if len(asked) > PEOPLE_MAX:
            raise ValueError(f"at most {PEOPLE_MAX} people at a time")
        query = sa.select(_P.id).where(_P.id.in_(asked), *self._is_for(audience))
        async with transaction(self._engine) as connection:
            return frozenset((await connection.execute(query)).scalars())

    # --- what begins soon ---------------------------------------------------------------------

    async def due(
        self,
        from_ms: int,
        to_ms: int,
        *,
        person: str | None = None,
        touched_ms: int | None = None,
        after: tuple[str, str] | None = None,
    ) -> tuple[Reminder, ...]:
        of = conferences.c
        key = (agenda.c.conference, agenda.c.person)
        query = (
            sa.select(agenda.c.person, of.slug, of.title, of.titles, of.room, of.starts_ms)
            .join(agenda, agenda.c.conference == of.slug)
            .where(of.starts_ms >= from_ms, of.starts_ms < to_ms, of.cancelled.is_(False))
            .order_by(*key)
            .limit(DUE_MAX)
        )
        if person is not None:
            query = query.where(agenda.c.person == person)
        if touched_ms is not None:
            query = query.where(
                sa.or_(agenda.c.added_ms >= touched_ms, of.changed_ms >= touched_ms)
            )
        if after is not None:
            query = query.where(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after)))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            Reminder(row.person, row.slug, row.title, row.titles, row.room, row.starts_ms)
            for row in rows
        )


def _announcement(row: sa.Row[Any]) -> Announcement:
    return Announcement(
        id=row.id,
        texts=row.texts,
        audience=msgspec.convert(row.audience, Audience),
        by=row.by,
        created_ms=row.created_ms,
        until_ms=row.until_ms,
        withdrawn_ms=row.withdrawn_ms,
    )
